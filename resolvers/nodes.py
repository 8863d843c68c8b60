"""What kind of thing an id names."""

from collections.abc import Sequence
from typing import Any
from uuid import UUID

from sqlalchemy import CompoundSelect, Table, literal, select, union_all

from resolvers.context import Context
from resolvers.store.statements import among, statement
from resolvers.store.tables import agent_types, agents, projects, users

NODES: dict[str, Table] = {"Agent": agents, "AgentType": agent_types, "Project": projects, "User": users}


async def kinds(ctx: Context, ids: Sequence[UUID]) -> dict[UUID, str]:
    """Returns the kind of each id that names something; whether you may see it, its own noun tells."""
    async with ctx.store.read() as db:
        return {row[0]: row[1] for row in await db.fetch(_kinds(list(ids)))}


@statement
def _kinds(ids: list[UUID]) -> CompoundSelect[Any]:
    parts = [select(table.c.id, literal(kind)).where(among(table.c.id, ids)) for kind, table in NODES.items()]
    return union_all(*parts)
