"""A part of a list, with its total and its visibility, in one statement."""

from collections.abc import Sequence
from typing import Any, TypeVar

from sqlalchemy import ColumnElement, FromClause, Select, func, literal, null, select, true, tuple_
from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.domain.paging import Listing, Page
from resolvers.store.engine import record
from resolvers.store.records import Columns

K = TypeVar("K")


def page_statement(
    fields: Columns,
    source: FromClause,
    where: Sequence[ColumnElement[bool]],
    listing: Listing[Any],
    *,
    key: ColumnElement[Any],
    scope: Select[Any] | None = None,
) -> Select[Any]:
    """Returns rows of (total, *fields): none without the scope, one of nulls for an empty page."""
    window, sort = listing.window, listing.sort
    value = next(field for field in fields if field.key == sort.field)
    order = [value, key]
    wanted = select(*fields).select_from(source).where(*where)
    for cursor, above in ((window.after, not sort.descending), (window.before, sort.descending)):
        if cursor is not None:
            here, there = tuple_(*order), tuple_(literal(cursor.value, value.type), literal(cursor.id, key.type))
            wanted = wanted.where(here > there if above else here < there)
    falling = sort.descending != window.backwards
    part = (
        wanted.order_by(*(column.desc() if falling else column.asc() for column in order))
        .limit(window.limit + 1)
        .offset(window.offset)
        .subquery("part")
    )
    total = select(func.count()).select_from(source).where(*where).scalar_subquery() if listing.total else null()
    anchor = (select(literal(1).label("id")) if scope is None else scope).subquery("anchor")
    outer = [part.c[str(column.key)] for column in order]
    return (
        select(total.label("total"), *part.c)
        .select_from(anchor.outerjoin(part, true()))
        .order_by(*(column.desc() if falling else column.asc() for column in outer))
    )


async def read_page(
    db: AsyncConnection, statement: Select[Any], kind: type[K], listing: Listing[Any], *, key: int = 1
) -> Page[K] | None:
    """Reads a page, or None when there is no scope; `key` is a column that no item leaves empty."""
    rows = (await db.execute(statement)).all()
    if not rows:
        return None
    window = listing.window
    items = [record(kind, row[1:]) for row in rows[: window.limit] if row[key] is not None]
    more = len(rows) > window.limit
    before = window.offset > 0 or window.after is not None
    if window.backwards:
        items.reverse()
        return Page(items, rows[0][0], window, listing.sort, window.before is not None, more)
    return Page(items, rows[0][0], window, listing.sort, more, before)
