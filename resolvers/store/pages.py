"""Parts of lists, with their totals and their visibility, in one statement."""

from collections.abc import Callable, Sequence
from typing import Any, NamedTuple, TypeVar

import asyncpg
from sqlalchemy import (
    BigInteger,
    ColumnElement,
    FromClause,
    ScalarSelect,
    Select,
    func,
    literal,
    null,
    or_,
    select,
    true,
    tuple_,
    type_coerce,
)  # fmt: skip

from resolvers.domain.paging import Listing, Page, Window
from resolvers.store.engine import Connection
from resolvers.store.records import Columns
from resolvers.store.statements import Bound
from resolvers.store.types import Containing

K = TypeVar("K")

# A list that stands below nothing.
ROOT = select(literal(1).label("id"))


class Along(NamedTuple):
    """What a list is made of where no index has all of it in order: a part for each row of these, in order itself."""

    rows: FromClause
    where: ColumnElement[bool]


class Below(NamedTuple):
    """Where several lists stand: a selection of the parents' ids, and the column that names an item's parent."""

    parents: Select[Any]
    column: ColumnElement[Any]


def page_statement(
    fields: Columns,
    source: FromClause,
    where: Sequence[ColumnElement[bool]],
    listing: Listing[Any],
    *,
    key: ColumnElement[Any],
    below: Below | None = None,
    along: Along | None = None,
    total: ScalarSelect[Any] | None = None,
) -> Select[Any]:
    """Returns rows of (parent, total, *fields): none without a parent, one of nulls for an empty page.

    The total is counted, unless it is given. Of the fields, the first and those of the order are always there.
    """
    sort, backwards = listing.sort, listing.window.backwards
    value = next(field for field in fields if field.key == sort.field)
    order = [value] if value is key else [value, key]
    names = [str(column.key) for column in order]
    if listing.fields is not None:
        fields = [fields[0], *(field for field in fields[1:] if field.key in listing.fields.union(names))]
    anchor = below.parents if below else ROOT
    if listing.total:
        anchor = anchor.add_columns((counted(source, where, below) if total is None else total).label("total"))
    parents = anchor.cte("parents").prefix_with("MATERIALIZED")  # else a total could be counted once for each row
    wanted = select(*fields).select_from(source).where(*where, *_within(listing.window, order, sort.descending))
    if below:
        wanted = wanted.where(below.column == parents.c.id)
    falling = sort.descending != backwards
    limit = type_coerce(listing.window.limit, BigInteger) + 1
    offset = type_coerce(listing.window.offset, BigInteger)
    if along:
        # Nobody knows from which of them a page comes, so each has all of it ready.
        own = wanted.where(along.where).correlate(parents, along.rows)
        each = _sorted(own, order, falling=falling).limit(limit + offset).lateral("each")
        wanted = select(*each.c).select_from(along.rows.join(each, true()))
        order = [each.c[name] for name in names]
    part = _sorted(wanted, order, falling=falling).limit(limit).offset(offset).lateral("part")
    told = parents.c.total if listing.total else null()
    found = select(parents.c.id.label("parent"), told.label("total"), *part.c)
    joined = found.select_from(parents.outerjoin(part, true()))
    # Several lists one after another, as they are read.
    return _sorted(joined, [*([parents.c.id] if below else ()), *(part.c[name] for name in names)], falling=falling)


def _sorted(wanted: Select[Any], order: Sequence[ColumnElement[Any]], *, falling: bool) -> Select[Any]:
    return wanted.order_by(*(column.desc() if falling else column.asc() for column in order))


def counted(source: FromClause, where: Sequence[ColumnElement[bool]], below: Below | None) -> ScalarSelect[Any]:
    """Counts what a list holds, one by one."""
    total = select(func.count()).select_from(source).where(*where)
    if below:
        total = total.where(below.column == below.parents.selected_columns.id)
    return total.scalar_subquery()


def _within(window: Window, order: Sequence[ColumnElement[Any]], descending: bool) -> list[ColumnElement[bool]]:  # noqa: FBT001 — of the sort
    found: list[ColumnElement[bool]] = []
    for cursor, above in ((window.after, not descending), (window.before, descending)):
        if cursor is not None:
            place = zip(cursor, order, strict=False)  # where the value is the key, that alone
            here, there = tuple_(*order), tuple_(*(type_coerce(part, column.type) for part, column in place))
            found.append(here > there if above else here < there)
    return found


def matches(text: str, *columns: ColumnElement[Any]) -> ColumnElement[bool]:
    """Holds where one of the columns contains the text, in any case."""
    pattern = func.lower(type_coerce(text, Containing()))
    return or_(*(func.lower(column).like(pattern) for column in columns))


async def read_page(db: Connection, bound: Bound, kind: type[K], listing: Listing[Any]) -> Page[K]:
    """Reads the page of a list that stands below nothing."""
    return _page(await db.fetch(bound), bound.plan.maker(kind, skip=2), listing)


async def read_pages(db: Connection, bound: Bound, kind: type[K], listing: Listing[Any]) -> dict[Any, Page[K]]:
    """Reads a page for each parent that there is."""
    below: dict[Any, list[asyncpg.Record]] = {}
    last, rows = None, []
    for row in await db.fetch(bound):
        if row[0] != last:  # to hash an id takes eight times as long
            last = row[0]
            rows = below.setdefault(last, [])
        rows.append(row)
    made = bound.plan.maker(kind, skip=2)
    return {parent: _page(rows, made, listing) for parent, rows in below.items()}


def _page(
    rows: Sequence[asyncpg.Record], made: Callable[[Sequence[asyncpg.Record]], list[K]], listing: Listing[Any]
) -> Page[K]:
    window, total = listing.window, rows[0][1]
    # The first field of a record is never empty, save in the row that stands for no item.
    items = [] if rows[0][2] is None else made(rows[: window.limit])
    more = len(rows) > window.limit
    before = window.offset > 0 or window.after is not None
    if window.backwards:
        items.reverse()
        return Page(items, total, window, listing.sort, window.before is not None, more)
    return Page(items, total, window, listing.sort, more, before)
