"""Projects, their members and their agents."""

from resolvers import agents, events, members, metrics
from resolvers.domain import projects as records
from resolvers.domain.agents import AgentFilter
from resolvers.domain.events import ProjectEventFilter
from schema.connection import connection_below
from schema.dress import dressed
from schema.edges import edge
from schema.node import Node
from schema.types.agents import Agent, AgentMetrics
from schema.types.events import Event
from schema.types.users import User


@dressed(records.Member)
class Member:
    user = edge(
        User,
        "The user who belongs to the project.",
        key="user_id",
        loader=lambda asking: asking.users,
    )


@dressed(records.Project)
class Project(Node):
    agents = connection_below(agents.in_projects, Agent, AgentFilter, "The agents in the project.")
    members = connection_below(members.in_projects, Member, records.MemberFilter, "The people of the project.")
    events = connection_below(
        events.of_projects,
        Event,
        ProjectEventFilter,
        "What happened to the agents of the project, as far as no earlier event can still come.",
    )
    metrics = edge(
        AgentMetrics,
        "Counts and sums over all agents of the project.",
        key="id",
        loader=lambda asking: asking.below(metrics.of_projects, metrics.of_projects),
    )
