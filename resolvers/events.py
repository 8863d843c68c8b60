"""Events: reading the log."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import Select, select

from resolvers.context import Context, parsed
from resolvers.domain.events import Event, EventFilter, place_of
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right
from resolvers.domain.users import Viewer
from resolvers.store.access import found, require
from resolvers.store.engine import among
from resolvers.store.feed import BATCH, Feed, Seat
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.records import EVENT
from resolvers.store.tables import agents, events
from resolvers.store.visibility import visible
from resolvers.tokens import unauthenticated


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


async def follow(
    ctx: Context, project_id: UUID, *, agent_id: UUID | None = None, after: str | None = None
) -> AsyncGenerator[Event]:
    """Tells what happens to the agents of a project, or to one of them, after a cursor or from now on, endlessly."""
    await _require_agents(ctx, project_id, agent_id)
    given = None if after is None else place_of(after)
    with ctx.feed.seat(ctx.who, project_id, agent_id, behind=given is not None) as seat:
        place = await seat.taken() if given is None else given
        while True:
            async for event in _missed(ctx.feed, seat, place):
                place = event.sequence
                yield event
            while seat.waiting:
                event = seat.waiting.popleft()
                if event.sequence > place:
                    place = event.sequence
                    yield event
            await _called(seat, ctx.who)


async def _missed(feed: Feed, seat: Seat, place: int) -> AsyncGenerator[Event]:
    await seat.taken()
    more = seat.catch_up()
    while more:
        page = await feed.between(seat, place)
        for event in page:
            place = event.sequence
            yield event
        more = len(page) == BATCH or seat.catch_up()


async def _require_agents(ctx: Context, project_id: UUID, agent_id: UUID | None) -> None:
    await require(ctx.store, ctx.who, project_id, Right.READ)
    if agent_id is not None:
        await _require(ctx, _agents(ctx, [agent_id]).where(agents.c.project_id == project_id))


async def _called(seat: Seat, who: Viewer) -> None:
    left = (who.expires_at - datetime.now(UTC)).total_seconds()
    try:
        async with asyncio.timeout(max(0, left)):
            await seat.called()
    except TimeoutError:
        raise unauthenticated("The access token has expired; go on with a new one, after the last cursor.") from None
