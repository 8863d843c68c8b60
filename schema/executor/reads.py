"""How a field gets its value from its parent, where that is told: what is not told is asked of the field's resolver."""

from collections.abc import Awaitable, Callable, Hashable, Sequence
from types import FunctionType, NoneType
from typing import Any, NamedTuple, Protocol, TypeAlias

from graphql import GraphQLField, Undefined

TOLD = "reads"
"""Under which name the extensions of a field tell how it reads."""


class Many(Protocol):
    """What finds the values of many keys at once, an exception in the place of each that failed."""

    def load_many(self, keys: Sequence[Any]) -> Awaitable[Sequence[Any]]: ...


class Attribute(NamedTuple):
    """The value is this attribute of the parent."""

    name: str


class Function(NamedTuple):
    """The value is what a function makes of the parent; it may be called again."""

    read: Callable[[Any], Any]


class Edge(NamedTuple):
    """The value is found by a key of the parent, None where there is none; parents of one key share it."""

    key: Callable[[Any], Hashable]
    loader: Callable[..., Many]
    """Takes the resolve info and the arguments; the info's path is that of the parents' list."""
    attributes: tuple[str, ...] | None = None
    """Of the parent, those that make the key; None if that is not told."""


Read: TypeAlias = Attribute | Function | Edge


def read_of(field: GraphQLField, name: str) -> Read | None:
    """Returns how a field reads, or None where only its resolver knows."""
    told: Read | None = field.extensions.get(TOLD)
    if told is None and field.resolve is None:
        return Attribute(name)
    return told


def by_class(test: Callable[[Any, Any], bool]) -> Callable[[Any, Any], bool]:
    """Marks an `is_type_of` that heeds nothing but the class of the value."""
    setattr(test, BY_CLASS, True)
    return test


def heeds_class(test: object) -> bool:
    """Tells whether an `is_type_of` is marked so."""
    return getattr(test, BY_CLASS, False) is True


def unchanged(value: Any) -> Any:
    """Coerces nothing: whoever writes the result knows how values of this scalar are written."""
    return value


class Surprise(Exception):
    """Something that compiled code was not made for; it is done again, the exact way."""


BY_CLASS = "by_class"
ODD = {"__await__", "__call__", "__class__", "__getattr__"}


def ordinary(kind: type) -> bool:
    """Tells whether values of a class are just values: no errors, nothing to await or call, no stand-ins."""
    if kind in {NoneType, type(Undefined)} or issubclass(kind, BaseException):
        return False
    odd = any(ODD & vars(base).keys() for base in kind.__mro__[:-1])
    return not odd and not isinstance(getattr(kind, "__getattribute__", None), FunctionType)
