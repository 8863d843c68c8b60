"""Events: reading the log."""

from collections.abc import Sequence
from uuid import UUID

from sqlalchemy import Select, select

from resolvers.context import Context, parsed
from resolvers.domain.events import Event, EventFilter
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.store.access import found
from resolvers.store.engine import among
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.records import EVENT
from resolvers.store.tables import agents, events
from resolvers.store.visibility import visible


async def of_agent(
    ctx: Context, id: UUID, listing: ListDraft[EventFilter], *, project_id: UUID | None = None
) -> Page[Event]:
    """Lists what happened to an agent, in the order of the log."""
    agent = _agents(ctx, [id])
    if project_id is not None:
        agent = agent.where(agents.c.project_id == project_id)
    asked = await parsed(listing, lambda: _require(ctx, agent))
    return found((await _below(ctx, agent, asked)).get(id))


async def of_agents(ctx: Context, ids: Sequence[UUID], listing: ListDraft[EventFilter]) -> dict[UUID, Page[Event]]:
    """Lists what happened to each of these agents that you can see, in the order of the log."""
    return await _below(ctx, _agents(ctx, ids), listing.parsed())


def _agents(ctx: Context, ids: Sequence[UUID]) -> Select[tuple[UUID]]:
    return select(agents.c.id).where(among(agents.c.id, ids), visible(ctx.who, agents.c.project_id))


async def _below(ctx: Context, parents: Select[tuple[UUID]], asked: Listing[EventFilter]) -> dict[UUID, Page[Event]]:
    where = [events.c.kind.in_(asked.where.kind)] if isinstance(asked.where.kind, list) else []
    below = Below(parents, events.c.subject_id)
    statement = page_statement(EVENT, events, where, asked, key=events.c.id, below=below)
    async with ctx.store.read() as db:
        return await read_pages(db, statement, Event, asked)


async def _require(ctx: Context, agent: Select[tuple[UUID]]) -> None:
    async with ctx.store.read() as db:
        found((await db.execute(agent)).first())
