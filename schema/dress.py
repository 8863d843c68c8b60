"""Domain records and inputs in Strawberry's dress: each noun stays declared once, in resolvers.domain."""

import types
from collections.abc import Callable
from datetime import datetime
from decimal import Decimal
from enum import Enum
from functools import cache
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
import strawberry
from msgspec import UnsetType
from strawberry.scalars import JSON

from resolvers.domain.fields import MAX_COUNT, whole
from resolvers.domain.words import PUBLIC_NAMES
from schema.executor.reads import by_class
from schema.scalars import BigInt

C = TypeVar("C", bound=type)
T = TypeVar("T")

SCALARS: dict[Any, Any] = {UUID: strawberry.ID, dict: JSON, object: JSON, Decimal: Decimal, datetime: datetime}


def dressed(record: type[msgspec.Struct], *, name: str | None = None, says: str | None = None) -> Callable[[C], C]:
    """Gives a Strawberry type the fields of a record; resolvers get the record itself as their parent."""

    def decorate(cls: C) -> C:
        own = {}
        for field, kind, about in described(record):
            own[field] = kind
            setattr(cls, field, strawberry.field(description=about))
        cls.__annotations__ = {**own, **vars(cls).get("__annotations__", {})}
        cls.is_type_of = staticmethod(by_class(lambda value, _: issubclass(whole(type(value)), record)))  # type: ignore[attr-defined]
        return strawberry.type(cls, name=name or record.__name__, description=says or _summary(record))

    return decorate


def worn(record: object) -> Any:
    """Says that a record may stand where its dress is expected."""
    return record


def input_fields(kind: type[msgspec.Struct]) -> tuple[dict[str, Any], dict[str, Any]]:
    """Returns annotations and Strawberry fields for an input; what may be left out is UNSET."""
    required = {field.name: field.required for field in msgspec.structs.fields(kind)}
    annotations, fields = {}, {}
    for name, hint, says in described(kind):
        annotations[name] = hint if required[name] else Union[hint, None]  # noqa: UP007 — built at run time
        fields[name] = (
            strawberry.field(description=says)
            if required[name]
            else strawberry.field(description=says, default=strawberry.UNSET)
        )
    return annotations, fields


def make_input(name: str, says: str, *parts: tuple[dict[str, Any], dict[str, Any]]) -> type:
    """Makes a Strawberry input type of several parts."""
    annotations: dict[str, Any] = {}
    body: dict[str, Any] = {}
    for hints, fields in parts:
        annotations |= hints
        body |= fields
    cls = type(name, (), {**body, "__annotations__": annotations, "__module__": __name__})
    return strawberry.input(cls, description=says)


@cache
def filter_input(kind: type[msgspec.Struct]) -> type:
    """Returns the `where` input of a filter."""
    return make_input(f"{kind.__name__}Input", _summary(kind), input_fields(kind))


def given(value: Any) -> dict[str, object]:
    """Returns what the client sent in an input, as plain values."""
    return {name: _plain(inner) for name, inner in vars(value).items() if inner is not strawberry.UNSET}


def or_none(value: T) -> T | None:
    """Returns an argument, or None where it was left out."""
    return None if value is strawberry.UNSET else value


def _plain(value: Any) -> object:
    if isinstance(value, Enum):
        return value.value
    return [_plain(item) for item in value] if isinstance(value, list) else value


def described(kind: type[msgspec.Struct]) -> list[tuple[str, Any, str]]:
    """Returns each field's name, its type in GraphQL and its description."""
    hints = get_type_hints(kind, include_extras=True)
    return [(name, graphql_type(hints[name]), _description(hints[name])) for name in kind.__struct_fields__]


def graphql_type(kind: Any) -> Any:
    """Returns the type that Strawberry knows for a field's type."""
    origin = get_origin(kind)
    if origin is Annotated:
        wide = any(isinstance(meta, msgspec.Meta) and meta.le == MAX_COUNT for meta in kind.__metadata__)
        return BigInt if wide else graphql_type(get_args(kind)[0])
    if origin in (Union, types.UnionType):
        parts = [graphql_type(part) for part in get_args(kind) if part not in (UnsetType, type(None))]
        optional = type(None) in get_args(kind)
        return Union[parts[0], None] if optional else parts[0]  # noqa: UP007 — built at run time
    if origin is list:
        return list[graphql_type(get_args(kind)[0])]  # type: ignore[misc]
    if isinstance(kind, type) and issubclass(kind, Enum):
        return enum(kind)
    return SCALARS.get(origin or kind, kind)


@cache
def enum(kind: type[Enum]) -> Any:
    """Returns an enum in Strawberry's dress, with what each member says as its description."""
    name = PUBLIC_NAMES.get(kind.__name__, kind.__name__)
    dressed_enum: Any = strawberry.enum(kind, name=name, description=_summary(kind))
    for value, member in zip(dressed_enum.__strawberry_definition__.values, kind, strict=True):
        value.description = member.says  # type: ignore[attr-defined]
    return dressed_enum


def _summary(kind: type) -> str:
    return (kind.__doc__ or "").strip().split("\n")[0]


def _description(hint: Any) -> str:
    metas = getattr(hint, "__metadata__", ())
    return next(
        str(meta.description) for meta in reversed(metas) if isinstance(meta, msgspec.Meta) and meta.description
    )
