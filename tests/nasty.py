"""A small schema with everything in it that goes wrong, and a world of things for it, some of them odd."""

import asyncio
from collections.abc import Callable, Iterator
from enum import Enum
from typing import Any, NamedTuple

from graphql import (
    GraphQLArgument,
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLError,
    GraphQLField,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    GraphQLObjectType,
    GraphQLScalarType,
    GraphQLSchema,
    GraphQLString,
    GraphQLUnionType,
    Undefined,
)
from hypothesis import strategies as st

from schema.executor.loader import Loader
from schema.executor.reads import TOLD, Edge, Function, by_class
from tests.documents import mostly


class Mood(Enum):
    CALM = "calm"
    WILD = "wild"


class Thing:
    """Something with whatever attributes."""

    def __init__(self, **given: Any) -> None:
        vars(self).update(given)

    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class Cat(Thing): ...


class Dog(Thing): ...


class Person(Thing): ...


class Toy(Thing): ...


class Raised(NamedTuple):
    """Stands for an error that is raised where this is read."""

    error: Exception


def odd_serialize(value: Any) -> Any:
    if value == 4:
        return None
    if value == 5:
        return Undefined
    if not isinstance(value, int) or value % 2 == 0:
        raise GraphQLError("This is not odd.", extensions={"code": "EVEN"})
    return {"odd": value}


Odd = GraphQLScalarType("Odd", serialize=odd_serialize)
MoodType = GraphQLEnumType("Mood", Mood)
Size = GraphQLEnumType("Size", {"SMALL": 1, "LARGE": 2, "LIST": [3]})


def read(name: str) -> Callable[[Any], Any]:
    """Returns what reads an attribute, and raises what stands there to be raised."""

    def function(source: Any) -> Any:
        value = getattr(source, name)
        if isinstance(value, Raised):
            raise value.error
        return value

    return function


def pure(kind: Any, name: str) -> GraphQLField:
    """A field that a function of its parent reads."""
    function = read(name)
    return GraphQLField(kind, resolve=lambda source, _info: function(source), extensions={TOLD: Function(function)})


def edge(kind: Any, name: str, args: Any = None) -> GraphQLField:
    """A field that a loader finds, of as many turns of the event loop as its argument says."""
    key = read(name)

    def loader(info: Any, late: int = 0) -> Loader:
        if late < 0:
            raise ValueError("It can't be that early.")
        return info.context.loader(name, late)

    async def resolve(source: Any, info: Any, **given: Any) -> Any:
        wanted = key(source)
        return None if wanted is None else await loader(info, **given).load(wanted)

    return GraphQLField(kind, args, resolve=resolve, extensions={TOLD: Edge(key, loader)})


def slow(kind: Any, name: str) -> GraphQLField:
    """A field that only its resolver knows, which takes its time."""
    function = read(name)

    async def resolve(source: Any, info: Any, late: int = 0) -> Any:
        for _ in range(late):
            await asyncio.sleep(0)
        info.context.told.append(name)
        return function(source)

    return GraphQLField(kind, {"late": LATE}, resolve=resolve)


def told(kind: Any, name: str) -> GraphQLField:
    """A field that only its resolver knows, which answers at once."""
    function = read(name)

    def resolve(source: Any, info: Any, **given: Any) -> Any:
        info.context.told.append((name, tuple(sorted(given))))
        return function(source)

    return GraphQLField(kind, {"late": LATE, "sizes": GraphQLArgument(GraphQLList(Size))}, resolve=resolve)


LATE = GraphQLArgument(GraphQLInt, default_value=0)
NON = GraphQLNonNull
Being = GraphQLInterfaceType(
    "Being",
    lambda: {"id": GraphQLField(NON(GraphQLID)), "name": GraphQLField(GraphQLString), "friend": GraphQLField(Being)},
)


def being() -> dict[str, GraphQLField]:
    return {
        "id": GraphQLField(NON(GraphQLID)),
        "name": GraphQLField(GraphQLString),
        "friend": GraphQLField(Being),
        "lives": GraphQLField(NON(GraphQLInt)),
        "weight": GraphQLField(GraphQLFloat),
        "tame": GraphQLField(GraphQLBoolean),
        "mood": GraphQLField(MoodType),
        "size": GraphQLField(Size),
        "odd": GraphQLField(Odd),
        "odds": pure(GraphQLList(NON(Odd)), "odds"),
        "matrix": GraphQLField(NON(GraphQLList(GraphQLList(NON(GraphQLInt))))),
        "toys": GraphQLField(NON(GraphQLList(NON(ToyType)))),
        "maybe_toys": pure(GraphQLList(ToyType), "maybe_toys"),
        "owner": edge(PersonType, "owner", {"late": LATE}),
        "keeper": edge(NON(PersonType), "keeper"),
        "nick": edge(NON(GraphQLString), "nick"),
        "herd": edge(GraphQLList(NON(CatType)), "herd"),
        "soon": slow(GraphQLString, "soon"),
        "sure": slow(NON(CatType), "sure"),
        "now": told(NON(GraphQLString), "now"),
        "grid": told(GraphQLList(GraphQLList(CatType)), "grid"),
        "pets": GraphQLField(GraphQLList(NON(Pet))),
    }


def is_a(kind: type) -> Callable[[Any, Any], bool]:
    return lambda value, _info: isinstance(value, kind)


CatType = GraphQLObjectType("Cat", being, [Being], is_type_of=by_class(is_a(Cat)))
DogType = GraphQLObjectType("Dog", being, [Being], is_type_of=is_a(Dog))
PersonType = GraphQLObjectType(
    "Person",
    lambda: {
        "id": GraphQLField(NON(GraphQLID)),
        "name": GraphQLField(NON(GraphQLString)),
        "cat": GraphQLField(NON(CatType)),
        "cats": pure(NON(GraphQLList(NON(CatType))), "cats"),
        "boss": edge(PersonType, "boss"),
        "dog": told(DogType, "dog"),
    },
    is_type_of=by_class(is_a(Person)),
)
ToyType = GraphQLObjectType(
    "Toy",
    lambda: {
        "name": GraphQLField(NON(GraphQLString)),
        "odd": GraphQLField(NON(Odd)),
        "of": GraphQLField(CatType),
        "maker": edge(PersonType, "maker"),
    },
)
Pet = GraphQLUnionType("Pet", [CatType, DogType], resolve_type=lambda value, *_: getattr(value, "kind", None))
ROOTS: dict[str, Callable[[Any, str], GraphQLField]] = {"cat": pure, "cats": pure, "dog": told, "person": slow}
ANSWERS = {"cat": CatType, "cats": NON(GraphQLList(CatType)), "dog": DogType, "person": NON(PersonType)}
MORE = {"sure_cats": GraphQLField(GraphQLList(NON(CatType))), "late_cats": slow(GraphQLList(CatType), "cats")}
FIELDS = {name: ROOTS[name](ANSWERS[name], name) for name in ROOTS} | MORE
SCHEMA = GraphQLSchema(
    GraphQLObjectType("Query", FIELDS),
    GraphQLObjectType(
        "Mutation", {"cat": slow(CatType, "cat"), "dog": told(NON(DogType), "dog"), "cats": FIELDS["cats"]}
    ),
    types=[CatType, DogType],
)


class Context:
    """What one run carries along: its loaders, and what its resolvers say that they did."""

    def __init__(self, world: "World", told: list[Any]) -> None:
        self.world, self.told, self._loaders = world, told, {}

    def loader(self, name: str, late: int) -> Loader:
        async def load(keys: list[Any]) -> list[Any]:
            for _ in range(late):
                await asyncio.sleep(0)
            if name in self.world.broken:
                raise self.world.broken[name]
            return [self.world.found(name, key) for key in keys]

        return self._loaders.setdefault((name, late), Loader(load))


class World:
    """Two cats, two dogs, two persons and two toys, all of them sound until somebody puts something odd in."""

    def __init__(self) -> None:
        self.broken: dict[str, Exception] = {}
        self.toys = [Toy(name=f"toy {n}", odd=n * 2 + 1, of=None, maker=n) for n in range(2)]
        self.cats = [self._being(Cat, n) for n in range(2)]
        self.dogs = [self._being(Dog, n) for n in range(2)]
        self.persons = [
            Person(
                id=n,
                name=f"person {n}",
                cat=self.cats[n],
                cats=self.cats[: n + 1],
                boss=n - 1 or None,
                dog=self.dogs[n],
            )
            for n in range(2)
        ]
        for one, other in ((self.cats, self.dogs), (self.dogs, self.cats)):
            for n, being in enumerate(one):
                vars(being).update(
                    friend=other[n], sure=self.cats[1 - n], grid=[self.cats, [None]], pets=[*one, *other]
                )
        self.toys[0].of = self.cats[1]
        cats = self.cats
        self.root = Thing(
            cat=cats[0], cats=cats, dog=self.dogs[0], person=self.persons[0], sure_cats=(*cats, cats[0]),
        )  # fmt: skip

    def _being(self, kind: type[Thing], n: int) -> Thing:
        return kind(
            kind=kind.__name__, id=f"{kind.__name__}{n}", name=f"name {n}", lives=9 - n, weight=n + 0.5, tame=n == 0,
            mood=[Mood.CALM, Mood.WILD][n], size=n + 1, odd=2 * n + 1, odds=[1, 3], matrix=[[1, 2], None, []],
            toys=self.toys[: n + 1], maybe_toys=[self.toys[0], None], owner=[0, None][n], keeper=n, nick=n, herd=n,
            soon="soon", now="now",
        )  # fmt: skip

    @property
    def things(self) -> list[Thing]:
        return [self.root, *self.cats, *self.dogs, *self.persons, *self.toys]

    def found(self, name: str, key: Any) -> Any:
        """Returns what a loader finds: names, herds of cats, or persons; None for a hole."""
        if isinstance(key, str):
            return KeyError(key)
        if not 0 <= key < 2:
            return None
        return {"nick": f"nick {key}", "herd": self.cats[key:]}.get(name, self.persons[key])


def once(make: Callable[[], Any]) -> Callable[..., Any]:
    """Returns what the default resolver calls to get a value that can be used only once."""
    return lambda _info, **_: make()


def boom() -> Any:
    raise RuntimeError("boom")


class Promise:
    """Something to await, which nobody misses when it is not awaited."""

    def __init__(self, value: Any, late: int) -> None:
        self.value, self.late = value, late

    def __await__(self) -> Any:
        for _ in range(self.late):
            yield from asyncio.sleep(0).__await__()
        if isinstance(self.value, Exception):
            raise self.value
        return self.value


def items(*values: Any) -> Iterator[Any]:
    yield from values


PLAIN: tuple[Any, ...] = (
    None, None, Undefined, ValueError("as a value"), GraphQLError("told", extensions={"code": "TOLD"}), "text", "", "7",
    2**40, 0, 3, 4, 5, -1, 1.5, float("nan"), True, Mood.CALM, [], [None], [3, None], [[None]], [4], {"a": 1}, b"bytes",
    ("tuple", 1), (3,), object, Thing(kind="Cat"), Thing(), Cat(), Toy(name=None), Person(id=None), {"name": "mapped"},
)  # fmt: skip
CALLED = (
    once(boom), once(lambda: "called"), once(lambda: Promise("late", 1)), once(lambda: Promise(None, 2)),
    once(lambda: Promise(KeyError("late"), 0)), once(lambda: items(Cat(), None)), once(lambda: items(3, 5)),
    once(lambda: [Promise(3, 1), 4, Promise(ValueError("item"), 0)]), once(lambda: [Promise(3, 0), 1]),
)  # fmt: skip


@st.composite
def worlds(draw: st.DrawFn) -> World:
    """Draws a world with a few odd places."""
    world = World()
    places = [(thing, sorted(vars(thing))) for thing in world.things]
    for _ in range(draw(st.sampled_from([0, 1, 2, 4, 8, 16]))):
        thing, names = draw(st.sampled_from(places))
        name = draw(st.sampled_from(names))
        match draw(st.integers(0, 11)):
            case 0:
                vars(thing).pop(name, None)
            case 1:
                setattr(thing, name, Raised(LookupError(name)))
            case 2 | 3:
                setattr(thing, name, draw(st.sampled_from(CALLED)))
            case 4:
                setattr(thing, name, [getattr(thing, name, None), draw(st.sampled_from(PLAIN))])
            case 5 | 6:
                setattr(thing, name, None)
            case _:
                setattr(thing, name, draw(st.sampled_from(PLAIN)))
    if draw(st.integers(0, 9)) == 0:
        world.broken[draw(st.sampled_from(["owner", "keeper", "herd", "boss"]))] = OSError("broken")
    return world


def arguments(name: str, _arg: Any) -> st.SearchStrategy[tuple[str, Any]]:
    """Draws what an argument says, as a literal and as a variable's value."""
    if name == "sizes":
        return st.sampled_from([("[SMALL]", ["SMALL"]), ("LARGE", "LARGE"), ("[SMALL, null]", [None]), ("null", None)])
    good = st.sampled_from([("0", 0), ("1", 1), ("2", 2), ("3", 3)])
    return mostly(good, st.sampled_from([("-1", -1), ("null", None), ('"x"', "x")]))
