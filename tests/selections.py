"""Hypothesis strategies for documents that select of any schema in every way there is."""

from typing import Any, NamedTuple

from graphql import (
    GraphQLInterfaceType,
    GraphQLObjectType,
    GraphQLSchema,
    get_named_type,
    is_abstract_type,
    is_leaf_type,
)
from hypothesis import strategies as st

DEEPEST = 5
ALIASES = ("a", "b", "id", "name")


class Asked(NamedTuple):
    """A document, and variables for it."""

    document: str
    variables: dict[str, Any]


class Pen:
    """Writes one operation with its fragments, and keeps the variables that it uses."""

    def __init__(self, draw: st.DrawFn, schema: GraphQLSchema, arguments: Any) -> None:
        self.draw, self.schema, self.arguments = draw, schema, arguments
        self.declared: dict[str, str] = {}
        self.variables: dict[str, Any] = {}
        self.fragments: list[str] = []

    def one_of(self, *things: Any) -> Any:
        return self.draw(st.sampled_from(things))

    def chance(self, of: int) -> bool:
        return self.draw(st.integers(1, of)) == 1

    def selection(self, kind: Any, depth: int, most: int = 4) -> str:
        """Writes what is selected of a composite type."""
        parts = [self.part(kind, depth) for _ in range(self.draw(st.integers(1, most)))]
        return "{ " + " ".join(parts) + " }"

    def part(self, kind: Any, depth: int) -> str:
        if depth < DEEPEST and self.chance(6):
            return self.fragment(kind, depth)
        fields = getattr(kind, "fields", {})
        chosen = {name: field for name, field in fields.items() if depth < DEEPEST or _is_leaf(field)}
        if not chosen or self.chance(10):
            return f"{self.alias()}__typename{self.condition()}"
        name = self.one_of(*chosen)
        inner = get_named_type(chosen[name].type)
        below = "" if is_leaf_type(inner) else " " + self.selection(inner, depth + 1)
        return f"{self.alias()}{name}{self.given(chosen[name])}{self.condition()}{below}"

    def fragment(self, kind: Any, depth: int) -> str:
        """Writes a fragment, named or not, of this type or of one that may be the same thing."""
        on = self.one_of(kind, *self.related(kind))
        body = self.selection(on, depth + 1)
        if self.chance(3):
            self.fragments.append(f"fragment F{len(self.fragments)} on {on.name} {body}")
            name = f"F{len(self.fragments) - 1}"
            return " ".join(f"...{name}{self.condition()}" for _ in range(self.draw(st.integers(1, 2))))
        typed = f" on {on.name}" if on is not kind or self.chance(2) else ""
        return f"...{typed}{self.condition()} {body}"

    def related(self, kind: Any) -> list[Any]:
        if is_abstract_type(kind):
            return [*self.schema.get_possible_types(kind)]
        return [*kind.interfaces] if isinstance(kind, GraphQLObjectType | GraphQLInterfaceType) else []

    def alias(self) -> str:
        return f"{self.one_of(*ALIASES)}: " if self.chance(4) else ""

    def condition(self) -> str:
        if not self.chance(8):
            return ""
        word = self.one_of("skip", "include")
        return f" @{word}(if: {self.one_of('true', 'false', self.flag(), self.flag())})"

    def flag(self) -> str:
        """Declares a variable that says what is skipped or included: given, left to its default, or none at all."""
        name = f"f{self.draw(st.integers(0, 2))}"
        if name not in self.declared:
            self.declared[name] = self.one_of("Boolean = true", "Boolean! = false")
            value = self.draw(st.booleans())
            if not self.chance(12):
                self.variables[name] = None if self.chance(12) else value
        return f"${name}"

    def given(self, field: Any) -> str:
        taken = {name: self.argument(name, arg) for name, arg in field.args.items() if self.wanted(arg)}
        return f"({', '.join(f'{name}: {value}' for name, value in taken.items())})" if taken else ""

    def wanted(self, arg: Any) -> bool:
        return str(arg.type).endswith("!") or self.chance(2)

    def argument(self, name: str, arg: Any) -> str:
        literal, value = self.draw(self.arguments(name, arg))
        if self.chance(2):
            return literal
        variable = f"v{len(self.declared)}"
        self.declared[variable] = str(arg.type)
        if not self.chance(12):
            self.variables[variable] = value
        return f"${variable}"


def _is_leaf(field: Any) -> bool:
    return is_leaf_type(get_named_type(field.type))


@st.composite
def asked(draw: st.DrawFn, schema: GraphQLSchema, arguments: Any, ways: tuple[str, ...] = ("query",)) -> Asked:
    """Draws an operation; `arguments` draws a literal and a variable's value for an argument."""
    pen = Pen(draw, schema, arguments)
    way = pen.one_of(*ways)
    root = {"query": schema.query_type, "mutation": schema.mutation_type}[way]
    body = pen.selection(root, 0, 3)
    given = ", ".join(f"${name}: {kind}" for name, kind in pen.declared.items())
    return Asked(f"{way} O{f'({given})' if given else ''} {body} {' '.join(pen.fragments)}", pen.variables)
