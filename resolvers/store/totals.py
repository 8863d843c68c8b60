"""Totals that are read from counters: a few rows, however much there is."""

from functools import reduce
from operator import add
from typing import Any

from msgspec import UNSET
from sqlalchemy import BigInteger, ColumnElement, ScalarSelect, Table, case, cast, func, literal_column, select

from resolvers.domain.agents import AgentFilter
from resolvers.domain.lifecycle import Status
from resolvers.domain.users import Viewer
from resolvers.store.statements import among
from resolvers.store.tables import STATUS_COUNTS, agent_type_counts, agents, members, project_counts, row_counts


def summed(column: ColumnElement[Any]) -> ColumnElement[Any]:
    """Adds up a counter over its slots."""
    return func.coalesce(func.sum(column), 0)


def having(counters: Table, *statuses: Status) -> ColumnElement[Any]:
    """Adds up the agents in these statuses, or in any."""
    return cast(summed(reduce(add, (counters.c[name] for name in statuses or STATUS_COUNTS))), BigInteger)


def agents_in(project_id: ColumnElement[Any], where: AgentFilter) -> ScalarSelect[Any] | None:
    """Counts the agents of the row's project; None when counters can't tell."""
    return _agents(project_counts, where, project_counts.c.project_id == project_id)


def agents_of(who: Viewer, type_id: ColumnElement[Any], where: AgentFilter) -> ScalarSelect[Any] | None:
    """Counts the agents of the row's type in all projects that the viewer can see; None when counters can't tell."""
    if who.is_superuser:
        return _agents(agent_type_counts, where, agent_type_counts.c.agent_type_id == type_id)
    own = (members.c.user_id == who.id, members.c.project_id == project_counts.c.project_id)
    return _agents(project_counts, where, project_counts.c.agent_type_id == type_id, *own)


def _agents(counters: Table, where: AgentFilter, *which: ColumnElement[bool]) -> ScalarSelect[Any] | None:
    if where.search is not UNSET:
        return None
    if where.agent_type_id is not UNSET:
        which = (*which, counters.c.agent_type_id == where.agent_type_id)
    counted = cast(summed(reduce(add, (_asked(counters, name, where) for name in STATUS_COUNTS))), BigInteger)
    return select(counted).where(*which).scalar_subquery()


def _asked(counters: Table, name: str, where: AgentFilter) -> ColumnElement[Any]:
    if where.status is UNSET:
        return counters.c[name]
    return case((among(literal_column(f"'{name}'", agents.c.status.type), where.status), counters.c[name]), else_=0)


def rows_of(table: Table, *labels: str) -> ScalarSelect[Any]:
    """Counts the rows of a table, or those that are counted under these labels."""
    which = [row_counts.c.name == table.name]
    if labels:
        which.append(row_counts.c.label.in_(labels))
    return select(cast(summed(row_counts.c.total), BigInteger)).where(*which).scalar_subquery()


def activity(*, active: bool) -> str:
    """Returns what things that can be switched off are counted under."""
    return "active" if active else "inactive"
