"""Agent types, and their agents."""

from resolvers import agents
from resolvers.domain import agent_types as records
from resolvers.domain.agents import AgentFilter
from schema.connection import connection_below
from schema.dress import dressed
from schema.node import Node
from schema.types.agents import Agent


@dressed(records.AgentType)
class AgentType(Node):
    agents = connection_below(
        agents.of_types, Agent, AgentFilter, "The agents of this type, in all projects that you can see."
    )
