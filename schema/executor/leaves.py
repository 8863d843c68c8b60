"""Leaves: Python expressions that give for a value what graphql-core's `coerce_output_value` gives.

Each looks at the exact class of the value first. Where that is the usual one the expression says itself what comes
out; anything else goes to `exact`, which asks graphql-core.
"""

from collections.abc import Callable
from contextlib import suppress
from enum import Enum
from math import isfinite
from typing import Any

from graphql import (
    GraphQLBoolean,
    GraphQLEnumType,
    GraphQLFloat,
    GraphQLID,
    GraphQLInt,
    GraphQLLeafType,
    GraphQLString,
    Undefined,
)

from schema.executor.reads import Surprise, ordinary, unchanged

INLINE: dict[Any, str] = {
    GraphQLString: "{v} if type({v} := {value}) is str else {exact}({v})",
    GraphQLBoolean: "{v} if type({v} := {value}) is bool else {exact}({v})",
    GraphQLInt: "{v} if type({v} := {value}) is int and -2147483648 <= {v} <= 2147483647 else {exact}({v})",
    GraphQLFloat: "{v} if type({v} := {value}) is float and {isfinite}({v}) else {exact}({v})",
    GraphQLID: "str({v}) if type({v} := {value}) in {known} else {exact}({v})",
}
BY_MEMBER = "{names}.get(id({v} := {value})) or {exact}({v})"
BY_CLASS = (
    "({r} if ({r} := {coerce}({v})) is not None and {r} is not {undefined} else {exact}({v}))"
    " if type({v} := {value}) in {known} else {exact}({v})"
)
UNCHANGED = "{v} if type({v} := {value}) in {known} else {exact}({v})"
EXACT = "{exact}({v})"


class Leaf:
    """How values of a leaf type are completed, where null may stand or where it may not."""

    def __init__(self, kind: GraphQLLeafType, *, nullable: bool) -> None:
        self._kind, self._nullable = kind, nullable
        self._coerce: Callable[[Any], Any] = kind.coerce_output_value
        # Of an ID, the classes whose instances are written by str(); else those that the coercion may be given.
        self._known: set[type] = {str} if kind is GraphQLID else set()

    def expression(self, value: str, name: Callable[[object], str]) -> str:
        """Returns an expression for an expression; `name` gives things a name in it."""
        names = _names(self._kind)
        form = INLINE.get(self._kind) or (BY_MEMBER if names else UNCHANGED if self._coerce is unchanged else BY_CLASS)
        if self._nullable:
            form = form.replace(EXACT, f"(None if {{v}} is None else {EXACT})")
        things = {
            "exact": self.exact, "known": self._known, "coerce": self._coerce,
            "names": names, "isfinite": isfinite, "undefined": Undefined,
        }  # fmt: skip
        used = {word: name(thing) for word, thing in things.items() if f"{{{word}}}" in form}
        return f"({form.format(value=value, v='v', r='r', **used)})"

    def exact(self, value: Any) -> Any:
        """Returns what graphql-core makes of any value; raises where that is an error, or none of its business."""
        if value is None and self._nullable:
            return None
        kind: type = type(value)
        if not ordinary(kind):
            raise Surprise
        coerced = self._coerce(value)
        if coerced is None or coerced is Undefined:
            raise Surprise
        if self._kind is not GraphQLID or (kind.__module__ != "builtins" and not issubclass(kind, str | int | float)):
            self._known.add(kind)
        return coerced


def _names(kind: GraphQLLeafType) -> dict[int, str]:
    """Returns the names of an enum whose values are members of a Python enum, by the members' identities."""
    if not isinstance(kind, GraphQLEnumType):
        return {}
    members = getattr(kind, "wrapped_cls", None) or [entry.value for entry in kind.values.values()]
    found = {}
    for member in members:
        if not isinstance(member, Enum):
            return {}
        with suppress(Exception):  # which is told when such a value comes
            found[id(member)] = kind.coerce_output_value(member)
    return found
