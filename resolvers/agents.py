"""Agents: spawning, seeing, changing and moving them."""

from collections.abc import Mapping, Sequence
from uuid import UUID

from sqlalchemy import ColumnElement, and_, func, select, update

from resolvers.context import Context, parsed
from resolvers.domain.agents import Agent, AgentFilter, SpawnAgent, TransitionAgent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import EventKind
from resolvers.domain.lifecycle import STEPS, Action, Status, actions_to, refuse_transition
from resolvers.domain.paging import ListDraft, Listing, Page
from resolvers.domain.permissions import Right
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.sessions import Message, done
from resolvers.idempotency import repeatable
from resolvers.store.access import allow, found, require
from resolvers.store.changes import Expected, changed, check_version, sent
from resolvers.store.decisions import locked, spawning, stepping
from resolvers.store.engine import among, many, one, record, returned
from resolvers.store.log import log
from resolvers.store.pages import Below, page_statement, read_pages
from resolvers.store.records import AGENT
from resolvers.store.tables import agent_types, agents, projects
from resolvers.store.visibility import role, seen, visible


def _which(id: UUID, project_id: UUID | None) -> ColumnElement[bool]:
    here = agents.c.id == id
    return here if project_id is None else and_(here, agents.c.project_id == project_id)


async def get(ctx: Context, id: UUID, *, project_id: UUID | None = None) -> Agent:
    """Returns one agent."""
    wanted = select(*AGENT).where(_which(id, project_id), visible(ctx.who, agents.c.project_id))
    async with ctx.store.read() as db:
        return found(await one(db, wanted, Agent))


async def by_ids(ctx: Context, ids: Sequence[UUID]) -> list[Agent]:
    """Returns those of the agents that you can see."""
    async with ctx.store.read() as db:
        wanted = select(*AGENT).where(among(agents.c.id, ids), visible(ctx.who, agents.c.project_id))
        return await many(db, wanted, Agent)


async def search(ctx: Context, project_id: UUID, listing: ListDraft[AgentFilter]) -> Page[Agent]:
    """Lists the agents of a project."""
    asked = await parsed(listing, lambda: require(ctx.store, ctx.who, project_id, Right.READ))
    return found((await _in_projects(ctx, [project_id], asked)).get(project_id))


async def in_projects(ctx: Context, ids: Sequence[UUID], listing: ListDraft[AgentFilter]) -> dict[UUID, Page[Agent]]:
    """Lists the agents of each of these projects that you can see."""
    return await _in_projects(ctx, ids, listing.parsed())


async def _in_projects(ctx: Context, ids: Sequence[UUID], asked: Listing[AgentFilter]) -> dict[UUID, Page[Agent]]:
    below = Below(seen(ctx.who, ids), agents.c.project_id)
    statement = page_statement(AGENT, agents, _filters(asked.where), asked, key=agents.c.id, below=below)
    async with ctx.store.read() as db:
        return await read_pages(db, statement, Agent, asked)


async def of_types(ctx: Context, ids: Sequence[UUID], listing: ListDraft[AgentFilter]) -> dict[UUID, Page[Agent]]:
    """Lists the agents of each of these types, in all projects that you can see."""
    asked = listing.parsed()
    where = [visible(ctx.who, agents.c.project_id), *_filters(asked.where)]
    below = Below(select(agent_types.c.id).where(among(agent_types.c.id, ids)), agents.c.agent_type_id)
    statement = page_statement(AGENT, agents, where, asked, key=agents.c.id, below=below)
    async with ctx.store.read() as db:
        return await read_pages(db, statement, Agent, asked)


def _filters(asked: AgentFilter) -> list[ColumnElement[bool]]:
    where: list[ColumnElement[bool]] = []
    if isinstance(asked.status, list):
        where.append(agents.c.status.in_(asked.status))
    if isinstance(asked.agent_type_id, UUID):
        where.append(agents.c.agent_type_id == asked.agent_type_id)
    if isinstance(asked.search, str):
        where.append(agents.c.name.icontains(asked.search, autoescape=True))
    return where


@repeatable
async def spawn(ctx: Context, project_id: UUID, draft: Draft[SpawnAgent]) -> Agent:
    """Starts an agent of an active type in a project; it is idle at first; for operators and owners."""
    new = await parsed(draft, lambda: require(ctx.store, ctx.who, project_id, Right.OPERATE))
    if isinstance(new.project_id, UUID) and new.project_id != project_id:
        await require(ctx.store, ctx.who, project_id, Right.OPERATE)
        raise Refusal(Code.VALIDATION_FAILED, "This is not the project of the address.", field="project_id")
    async with ctx.store.write() as db:
        decided = found((await db.execute(spawning(ctx.who, project_id, new))).first())
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
        row = found((await db.execute(locked(ctx.who, _which(id, project_id)))).first())
        allow(row.role, Right.OPERATE)
        old = record(Agent, row[1:])
        check_version(old.version, expected_version)
        changes = changed(old, given)
        if not changes:
            return old
        values = {**changes, "version": old.version + 1, "updated_at": func.now(), "last_activity_at": func.now()}
        turned = update(agents).where(agents.c.id == id).values(values).returning(*AGENT)
        new = await returned(db, turned, Agent)
        data = {"changed": sorted(changes), "version": new.version}
        await log(db, ctx.who, EventKind.AGENT_UPDATED, id, project_id=new.project_id, data=data)
    return new


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
    return await _step(ctx, _which(id, project_id), actions_to(target), target, expected_version)


async def _take(ctx: Context, id: UUID, project_id: UUID | None, action: Action, expected_version: Expected) -> Agent:
    step = STEPS[action]
    ways = dict.fromkeys(step.sources, action)
    return await _step(ctx, _which(id, project_id), ways, step.target, expected_version)


async def _step(
    ctx: Context,
    which: ColumnElement[bool],
    ways: Mapping[Status, Action],
    target: Status,
    expected_version: Expected,
) -> Agent:
    async with ctx.store.write() as db:
        decided = found((await db.execute(stepping(ctx.who, which, ways, target, expected_version))).first())
    allow(decided.role, Right.OPERATE)
    check_version(decided.seen_version, expected_version)
    if target is not Status.TERMINATED:
        _refuse_archived(decided.project_status)
    if decided.seen_status not in ways:
        raise refuse_transition(decided.seen_status, target)
    return record(Agent, decided[4:])


async def _require(ctx: Context, id: UUID, project_id: UUID | None) -> None:
    wanted = select(role(ctx.who)).select_from(agents.join(projects)).where(_which(id, project_id), visible(ctx.who))
    async with ctx.store.read() as db:
        allow((await db.execute(wanted)).scalar(), Right.OPERATE)


def _refuse_archived(status: ProjectStatus) -> None:
    if status is ProjectStatus.ARCHIVED:
        raise Refusal(Code.PROJECT_ARCHIVED)
