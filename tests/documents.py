"""Hypothesis strategies for what is sent to GraphQL: any JSON, and operations made from the schema."""

import json
from functools import cache
from typing import Any

from graphql import (
    GraphQLArgument,
    GraphQLEnumType,
    GraphQLInputObjectType,
    GraphQLInterfaceType,
    GraphQLList,
    GraphQLNonNull,
    get_named_type,
    is_leaf_type,
    is_required_argument,
    is_required_input_field,
)
from hypothesis import strategies as st

from schema.build import schema
from tests.factories import PASSWORD

# Stand-ins for what is known only once the database is filled.
NAMES = ("@agent", "@project", "@kind", "@user")
TEXTS = ("@slug", "@email", "@refresh", PASSWORD, "", " ", "\x00", "a" * 300, "name", "-name", "'; --", "\u202e", "👍")
CORE = schema._schema
ROOTS = {"query": CORE.query_type, "mutation": CORE.mutation_type, "subscription": CORE.subscription_type}
DEEPEST = 4


def mostly(good: st.SearchStrategy[Any], odd: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """Draws what is good, and now and then what is odd."""
    return st.sampled_from([good] * 14 + [odd]).flatmap(lambda drawn: drawn)


text = st.one_of(st.sampled_from(TEXTS + NAMES), st.text(max_size=20))
any_json = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | text,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(text, inner, max_size=4),
    max_leaves=8,
)
SCALARS: dict[str, st.SearchStrategy[Any]] = {
    "ID": mostly(st.sampled_from(NAMES), st.uuids().map(str) | text),
    "String": text,
    "Int": st.integers(-2, 150) | st.integers(-(2**31), 2**31 - 1),
    "BigInt": st.integers(-2, 2**54) | st.integers(),
    "Float": st.floats(allow_nan=False, allow_infinity=False),
    "Boolean": st.booleans(),
    "Decimal": st.decimals(allow_nan=False, allow_infinity=False).map(str) | st.floats(0, 100) | text,
    "DateTime": st.datetimes().map(lambda time: time.isoformat() + "Z") | text,
    "JSON": any_json,
}


class Word(str):
    """A word that a document writes without quotes."""

    __slots__ = ()


def values(kind: Any) -> st.SearchStrategy[Any]:
    """Draws a value of an input type, and now and then one that is not."""
    if isinstance(kind, GraphQLNonNull):
        return values(kind.of_type)
    return mostly(fitting(kind), any_json)


@cache
def fitting(kind: Any) -> st.SearchStrategy[Any]:
    match kind:
        case GraphQLList():
            return st.lists(values(kind.of_type), max_size=3)
        case GraphQLEnumType():
            return st.sampled_from([*kind.values]).map(Word)
        case GraphQLInputObjectType():
            fields = {name: values(field.type) for name, field in kind.fields.items()}
            needed = {name for name, field in kind.fields.items() if is_required_input_field(field)}
            must, may = ({name: fields[name] for name in names} for names in (needed, fields.keys() - needed))
            return st.fixed_dictionaries(must, optional=dict(sorted(may.items())))
        case _:
            return SCALARS[kind.name]


def literal(value: Any) -> str:
    """Writes a value as documents do."""
    match value:
        case Word():
            return value
        case dict():
            return "{" + ", ".join(f"{name}: {literal(inner)}" for name, inner in value.items()) + "}"
        case list():
            return "[" + ", ".join(map(literal, value)) + "]"
        case _:
            return json.dumps(value)


class Writer:
    """Writes one operation, and keeps the variables that it uses."""

    def __init__(self, draw: st.DrawFn) -> None:
        self.draw = draw
        self.declared: list[str] = []
        self.variables: dict[str, Any] = {}

    def chance(self, of: int) -> bool:
        return self.draw(st.sampled_from([False] * (of - 1) + [True]))

    def operation(self, way: str) -> str:
        body = self.selection(ROOTS[way] or CORE.query_type, 0)
        given = f"({', '.join(self.declared)})" if self.declared else ""
        return f"{way} a{given} {body}"

    def selection(self, kind: Any, depth: int) -> str:
        fields = [(name, field) for name, field in kind.fields.items() if depth < DEEPEST or is_leaf(field)]
        chosen = self.draw(st.lists(st.sampled_from(fields), min_size=1, max_size=3)) if fields else []
        parts = ["__typename", *(self.field(name, field, depth) for name, field in chosen)]
        if isinstance(kind, GraphQLInterfaceType) and depth < DEEPEST:
            one = self.draw(st.sampled_from(CORE.get_possible_types(kind)))
            parts.append(f"... on {one.name} {self.selection(one, depth + 1)}")
        return "{ " + " ".join(parts) + " }"

    def field(self, name: str, field: Any, depth: int) -> str:
        alias = f"a{self.draw(st.integers(0, 9))}: " if self.chance(3) else ""
        taken = [(word, arg) for word, arg in field.args.items() if is_required_argument(arg) or self.chance(4)]
        args = ", ".join(f"{word}: {self.argument(arg)}" for word, arg in taken)
        inner = get_named_type(field.type)
        below = "" if is_leaf_type(inner) else " " + self.selection(inner, depth + 1)
        skip = f" @{self.draw(st.sampled_from(['skip', 'include', 'nope']))}(if: true)" if self.chance(40) else ""
        return f"{alias}{name}{f'({args})' if args else ''}{skip}{below}"

    def argument(self, arg: GraphQLArgument) -> str:
        value = self.draw(values(arg.type))
        if self.chance(2):
            return literal(value)
        name = f"v{len(self.declared)}"
        self.declared.append(f"${name}: {arg.type}")
        self.variables[name] = value
        return f"${name}"


def is_leaf(field: Any) -> bool:
    return is_leaf_type(get_named_type(field.type))


@st.composite
def operations(draw: st.DrawFn) -> dict[str, Any]:
    """Draws a request that runs, or nearly does: an operation, its variables, and at times a slip of the pen."""
    writer = Writer(draw)
    query = writer.operation(draw(st.sampled_from(["query", "query", "mutation", "mutation", "subscription"])))
    if writer.chance(20):
        at = draw(st.integers(0, len(query)))
        query = (
            query[:at] + draw(st.sampled_from(["", "}", "{", '"', "...", "$", " a ", "\x00", "#"])) + query[at + 1 :]
        )
    request: dict[str, Any] = {"query": query, "variables": writer.variables}
    if writer.chance(20):
        request[draw(st.sampled_from(["query", "variables", "operationName", "extensions", "x"]))] = draw(any_json)
    return request


def filled_in(value: Any, known: dict[str, str]) -> bytes:
    """Returns a value as JSON, with what the stand-ins stand for."""
    written = json.dumps(value)
    for name, thing in known.items():
        written = written.replace(name, thing)
    return written.encode()
