"""Agents, and what lies around them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import events
from resolvers.domain import agent_types as type_records
from resolvers.domain import agents as records
from resolvers.domain import events as event_records
from schema.connection import connection_below
from schema.context import Info
from schema.dress import dressed, worn
from schema.node import Node
from schema.types.events import Event

if TYPE_CHECKING:
    from schema.types.agent_types import AgentType
    from schema.types.projects import Project

Root = strawberry.Parent[records.Agent]


@dressed(records.AgentMetrics)
class AgentMetrics:
    pass


@dressed(type_records.AgentTypeRevision)
class AgentTypeRevision:
    pass


@dressed(records.Agent)
class Agent(Node):
    @strawberry.field(description="The type that the agent was spawned of, as it is now.")
    async def agent_type(root: Root, info: Info) -> Annotated["AgentType", strawberry.lazy("schema.types.agent_types")]:
        return worn(await info.context.agent_types.load(root.agent_type_id))

    @strawberry.field(description="What the agent runs on: its type as it was at the agent's revision.")
    async def runs_on(root: Root, info: Info) -> AgentTypeRevision:
        key = (root.agent_type_id, root.agent_type_revision)
        return worn(await info.context.revisions.load(key))

    @strawberry.field(description="The project that the agent works in.")
    async def project(root: Root, info: Info) -> Annotated["Project", strawberry.lazy("schema.types.projects")]:
        return worn(await info.context.projects.load(root.project_id))

    @strawberry.field(description="The metrics of this agent alone.")
    def metrics(root: Root) -> AgentMetrics:
        return worn(records.metrics_of(root))

    events = connection_below(events.of_agents, Event, event_records.EventFilter, "What happened to the agent.")
