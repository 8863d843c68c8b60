"""Lists: which part to read, in which order; pages by number and connections by cursor."""

import base64
import binascii
from collections.abc import Mapping
from typing import Annotated, Any, Generic, NamedTuple, TypeVar
from uuid import UUID

import msgspec

from resolvers.domain.drafts import read_fields, read_value
from resolvers.domain.errors import Code, Fault, Refusal
from resolvers.domain.fields import Fields, Input, Record, says
from resolvers.domain.limits import PAGE

F = TypeVar("F", bound=Input)
F_co = TypeVar("F_co", bound=Input, covariant=True)
R = TypeVar("R")

DEFAULT_LIMIT, MAX_LIMIT, MAX_PAGE = 20, PAGE.value, 1_000_000
DEFAULT_SORT = "-created_at"


class Sort(NamedTuple):
    """The field to sort by, and whether the greatest comes first; ties go by id."""

    field: str
    descending: bool


class Cursor(NamedTuple):
    """The place of one item in an ordered list: its value of the sort field, and its id where several may have that."""

    value: Any
    id: UUID | None = None


class Window(NamedTuple):
    """The part of a list to read; `backwards` counts from the end."""

    limit: int = DEFAULT_LIMIT
    offset: int = 0
    after: Cursor | None = None
    before: Cursor | None = None
    backwards: bool = False


class Listing(NamedTuple, Generic[F_co]):
    """What to list, in which order, which part of it, and whether to count the whole."""

    where: F_co
    sort: Sort
    window: Window
    total: bool
    fields: Fields | None = None
    """Which fields of the items are wanted; None for all."""


class Page(msgspec.Struct, Generic[R], frozen=True):
    """A part of a list, and what lies around it."""

    items: list[R]
    total: int | None
    window: Window
    sort: Sort
    has_next: bool
    has_prev: bool


class ListDraft(Generic[F]):
    """A listing as it was asked for: not yet looked at, because rights come before validity."""

    def __init__(self, kind: type[F], raw: Mapping[str, object]) -> None:
        self.kind, self.raw = kind, raw

    def parsed(self) -> Listing[F]:
        raise NotImplementedError

    def _sort(self, word: object) -> Sort:
        sorts: dict[str, Any] = getattr(self.kind, "sorts")  # noqa: B009 — declared by each filter
        text = default_sort(sorts) if word is None else word
        field = text.removeprefix("-") if isinstance(text, str) else ""
        if not isinstance(text, str) or field not in sorts:
            raise Refusal(Code.VALIDATION_FAILED, f"Must be one of {', '.join(sorts)}, with or without a minus.")
        return Sort(field, text.startswith("-"))


def default_sort(sorts: Mapping[str, Any]) -> str:
    """Returns the order of a list that was asked for in none."""
    return DEFAULT_SORT if "created_at" in sorts else next(iter(sorts))


def _range(most: int) -> msgspec.Meta:
    # For OpenAPI alone: a number outside is refused with a sentence that says both ends.
    return msgspec.Meta(extra_json_schema={"minimum": 1, "maximum": most})


class Numbered(msgspec.Struct, frozen=True):
    """A page by its number."""

    page: Annotated[int, says("Which page to read, from 1."), _range(MAX_PAGE)] = 1
    limit: Annotated[int, says(f"How many items a page has, at most {MAX_LIMIT}."), _range(MAX_LIMIT)] = DEFAULT_LIMIT


class NumberedList(ListDraft[F]):
    """`page`, `limit`, `sort` and the filters, all of them words of a query string."""

    def parsed(self) -> Listing[F]:
        raw = dict(self.raw)
        own: dict[str, object] = {name: raw.pop(name) for name in ("page", "limit", "sort") if name in raw}
        word = own.pop("sort", None)
        where, faults = read_fields(self.kind, raw, strict=False)
        place, more = read_fields(Numbered, own, strict=False)
        faults += more
        faults += _outside(place, {"page": MAX_PAGE, "limit": MAX_LIMIT})
        try:
            sort = self._sort(word)
        except Refusal as refusal:
            faults.append(Fault(refusal.code, refusal.faults[0].message, "sort"))
        if faults:
            raise Refusal.of(faults)
        at = Numbered(**place)
        return Listing(self.kind(**where), sort, Window(at.limit, (at.page - 1) * at.limit), total=True)


class ConnectionList(ListDraft[F]):
    """`first`/`after` or `last`/`before`, `where`, `order_by`, and what was selected."""

    def parsed(self) -> Listing[F]:
        raw = {name: value for name, value in self.raw.items() if value is not None}
        where, faults = read_fields(self.kind, raw.get("where") or {})  # type: ignore[arg-type]
        sizes: dict[str, Any] = {name: raw[name] for name in ("first", "last") if name in raw}
        outside = _outside(sizes, dict.fromkeys(sizes, MAX_LIMIT))
        faults += outside
        if not outside and "first" in sizes and "last" in sizes:
            faults.append(Fault(Code.VALIDATION_FAILED, "Give either first or last, not both.", "last"))
        sort = self._sort(raw.get("order_by"))
        cursors: dict[str, Cursor | None] = {}
        for name in ("after", "before"):
            try:
                cursors[name] = self._cursor(raw.get(name), sort)
            except (ValueError, Refusal):
                faults.append(Fault(Code.VALIDATION_FAILED, "This is no cursor of this list in this order.", name))
        if faults:
            raise Refusal.of(faults, limit=PAGE.name if outside else None)
        limit = sizes.get("last", sizes.get("first", DEFAULT_LIMIT))
        window = Window(limit, 0, cursors["after"], cursors["before"], "last" in sizes)
        return Listing(self.kind(**where), sort, window, bool(raw.get("total")), raw.get("fields"))  # type: ignore[arg-type]

    def _cursor(self, text: object, sort: Sort) -> Cursor | None:
        if text is None:
            return None
        read = getattr(self.kind, "read_cursor", None)  # of a list in the order of its key
        if read is not None:
            return Cursor(read(text))
        try:
            packed = base64.b64decode(str(text).encode("ascii"), altchars=b"-_", validate=True)
            field, value, item = msgspec.json.decode(packed, type=tuple[str, object, UUID])
        except (binascii.Error, msgspec.DecodeError, RecursionError) as error:
            raise ValueError("no cursor") from error
        if field != sort.field:
            raise ValueError("a cursor of another order")
        kind = getattr(self.kind, "sorts")[field]  # noqa: B009 — declared by each filter
        return Cursor(read_value(value, kind), item)


def pack_cursor(item: Record, sort: Sort) -> str:
    """Returns the opaque cursor of a record in a list sorted so; in the order of its key that is the key."""
    if sort.field == item.key:
        return str(getattr(item, item.key))
    packed = msgspec.json.encode((sort.field, getattr(item, sort.field), getattr(item, item.key)))
    return base64.urlsafe_b64encode(packed).decode("ascii")


def _outside(values: Mapping[str, Any], limits: Mapping[str, int]) -> list[Fault]:
    return [
        Fault(Code.VALIDATION_FAILED, PAGE.says.format(limit=limits[name]), name)
        for name, value in values.items()
        if not 1 <= value <= limits[name]
    ]
