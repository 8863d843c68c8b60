"""Vanilla Strawberry: ORM objects as they come, a DataLoader for each edge, its caches of documents on."""

from collections import defaultdict
from collections.abc import Awaitable, Callable
from datetime import datetime
from decimal import Decimal
from typing import Any, NewType
from uuid import UUID

import strawberry
from sqlalchemy import exists, func, join, select, true
from sqlalchemy.ext.asyncio import AsyncSession
from sqlalchemy.orm import aliased
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.routing import Route
from strawberry.asgi import GraphQL
from strawberry.dataloader import DataLoader
from strawberry.extensions import ParserCache, ValidationCache
from strawberry.schema.config import StrawberryConfig

from benchmarks.contenders import models, writes
from benchmarks.contenders.database import sessions, who_asks
from benchmarks.contenders.models import Member, Status

BigInt = NewType("BigInt", int)
AgentStatus = strawberry.enum(models.Status, name="AgentStatus")
ProjectStatus = strawberry.enum(models.ProjectStatus, name="ProjectStatus")


class Asking:
    """The context of a request: who asks, and the loaders."""

    def __init__(self, user: models.User) -> None:
        self.user = user
        self.types: DataLoader[UUID, models.AgentType | None] = DataLoader(load_fn=_types)
        self.metrics: DataLoader[UUID, Any] = DataLoader(load_fn=_metrics)
        self.totals: DataLoader[UUID, int] = DataLoader(load_fn=_totals)
        self.agents: dict[int, DataLoader[UUID, list[models.Agent]]] = {}

    def agents_below(self, first: int) -> DataLoader[UUID, list[models.Agent]]:
        if first not in self.agents:
            self.agents[first] = DataLoader(load_fn=_agents(first))
        return self.agents[first]


Info = strawberry.Info[Asking, Any]


@strawberry.type
class AgentType:
    """A kind of agent."""

    id: strawberry.ID
    name: str
    slug: str
    primary_model: str
    is_active: bool


@strawberry.type
class Agent:
    """An agent."""

    id: strawberry.ID
    agent_type_id: strawberry.ID
    name: str
    status: AgentStatus
    current_task: str | None
    tasks_completed: BigInt
    tokens_used: BigInt
    cost_incurred: Decimal
    version: int
    created_at: datetime

    @strawberry.field
    async def agent_type(self, info: Info) -> AgentType:
        return await info.context.types.load(self.agent_type_id)


@strawberry.type
class AgentMetrics:
    """Counts and sums over the agents of a project."""

    total_instances: BigInt
    active_instances: BigInt
    idle_instances: BigInt
    paused_instances: BigInt
    terminated_instances: BigInt
    total_tasks_completed: BigInt
    total_tokens_used: BigInt
    total_cost_incurred: Decimal


@strawberry.type
class AgentConnection:
    """A page of agents."""

    nodes: list[Agent]
    project_id: strawberry.Private[UUID]

    @strawberry.field
    async def total_count(self, info: Info) -> int:
        return await info.context.totals.load(self.project_id)


@strawberry.type
class Project:
    """Where agents live."""

    id: strawberry.ID
    name: str

    status: ProjectStatus

    @strawberry.field
    async def agents(self, info: Info, first: int = 20) -> AgentConnection:
        nodes = await info.context.agents_below(first).load(self.id)
        return AgentConnection(nodes=nodes, project_id=self.id)

    @strawberry.field
    async def metrics(self, info: Info) -> AgentMetrics:
        return await info.context.metrics.load(self.id)


@strawberry.type
class ProjectConnection:
    """A page of projects."""

    nodes: list[Project]


async def _types(ids: list[UUID]) -> list[models.AgentType | None]:
    async with sessions() as db:
        rows = await db.scalars(select(models.AgentType).where(models.AgentType.id.in_(ids)))
        found = {row.id: row for row in rows}
    return [found.get(one) for one in ids]


def _agents(first: int) -> Callable[[list[UUID]], Any]:
    async def load(ids: list[UUID]) -> list[list[models.Agent]]:
        row = aliased(models.Agent)
        below = (
            select(row)
            .where(row.project_id == models.Project.id)
            .order_by(row.created_at.desc(), row.id.desc())
            .limit(first)
        )
        agent = aliased(models.Agent, part := below.lateral())
        wanted = select(agent).select_from(join(models.Project, part, true())).where(models.Project.id.in_(ids))
        found: dict[UUID, list[models.Agent]] = defaultdict(list)
        async with sessions() as db:
            for one in await db.scalars(wanted.order_by(agent.created_at.desc(), agent.id.desc())):
                found[one.project_id].append(one)
        return [found[one] for one in ids]

    return load


async def _totals(ids: list[UUID]) -> list[int]:
    counted = select(models.Agent.project_id, func.count()).where(models.Agent.project_id.in_(ids))
    async with sessions() as db:
        found = dict((await db.execute(counted.group_by(models.Agent.project_id))).tuples().all())
    return [found.get(one, 0) for one in ids]


async def _metrics(ids: list[UUID]) -> list[AgentMetrics]:
    agent = models.Agent

    def having(*words: Status) -> Any:
        return func.count().filter(agent.status.in_(words))

    sums = {
        "total_instances": func.count(),
        "active_instances": having(Status.WORKING, Status.WAITING),
        "idle_instances": having(Status.IDLE),
        "paused_instances": having(Status.PAUSED),
        "terminated_instances": having(Status.TERMINATED),
        "total_tasks_completed": func.sum(agent.tasks_completed),
        "total_tokens_used": func.sum(agent.tokens_used),
        "total_cost_incurred": func.sum(agent.cost_incurred),
    }
    columns = [column.label(name) for name, column in sums.items()]
    wanted = select(agent.project_id, *columns).where(agent.project_id.in_(ids)).group_by(agent.project_id)
    async with sessions() as db:
        rows = (await db.execute(wanted)).all()
    found = {row.project_id: AgentMetrics(**{name: getattr(row, name) for name in sums}) for row in rows}
    nothing = AgentMetrics(**dict.fromkeys(list(sums)[:-1], 0), total_cost_incurred=Decimal("0.000000"))
    return [found.get(one, nothing) for one in ids]


def _mine(project_id: Any, user: models.User) -> Any:
    return exists().where(Member.project_id == project_id, Member.user_id == user.id)


@strawberry.type
class Query:
    """What can be asked."""

    @strawberry.field
    async def project(self, info: Info, id: strawberry.ID) -> Project | None:
        wanted = select(models.Project).where(models.Project.id == UUID(id))
        async with sessions() as db:
            return await db.scalar(wanted.where(_mine(models.Project.id, info.context.user)))

    @strawberry.field
    async def agent(self, info: Info, id: strawberry.ID) -> Agent | None:
        wanted = select(models.Agent).where(models.Agent.id == UUID(id))
        async with sessions() as db:
            return await db.scalar(wanted.where(_mine(models.Agent.project_id, info.context.user)))

    @strawberry.field
    async def projects(self, info: Info, first: int = 20) -> ProjectConnection:
        wanted = select(models.Project).where(_mine(models.Project.id, info.context.user))
        async with sessions() as db:
            rows = await db.scalars(
                wanted.order_by(models.Project.created_at.desc(), models.Project.id.desc()).limit(first)
            )
            return ProjectConnection(nodes=list(rows))


@strawberry.type
class UserError:
    """Why something was not done."""

    code: str
    message: str


@strawberry.type
class AgentPayload:
    """An agent that was spawned or moved, or why it was not."""

    agent: Agent | None = None
    user_errors: list[UserError] = strawberry.field(default_factory=list)


@strawberry.input
class SpawnAgentInput:
    """What an agent is made of."""

    project_id: strawberry.ID
    agent_type_id: strawberry.ID
    name: str


@strawberry.input
class MoveAgentInput:
    """Which agent to move."""

    id: strawberry.ID


async def _payload(act: Callable[[AsyncSession], Awaitable[models.Agent]]) -> AgentPayload:
    try:
        async with sessions() as db:
            return AgentPayload(agent=await act(db))
    except writes.Refused as refused:
        return AgentPayload(user_errors=[UserError(code=refused.code, message=refused.code)])


@strawberry.type
class Mutation:
    """What can be done."""

    @strawberry.mutation
    async def spawn_agent(self, info: Info, input: SpawnAgentInput) -> AgentPayload:
        what = UUID(input.project_id), UUID(input.agent_type_id), input.name
        return await _payload(lambda db: writes.spawn(db, info.context.user, *what))

    @strawberry.mutation
    async def pause_agent(self, info: Info, input: MoveAgentInput) -> AgentPayload:
        return await _payload(lambda db: writes.move(db, info.context.user, UUID(input.id), writes.PAUSE))

    @strawberry.mutation
    async def resume_agent(self, info: Info, input: MoveAgentInput) -> AgentPayload:
        return await _payload(lambda db: writes.move(db, info.context.user, UUID(input.id), writes.RESUME))


class Door(GraphQL[Asking, None]):
    """Strawberry's ASGI view, for who is signed in."""

    async def get_context(self, request: Any, response: Any) -> Asking:  # noqa: ARG002 — as Strawberry calls it
        async with sessions() as db:
            user = await who_asks(db, request.headers.get("authorization", ""))
        if user is None:
            raise HTTPException(401)
        return Asking(user)


schema = strawberry.Schema(
    Query,
    Mutation,
    extensions=[ParserCache, ValidationCache],
    config=StrawberryConfig(scalar_map={BigInt: strawberry.scalar(name="BigInt", serialize=int)}),
)
app = Starlette(routes=[Route("/graphql", Door(schema))])
