"""Events: reading the log."""

import asyncio
from collections.abc import AsyncGenerator, Sequence
from contextlib import asynccontextmanager, suppress
from datetime import UTC, datetime
from typing import Any
from uuid import UUID

from msgspec import UNSET
from sqlalchemy import Select, select

from resolvers.context import Context, parsed
from resolvers.domain.drafts import Query
from resolvers.domain.events import (
    AGENT_KINDS,
    Event,
    EventFilter,
    EventKind,
    LogQuery,
    ProjectEventFilter,
    Stretch,
    place_of,
)
from resolvers.domain.paging import Cursor, ListDraft, Listing, Page, Sort, Window
from resolvers.domain.permissions import Right
from resolvers.domain.users import Viewer
from resolvers.store.access import found, require
from resolvers.store.feed import BATCH, Seat
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.pruning import check_kept
from resolvers.store.records import EVENT
from resolvers.store.statements import among, statement
from resolvers.store.tables import agents, events
from resolvers.store.visibility import seen, visible
from resolvers.tokens import unauthenticated


async def of_agent(
    ctx: Context, id: UUID, listing: ListDraft[EventFilter], *, project_id: UUID | None = None
) -> Page[Event]:
    """Lists what happened to an agent, in the order of the log."""
    asked = await parsed(listing, lambda: _require(ctx, id, project_id))
    return found((await _of_agents(ctx, [id], project_id, asked)).get(id))


async def of_agents(ctx: Context, ids: Sequence[UUID], listing: ListDraft[EventFilter]) -> dict[UUID, Page[Event]]:
    """Lists what happened to each of these agents that you can see, in the order of the log."""
    return await _of_agents(ctx, ids, None, listing.parsed())


async def _of_agents(
    ctx: Context, ids: Sequence[UUID], project_id: UUID | None, asked: Listing[EventFilter]
) -> dict[UUID, Page[Event]]:
    async with ctx.store.read() as db:
        return await read_pages(db, _pages_of_agents(ctx.who, list(ids), project_id, asked), Event, asked)


@statement
def _pages_of_agents(who: Viewer, ids: list[UUID], project_id: UUID | None, asked: Listing[EventFilter]) -> Select[Any]:
    where = [] if asked.where.kind is UNSET else [among(events.c.kind, asked.where.kind)]
    below = Below(_visible(who, ids, project_id), events.c.subject_id)
    return page_statement(EVENT, events, where, asked, key=events.c.sequence, below=below)


def _visible(who: Viewer, ids: list[UUID], project_id: UUID | None) -> Select[Any]:
    wanted = select(agents.c.id).where(among(agents.c.id, ids), visible(who, agents.c.project_id))
    return wanted if project_id is None else wanted.where(agents.c.project_id == project_id)


async def of_project(ctx: Context, project_id: UUID, asked: Query[LogQuery]) -> Stretch:
    """Lists what happened to the agents of a project, in the order of the log; nothing comes before it later."""
    query = await parsed(asked, lambda: require(ctx.store, ctx.who, project_id, Right.READ))
    window = Window(query.limit, after=Cursor(place_of(query.after)))
    part = Listing(query, Sort(Event.key, descending=False), window, total=False)
    page = found((await _of_projects(ctx, [project_id], part)).get(project_id))
    return Stretch(page.items, page.has_next, page.items[-1].cursor if page.items else query.after)


async def of_projects(
    ctx: Context, ids: Sequence[UUID], listing: ListDraft[ProjectEventFilter]
) -> dict[UUID, Page[Event]]:
    """Lists what happened to the agents of each of these projects that you can see; nothing comes before it later."""
    return await _of_projects(ctx, ids, listing.parsed())


async def _of_projects(
    ctx: Context, ids: Sequence[UUID], asked: Listing[ProjectEventFilter]
) -> dict[UUID, Page[Event]]:
    kinds = [kind for kind in AGENT_KINDS if asked.where.kind is UNSET or kind in asked.where.kind]
    wanted = _pages_of_projects(ctx.who, list(ids), asked, kinds=kinds, upto=await ctx.feed.settled())
    async with ctx.store.read() as db:
        pages = await read_pages(db, wanted, Event, asked)
        if asked.window.after:
            # Afterwards, so that nothing is pruned in between.
            await check_kept(db, list(pages), asked.window.after.value)
    return pages


@statement
def _pages_of_projects(
    who: Viewer, ids: list[UUID], asked: Listing[ProjectEventFilter], *, kinds: list[EventKind], upto: int
) -> Select[Any]:
    where = [among(events.c.kind, kinds), events.c.sequence <= upto]
    if asked.where.agent_id is not UNSET:
        where.append(events.c.subject_id == asked.where.agent_id)
    below = Below(seen(who, ids), events.c.project_id)
    return page_statement(EVENT, events, where, asked, key=events.c.sequence, below=below)


@statement
def _agent(who: Viewer, ids: list[UUID], project_id: UUID | None) -> Select[Any]:
    return _visible(who, ids, project_id)


async def _require(ctx: Context, id: UUID, project_id: UUID | None) -> None:
    async with ctx.store.read() as db:
        found((await db.execute(_agent(ctx.who, [id], project_id))).first())


@asynccontextmanager
async def follow(
    ctx: Context, project_id: UUID, *, agent_id: UUID | None = None, after: str | None = None
) -> AsyncGenerator["Following"]:
    """Lets one hear what happens to the agents of a project, or to one of them, after a cursor or from now on."""
    await _require_agents(ctx, project_id, agent_id)
    given = None if after is None else place_of(after)
    if given:
        async with ctx.store.read() as db:
            await check_kept(db, [project_id], given)
    with ctx.feed.seat(ctx.who, project_id, agent_id, behind=given is not None) as seat:
        began = await seat.taken()
        yield Following(ctx, seat, began if given is None else given)


class Following:
    """What happens after a place in the log, endlessly; once there is one, nothing escapes it."""

    def __init__(self, ctx: Context, seat: Seat, place: int) -> None:
        self._ctx, self._seat, self._place = ctx, seat, place

    @property
    def cursor(self) -> str:
        """The cursor after which it goes on."""
        return str(self._place)

    async def __aiter__(self) -> AsyncGenerator[Event]:
        while True:
            async for event in self._missed():
                yield self._heard(event)
            while self._seat.waiting:
                event = self._seat.waiting.popleft()
                if event.sequence > self._place:
                    yield self._heard(event)
            await self._called()

    def _heard(self, event: Event) -> Event:
        """Goes on to an event, if it may still be heard: in a busy project there is no pause to look in."""
        self._seat.check()
        self._left()
        self._place = event.sequence
        return event

    async def _missed(self) -> AsyncGenerator[Event]:
        more = self._seat.catch_up()
        while more:
            page = await self._ctx.feed.between(self._seat, self._place)
            for event in page:
                yield event
            self._left()
            more = len(page) == BATCH or self._seat.catch_up()

    async def _called(self) -> None:
        with suppress(TimeoutError):
            async with asyncio.timeout(self._left()):
                await self._seat.called()
        self._left()

    def _left(self) -> float:
        """Returns how long the token still holds, or raises UNAUTHENTICATED."""
        left = (self._ctx.who.expires_at - datetime.now(UTC)).total_seconds()
        if left <= 0:
            raise unauthenticated("The access token has expired; go on with a new one, after the last cursor.")
        return left


async def _require_agents(ctx: Context, project_id: UUID, agent_id: UUID | None) -> None:
    await require(ctx.store, ctx.who, project_id, Right.READ)
    if agent_id is not None:
        await _require(ctx, agent_id, project_id)
