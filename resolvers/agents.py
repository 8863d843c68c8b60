"""Agents: spawning, seeing, changing and moving them."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

import msgspec
from msgspec import UNSET
from sqlalchemy import ARRAY, ColumnElement, Select, Text, Update, func, select, type_coerce, update

from resolvers.context import Context, parsed
from resolvers.domain.agents import Agent, AgentFilter, SpawnAgent, TransitionAgent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import EventKind
from resolvers.domain.ids import new_id
from resolvers.domain.lifecycle import STEPS, Action, Status, actions_to, refuse_transition, ways_of
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.sessions import Message, done
from resolvers.domain.users import Viewer
from resolvers.idempotency import repeatable
from resolvers.store.access import allow, found, require
from resolvers.store.changes import Expected, changed, check_version, sent, versions
from resolvers.store.decisions import locked, spawning, stepping, which
from resolvers.store.engine import many, one, record, returned
from resolvers.store.log import log
from resolvers.store.pages import Along, Below, counted, matches, page_statement, read_pages
from resolvers.store.records import AGENT
from resolvers.store.statements import among, several, statement
from resolvers.store.tables import agent_types, agents, members, projects
from resolvers.store.totals import agents_in, agents_of
from resolvers.store.visibility import role, seen, visible


@statement
def _one(who: Viewer, id: UUID, project_id: UUID | None) -> Select[Any]:
    return select(*AGENT).where(which(id, project_id), visible(who, agents.c.project_id))


async def get(ctx: Context, id: UUID, *, project_id: UUID | None = None) -> Agent:
    """Returns one agent."""
    async with ctx.store.read() as db:
        return found(await one(db, _one(ctx.who, id, project_id), Agent))


@statement
def _some(who: Viewer, ids: list[UUID]) -> Select[Any]:
    return select(*AGENT).where(among(agents.c.id, ids), visible(who, agents.c.project_id))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[Agent]:
    """Returns those of the agents that you can see."""
    async with ctx.store.read() as db:
        return await many(db, _some(ctx.who, list(ids)), Agent)


async def search(ctx: Context, project_id: UUID, listing: ListDraft[AgentFilter]) -> Page[Agent]:
    """Lists the agents of a project."""
    asked = await parsed(listing, lambda: require(ctx.store, ctx.who, project_id, Right.READ))
    return found((await _in_projects(ctx, [project_id], asked)).get(project_id))


async def in_projects(ctx: Context, ids: Sequence[UUID], listing: ListDraft[AgentFilter]) -> dict[UUID, Page[Agent]]:
    """Lists the agents of each of these projects that you can see."""
    return await _in_projects(ctx, ids, listing.parsed())


async def _in_projects(ctx: Context, ids: Sequence[UUID], asked: Listing[AgentFilter]) -> dict[UUID, Page[Agent]]:
    async with ctx.store.read() as db:
        return await read_pages(db, _pages_of_projects(ctx.who, list(ids), asked), Agent, asked)


@statement
def _pages_of_projects(who: Viewer, ids: list[UUID], asked: Listing[AgentFilter]) -> Select[Any]:
    below = Below(seen(who, ids), agents.c.project_id)
    where, total = _filters(asked.where), agents_in(projects.c.id, asked.where)
    along = None
    if asked.where.status is not UNSET and several(asked.where.status) and asked.sort.field == "created_at":
        # No index has the agents of several statuses in order, but one has those of each.
        where, along = _filters(msgspec.structs.replace(asked.where, status=UNSET)), _statuses(asked.where.status)
    return page_statement(AGENT, agents, where, asked, key=agents.c.id, below=below, along=along, total=total)


def _statuses(asked: Any) -> Along:
    each = select(func.unnest(type_coerce(asked, ARRAY(Text))).label("status")).distinct().subquery("statuses")
    return Along(each, type_coerce(agents.c.status, Text) == each.c.status)


async def of_types(ctx: Context, ids: Sequence[UUID], listing: ListDraft[AgentFilter]) -> dict[UUID, Page[Agent]]:
    """Lists the agents of each of these types, in all projects that you can see."""
    asked = listing.parsed()
    async with ctx.store.read() as db:
        return await read_pages(db, _pages_of_types(ctx.who, list(ids), asked), Agent, asked)


@statement
def _pages_of_types(who: Viewer, ids: list[UUID], asked: Listing[AgentFilter]) -> Select[Any]:
    below = Below(select(agent_types.c.id).where(among(agent_types.c.id, ids)), agents.c.agent_type_id)
    where, total = _filters(asked.where), agents_of(who, agent_types.c.id, asked.where)
    if total is None:
        total = counted(agents, [visible(who, agents.c.project_id), *where], below)
    along = None if who.is_superuser else _own_projects(who)
    return page_statement(AGENT, agents, where, asked, key=agents.c.id, below=below, along=along, total=total)


def _own_projects(who: Viewer) -> Along:
    own = select(members.c.project_id).where(members.c.user_id == who.id).subquery("own")
    return Along(own, agents.c.project_id == own.c.project_id)


def _filters(asked: AgentFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if asked.status is not UNSET:
        where.append(among(agents.c.status, asked.status))
    if asked.agent_type_id is not UNSET:
        where.append(agents.c.agent_type_id == asked.agent_type_id)
    if asked.search is not UNSET:
        where.append(matches(asked.search, agents.c.name))
    return where


@repeatable
async def spawn(ctx: Context, project_id: UUID, draft: Draft[SpawnAgent]) -> Agent:
    """Starts an agent of an active type in a project; it is idle at first; for operators and owners."""
    new = await parsed(draft, lambda: require(ctx.store, ctx.who, project_id, Right.OPERATE))
    if isinstance(new.project_id, UUID) and new.project_id != project_id:
        await require(ctx.store, ctx.who, project_id, Right.OPERATE)
        raise Refusal(Code.VALIDATION_FAILED, "This is not the project of the address.", field="project_id")
    made = spawning(ctx.who, project_id, new.agent_type_id, new.name, agent_id=new_id(), event_id=new_id())
    async with ctx.store.decide() as db:
        decided = found((await db.execute(made)).first())
    allow(decided.role, Right.OPERATE)
    _refuse_archived(decided.project_status)
    if decided.type_is_active is None:
        raise Refusal(Code.NOT_FOUND, "There is no such agent type.", field="agent_type_id")
    if not decided.type_is_active:
        raise Refusal(Code.AGENT_TYPE_INACTIVE, field="agent_type_id")
    return record(Agent, decided[3:])


async def update_one(
    ctx: Context,
    id: UUID,
    draft: Draft[UpdateAgent],
    *,
    project_id: UUID | None = None,
    expected_version: Expected = None,
) -> Agent:
    """Changes what is sent of an agent: its name, its task, its counters; for operators and owners."""
    given = sent(await parsed(draft, lambda: _require(ctx, id, project_id)))
    async with ctx.store.write() as db:
        row = found((await db.execute(locked(ctx.who, id, project_id))).first())
        allow(row.role, Right.OPERATE)
        old = record(Agent, row[1:])
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        new = await returned(db, _changed(id, **changes), Agent)
        data = {"changed": sorted(changes), "version": new.version}
        await log(db, ctx.who, EventKind.AGENT_UPDATED, id, project_id=new.project_id, data=data)
    return new


@statement
def _changed(id: UUID, **changes: Any) -> Update:
    values = {**changes, "version": agents.c.version + 1, "updated_at": func.now(), "last_activity_at": func.now()}
    return update(agents).where(agents.c.id == id).values(values).returning(*AGENT)


@repeatable
async def pause(ctx: Context, id: UUID, *, project_id: UUID | None = None, expected_version: Expected = None) -> Agent:
    """Holds an agent until it is resumed; for operators and owners."""
    return await _take(ctx, id, project_id, Action.PAUSE, expected_version)


@repeatable
async def resume(ctx: Context, id: UUID, *, project_id: UUID | None = None, expected_version: Expected = None) -> Agent:
    """Lets a paused agent go on; it is idle again; for operators and owners."""
    return await _take(ctx, id, project_id, Action.RESUME, expected_version)


@repeatable
async def terminate(
    ctx: Context, id: UUID, *, project_id: UUID | None = None, expected_version: Expected = None
) -> Agent:
    """Ends an agent for good; for operators and owners."""
    return await _take(ctx, id, project_id, Action.TERMINATE, expected_version)


async def delete(
    ctx: Context, id: UUID, *, project_id: UUID | None = None, expected_version: Expected = None
) -> Message:
    """Ends an agent for good; for operators and owners."""
    await _take(ctx, id, project_id, Action.TERMINATE, expected_version)
    return done("The agent is terminated.")


@repeatable
async def transition(
    ctx: Context,
    id: UUID,
    draft: Draft[TransitionAgent],
    *,
    project_id: UUID | None = None,
    expected_version: Expected = None,
) -> Agent:
    """Moves an agent to another status; for operators and owners."""
    target = (await parsed(draft, lambda: _require(ctx, id, project_id))).to
    return await _step(ctx, id, project_id, actions_to(target), expected_version)


async def _take(ctx: Context, id: UUID, project_id: UUID | None, action: Action, expected_version: Expected) -> Agent:
    return await _step(ctx, id, project_id, (action,), expected_version)


async def _step(
    ctx: Context, id: UUID, project_id: UUID | None, actions: tuple[Action, ...], expected_version: Expected
) -> Agent:
    target = STEPS[actions[0]].target
    step = stepping(ctx.who, id, project_id, actions, versions(expected_version), event_id=new_id())
    async with ctx.store.decide() as db:
        decided = found((await db.execute(step)).first())
    allow(decided.role, Right.OPERATE)
    check_version(decided.seen_version, expected_version)
    if target is not Status.TERMINATED:
        _refuse_archived(decided.project_status)
    if decided.seen_status not in ways_of(actions):
        raise refuse_transition(decided.seen_status, target)
    return record(Agent, decided[4:])


@statement
def _role(who: Viewer, id: UUID, project_id: UUID | None) -> Select[Any]:
    return select(role(who)).select_from(agents.join(projects)).where(which(id, project_id), visible(who))


async def _require(ctx: Context, id: UUID, project_id: UUID | None) -> None:
    async with ctx.store.read() as db:
        allow((await db.execute(_role(ctx.who, id, project_id))).scalar(), Right.OPERATE)


def _refuse_archived(status: ProjectStatus) -> None:
    if status is ProjectStatus.ARCHIVED:
        raise Refusal(Code.PROJECT_ARCHIVED)
