"""Kinds of fields that several nouns share: their limits, their checks, their descriptions."""

import re
from collections.abc import Callable
from datetime import UTC, datetime
from decimal import Decimal
from functools import cache
from typing import Annotated, Any, ClassVar
from uuid import UUID

import msgspec
from msgspec import Meta

from resolvers.domain.ids import SLUG
from resolvers.domain.passwords import weakness

# Integers that JavaScript, and so any JSON client, reads exactly.
MAX_COUNT = 2**53 - 1
EPOCH, END = datetime(1970, 1, 1, tzinfo=UTC), datetime(9000, 1, 1, tzinfo=UTC)
MAX_COST = Decimal("999999999999.999999")
NUMBER = re.compile(r"-?\d+(\.\d+)?([eE][+-]?\d{1,3})?", re.ASCII)
# With six decimal places the most that a JSON number, of fifteen digits, tells exactly.
MAX_EXACT = 10**9 - 1
CONTROLS = r"\x00-\x1f\x7f-\x9f\u2028\u2029"
CONTROL = re.compile(f"[{CONTROLS}]")
ATOM, LABEL = (rf"[^\s@<>\"(),:;\\{more}{CONTROLS}]" for more in ("", "."))
ADDRESS = re.compile(rf"{ATOM}{{1,64}}@{LABEL}+(\.{LABEL}+)+")
# For OpenAPI alone, what trimming and the checks come to: something to see, and no control character or break within.
# Not every \s knows all that is trimmed.
TRIMMED = r"\s\x1c-\x1f\x85"
ONE_LINE = {"pattern": rf"^[{TRIMMED}]*[^\s{CONTROLS}]([^{CONTROLS}]*[^\s{CONTROLS}])?[{TRIMMED}]*$"}
MONEY = {
    "types": ["string", "number"], "pattern": r"^[0-9]{1,12}(\.[0-9]{1,6})?$", "minimum": 0, "maximum": int(MAX_COST),
    "multipleOf": 0.000001, "if": {"not": {"multipleOf": 1}}, "then": {"maximum": MAX_EXACT},
}  # fmt: skip
STRONG = {
    "format": "password",
    "allOf": [{"pattern": kind} for kind in ("[a-z]", "[A-Z]", "[0-9]", r"[!-/:-@\[-`{-~]")],
}
NOT_BLANK = {"pattern": rf"^[^\x00]*[^{TRIMMED}\x00][^\x00]*$"}


class Record(msgspec.Struct, frozen=True):
    """What Roster answers: one thing as it stands in the database; `key` names the field that tells it apart."""

    key: ClassVar[str] = "id"


class Fields(frozenset[str]):
    """The names of those fields of a record that somebody wants."""

    __slots__ = ()


@cache
def part(kind: type[Record], names: tuple[str, ...]) -> type[Record]:
    """Returns a record that has some of the fields, and no others: reading one of those raises AttributeError."""
    told = {"key": kind.key, "whole": kind}
    made: Any = msgspec.defstruct(kind.__name__, names, bases=(Record,), namespace=told, frozen=True)
    return made  # type: ignore[no-any-return]


def whole(kind: type) -> type:
    """Returns the record that a part is of, and any other class as it is."""
    found: type = vars(kind).get("whole", kind)
    return found


class Input(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """What a client sends."""


def says(text: str) -> Meta:
    """Describes a field, for the GraphQL schema and for OpenAPI."""
    return Meta(description=text)


def _one_line(value: str) -> str | None:
    return "Control characters and line breaks are not allowed." if CONTROL.search(value) else None


def _address(value: str) -> str | None:
    return None if ADDRESS.fullmatch(value) else "Must be an e-mail address, such as ada@example.com."


def _number(value: object) -> str | None:
    """Says what is wrong with a number before it is read: more forms are read than JSON writes."""
    if isinstance(value, str) and not NUMBER.fullmatch(value):
        return "Must be a number."
    if isinstance(value, float) and not value.is_integer() and abs(value) > MAX_EXACT:
        return "This has more digits than a JSON number keeps; send it as text."
    return None


def _at_most(most: int) -> Callable[[object], str | None]:
    """Counts what was sent, because a schema knows nothing of trimming."""

    def too_long(value: object) -> str | None:
        texts = value if isinstance(value, list) else [value]
        is_long = any(isinstance(text, str) and len(text) > most for text in texts)
        return f"Must have at most {most} characters." if is_long else None

    return too_long


def _money(value: Decimal) -> str | None:
    if not value.is_finite() or not 0 <= value <= MAX_COST:
        return f"Must be a number from 0 to {MAX_COST}."
    if value != round(value, 6):
        return "At most six decimal places are kept."
    return None


def _moment(value: datetime) -> str | None:
    return None if EPOCH <= value < END else "Must be a time of this era."


def _extra(
    check: Callable[..., str | None] | None = None,
    *,
    unread: Callable[[object], str | None] | None = None,
    trim: bool = False,
    lower: bool = False,
    hint: str | None = None,
) -> dict[str, object]:
    return {"check": check, "unread": unread, "trim": trim, "lower": lower, "hint": hint}


Id = UUID
Time = Annotated[datetime, Meta(tz=True)]
Moment = Annotated[datetime, Meta(tz=True, extra=_extra(_moment))]
Line = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=255,
        extra=_extra(_one_line, unread=_at_most(255), trim=True),
        extra_json_schema=ONE_LINE,
    ),
]
Text = Annotated[str, Meta(max_length=10_000)]
Prompt = Annotated[str, Meta(min_length=1, max_length=100_000)]
Slug = Annotated[
    str,
    Meta(
        min_length=1,
        max_length=100,
        pattern=f"^{SLUG.pattern}$",
        extra=_extra(_one_line, hint="Must be lower-case letters and digits, in groups joined by single hyphens."),
    ),
]
Email = Annotated[
    str,
    Meta(
        max_length=254,
        extra=_extra(_address, unread=_at_most(254), trim=True, lower=True),
        extra_json_schema={"pattern": rf"^[{TRIMMED}]*{ADDRESS.pattern}[{TRIMMED}]*$"},
    ),
]
Password = Annotated[str, Meta(max_length=1_000)]
NewPassword = Annotated[str, Meta(min_length=12, max_length=128, extra=_extra(weakness), extra_json_schema=STRONG)]
Token = Annotated[str, Meta(max_length=4_096)]
Search = Annotated[
    str,
    Meta(min_length=1, max_length=255, extra=_extra(unread=_at_most(255), trim=True), extra_json_schema=NOT_BLANK),
]
Count = Annotated[int, Meta(ge=0, le=MAX_COUNT)]
Cost = Annotated[Decimal, Meta(extra=_extra(_money, unread=_number), extra_json_schema=MONEY)]
Lines = Annotated[list[Line], Meta(max_length=50)]
