"""Agents, and what lies around them."""

from typing import TYPE_CHECKING, Annotated

import strawberry

from resolvers import events
from resolvers.domain import agent_types as type_records
from resolvers.domain import agents as records
from resolvers.domain import events as event_records
from schema.connection import connection_below
from schema.dress import dressed, worn
from schema.edges import edge
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
    agent_type = edge(
        Annotated["AgentType", strawberry.lazy("schema.types.agent_types")],
        "The type that the agent was spawned of, as it is now.",
        key="agent_type_id",
        loader=lambda asking: asking.agent_types,
    )
    runs_on = edge(
        AgentTypeRevision,
        "What the agent runs on: its type as it was at the agent's revision.",
        key=("agent_type_id", "agent_type_revision"),
        loader=lambda asking: asking.revisions,
    )
    project = edge(
        Annotated["Project", strawberry.lazy("schema.types.projects")],
        "The project that the agent works in.",
        key="project_id",
        loader=lambda asking: asking.projects,
    )

    @strawberry.field(description="The metrics of this agent alone.")
    def metrics(root: Root) -> AgentMetrics:
        return worn(records.metrics_of(root))

    events = connection_below(events.of_agents, Event, event_records.EventFilter, "What happened to the agent.")
