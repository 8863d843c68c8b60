"""Agent types, and their agents."""

from resolvers import agents
from resolvers.domain import agent_types as records
from resolvers.domain.agents import AgentFilter
from schema.connection import connection
from schema.dress import dressed
from schema.node import Node
from schema.types.agents import Agent


@dressed(records.AgentType)
class AgentType(Node):
    agents = connection(
        agents.search_of_type, Agent, AgentFilter, "The agents of this type, in all projects that you can see.", "id"
    )
