"""Which columns make which record: the record's own fields, in their order."""

from typing import Any

import msgspec
from sqlalchemy import ColumnElement, Table, Text, cast, select, type_coerce

from resolvers.domain.agent_types import AgentType, AgentTypeRevision
from resolvers.domain.agents import Agent
from resolvers.domain.events import Event
from resolvers.domain.projects import Member
from resolvers.domain.users import User
from resolvers.store.tables import agent_type_counts, agent_type_revisions, agent_types, agents, events, members, users
from resolvers.store.totals import having
from resolvers.store.types import AllowedActions

Columns = list[ColumnElement[Any]]


def columns(kind: type[msgspec.Struct], table: Table, **others: ColumnElement[Any]) -> Columns:
    """Returns the columns of a record: the table's, or those given for fields that it does not hold."""
    return [others[name].label(name) if name in others else table.c[name] for name in kind.__struct_fields__]


AGENT = columns(Agent, agents, allowed_actions=type_coerce(agents.c.status, AllowedActions()))
USER = columns(User, users)
EVENT = columns(Event, events, cursor=cast(events.c.sequence, Text))
MEMBER = columns(Member, members, email=users.c.email, first_name=users.c.first_name, last_name=users.c.last_name)
REVISION = columns(AgentTypeRevision, agent_type_revisions)
AGENT_TYPE = columns(
    AgentType,
    agent_types,
    instance_count=select(having(agent_type_counts))
    .where(agent_type_counts.c.agent_type_id == agent_types.c.id)
    .scalar_subquery(),
)
