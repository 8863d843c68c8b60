"""Metrics: what agents have done and cost."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import Numeric, Select, cast, select, true

from resolvers.context import Context
from resolvers.domain.agents import Agent, AgentMetrics, metrics_of
from resolvers.domain.lifecycle import ACTIVE, Status
from resolvers.domain.users import Viewer
from resolvers.store.access import found
from resolvers.store.engine import one, record
from resolvers.store.records import AGENT
from resolvers.store.statements import statement
from resolvers.store.tables import agents, project_counts
from resolvers.store.totals import having, summed
from resolvers.store.visibility import seen, visible

MONEY = Numeric(38, 6)


async def of_agent(ctx: Context, id: UUID, *, project_id: UUID) -> AgentMetrics:
    """Returns the metrics of one agent."""
    async with ctx.store.read() as db:
        return metrics_of(found(await one(db, _one(ctx.who, id, project_id), Agent)))


@statement
def _one(who: Viewer, id: UUID, project_id: UUID) -> Select[Any]:
    here = (agents.c.id == id, agents.c.project_id == project_id, visible(who, agents.c.project_id))
    return select(*AGENT).where(*here)


async def of_project(ctx: Context, project_id: UUID) -> AgentMetrics:
    """Returns the metrics of all agents of a project, terminated ones included."""
    return found((await _of_projects(ctx, [project_id])).get(project_id))


async def of_projects(ctx: Context, ids: Sequence[UUID]) -> dict[UUID, AgentMetrics]:
    """Returns the metrics of each of these projects that you can see."""
    return await _of_projects(ctx, ids)


async def _of_projects(ctx: Context, ids: Sequence[UUID]) -> dict[UUID, AgentMetrics]:
    async with ctx.store.read() as db:
        rows = await db.fetch(_sums(ctx.who, list(ids)))
        # Sums of 64-bit numbers arrive as exact decimals.
        return {row[0]: record(AgentMetrics, (*map(int, row[1:-1]), row[-1])) for row in rows}


@statement
def _sums(who: Viewer, ids: list[UUID]) -> Select[Any]:
    place = seen(who, ids).subquery("place")

    sums = (
        select(
            having(project_counts),
            having(project_counts, *ACTIVE),
            having(project_counts, Status.IDLE),
            having(project_counts, Status.PAUSED),
            having(project_counts, Status.TERMINATED),
            summed(project_counts.c.tasks_completed),
            summed(project_counts.c.tokens_used),
            cast(summed(project_counts.c.cost_incurred), MONEY),
        )
        .where(project_counts.c.project_id == place.c.id)
        .lateral("sums")
    )
    return select(place.c.id, *sums.c).select_from(place.join(sums, true()))
