"""Events: reading the log."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, select

from resolvers.context import Context, parsed
from resolvers.domain.events import Event, EventFilter
from resolvers.domain.paging import ListDraft, Page
from resolvers.store.access import found
from resolvers.store.pages import page_statement, read_page
from resolvers.store.records import EVENT
from resolvers.store.tables import agents, events
from resolvers.store.visibility import visible


async def of_agent(
    ctx: Context, id: UUID, listing: ListDraft[EventFilter], *, project_id: UUID | None = None
) -> Page[Event]:
    """Lists what happened to an agent, in the order of the log."""
    which = [agents.c.id == id, visible(ctx.who, agents.c.project_id)]
    if project_id is not None:
        which.append(agents.c.project_id == project_id)
    asked = await parsed(listing, lambda: _require(ctx, which))
    where = [events.c.subject_id == id]
    if isinstance(asked.where.kind, list):
        where.append(events.c.kind.in_(asked.where.kind))
    place = select(agents.c.id).where(*which)
    statement = page_statement(EVENT, events, where, asked, key=events.c.id, scope=place)
    async with ctx.store.read() as db:
        return found(await read_page(db, statement, Event, asked))


async def _require(ctx: Context, which: Sequence[ColumnElement[bool]]) -> None:
    async with ctx.store.read() as db:
        found((await db.execute(select(agents.c.id).where(*which))).first())
