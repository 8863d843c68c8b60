"""Lists as Relay connections, with keyset cursors."""

from collections.abc import Awaitable, Callable, Mapping, Sequence
from enum import Enum
from functools import cache
from operator import attrgetter
from typing import Annotated, Any, Generic, Optional, TypeVar
from uuid import UUID

import strawberry
from strawberry import UNSET

from resolvers.context import Context
from resolvers.domain.fields import Input
from resolvers.domain.paging import DEFAULT_LIMIT, MAX_LIMIT, ConnectionList, ListDraft, Page, pack_cursor
from schema.context import Info
from schema.dress import filter_input, given, or_none
from schema.executor import reads
from schema.executor.loader import Loader
from schema.selection import wanted_of

T = TypeVar("T")


@strawberry.type(description="Where a part of a list begins and ends, and what lies around it.")
class PageInfo:
    has_next_page: bool = strawberry.field(description="Whether more follows.")
    has_previous_page: bool = strawberry.field(description="Whether something comes before.")
    start_cursor: str | None = strawberry.field(description="The cursor of the first item.")
    end_cursor: str | None = strawberry.field(description="The cursor of the last item.")


@strawberry.type(description="An item of a list, and its place.")
class Edge(Generic[T]):
    cursor: str = strawberry.field(description="The place of the item, for `after` and `before`.")
    node: T = strawberry.field(description="The item.")


@strawberry.type(description="A part of a list.")
class Connection(Generic[T]):
    page: strawberry.Private[Page[Any]]

    @strawberry.field(description="The items with their places.")
    def edges(self) -> list[Edge[T]]:
        return [Edge(cursor=pack_cursor(item, self.page.sort), node=item) for item in self.page.items]

    @strawberry.field(description="The items.")
    def nodes(self) -> list[T]:
        return self.page.items

    @strawberry.field(description="Where this part begins and ends.")
    def page_info(self) -> PageInfo:
        ends = [pack_cursor(item, self.page.sort) for item in (*self.page.items[:1], *self.page.items[-1:])]
        return PageInfo(
            has_next_page=self.page.has_next,
            has_previous_page=self.page.has_prev,
            start_cursor=ends[0] if ends else None,
            end_cursor=ends[-1] if ends else None,
        )

    @strawberry.field(description="How many items the whole list has; counted only when you ask.")
    def total_count(self) -> int:
        return self.page.total or 0


@strawberry.enum(description="Which way to sort.")
class OrderDirection(Enum):
    ASC = strawberry.enum_value("asc", description="The smallest, or the oldest, first.")
    DESC = strawberry.enum_value("desc", description="The greatest, or the newest, first.")


First = Annotated[
    int | None, strawberry.argument(description=f"How many, 1 to {MAX_LIMIT}; {DEFAULT_LIMIT} if left out.")
]
After = Annotated[str | None, strawberry.argument(description="Only what follows this cursor.")]
Last = Annotated[int | None, strawberry.argument(description=f"How many counted from the end, 1 to {MAX_LIMIT}.")]
Before = Annotated[str | None, strawberry.argument(description="Only what comes before this cursor.")]


Read = Callable[..., Awaitable["Connection[Any]"]]


def connection(
    verb: Callable[..., Awaitable[Page[Any]]],
    node: Any,
    kind: type[Input],
    says: str,
    *,
    may_fail: bool = False,
    **fixed: object,
) -> Any:
    """Makes a field that lists by a verb; where that may fail, it is null and leaves its siblings alone."""

    async def read(_root: Any, info: Info, **asked: Any) -> Connection[Any]:
        page = await verb(await info.context.signed_in(), _listing(kind, info, **asked), **fixed)
        return Connection(page=page)

    return _field(read, Optional[Connection[node]] if may_fail else Connection[node], kind, says)  # noqa: UP045 — built at run time


def connection_below(
    verb: Callable[..., Awaitable[Mapping[UUID, Page[Any]]]], node: Any, kind: type[Input], says: str
) -> Any:
    """Makes a field that lists what is below its parent, by a verb that does so for several parents at once."""

    def loader(info: Info, **asked: Any) -> Loader[UUID, Connection[Any]]:
        # In quotes: else the types are put together for each operation.
        async def load(ctx: Context, ids: "Sequence[UUID]") -> "dict[UUID, Connection[Any]]":
            pages = await verb(ctx, ids, _listing(kind, info, **asked))
            return {parent: Connection(page=page) for parent, page in pages.items()}

        # The same place in the document has the same arguments below each parent.
        place = (verb, *map(id, info._raw_info.field_nodes))  # noqa: SLF001 — as in _listing
        return info.context.below(place, load)

    async def read(root: Any, info: Info, **asked: Any) -> Connection[Any]:
        return await loader(info, **asked).load(root.id)

    return _field(read, Connection[node], kind, says, {reads.TOLD: reads.Edge(attrgetter("id"), loader, ("id",))})


def _field(read: Read, answer: Any, kind: type[Input], says: str, told: dict[Any, Any] | None = None) -> Any:
    async def resolve(  # noqa: PLR0917 — one argument each
        root: Any,
        info: Info,
        first: First = UNSET,
        after: After = UNSET,
        last: Last = UNSET,
        before: Before = UNSET,
        where: Any = UNSET,
        order_by: Any = UNSET,
    ) -> Any:
        asked = {"first": first, "after": after, "last": last, "before": before, "where": where, "order_by": order_by}
        return await read(root, info, **asked)

    hints = resolve.__annotations__
    hints["where"] = Annotated[Optional[filter_input(kind)], strawberry.argument(description="Which items.")]  # noqa: UP045 — built at run time
    hints["order_by"] = Annotated[Optional[order_input(kind)], strawberry.argument(description=_usual_order(kind))]  # noqa: UP045 — built at run time
    hints["return"] = answer
    return strawberry.field(resolver=resolve, description=says, metadata=told)


def _listing(kind: type[Input], info: Info, where: Any = UNSET, order_by: Any = UNSET, **place: Any) -> ListDraft[Any]:
    raw: dict[str, object] = {name: or_none(value) for name, value in place.items()}
    raw["where"] = {name: value for name, value in given(where).items() if value is not None} if where else {}
    descending = order_by and order_by.direction is OrderDirection.DESC
    raw["order_by"] = f"{'-' * bool(descending)}{order_by.field.value}" if order_by else None
    wanted = wanted_of(info._raw_info)  # noqa: SLF001 — the AST is not to be had otherwise
    raw |= {"total": wanted.total, "fields": wanted.fields}
    return ConnectionList(kind, raw)


ORDERS = {
    "created_at": "By when it was made.",
    "updated_at": "By when it last changed.",
    "last_used_at": "By when it was last used.",
    "email": "By e-mail address.",
    "sequence": "By its place in the log.",
}


def _usual_order(kind: type[Input]) -> str:
    sort = ConnectionList(kind, {}).parsed().sort
    return f"In which order; the {'newest' if sort.descending else 'oldest'} first if left out."


def order_input(kind: type[Input]) -> type:
    """Returns the `orderBy` input of a filter's list; it is that of the filter which says by what to sort."""
    return _order(next(base for base in kind.__mro__ if "sorts" in vars(base)))


@cache
def _order(kind: type[Input]) -> type:
    noun = kind.__name__.removesuffix("Filter")
    sorts: dict[str, Any] = getattr(kind, "sorts")  # noqa: B009 — declared by each filter
    members = {name.upper(): strawberry.enum_value(name, description=ORDERS.get(name, f"By {name}.")) for name in sorts}
    make_enum: Any = Enum
    field = strawberry.enum(make_enum(f"{noun}OrderField", members), description="What to sort by.")
    hints = {"field": field, "direction": OrderDirection}
    body = {
        "field": strawberry.field(description="What to sort by."),
        "direction": strawberry.field(description="Which way."),
    }
    cls = type(f"{noun}Order", (), {**body, "__annotations__": hints, "__module__": __name__})
    return strawberry.input(cls, description="An order; ties go by id.")
