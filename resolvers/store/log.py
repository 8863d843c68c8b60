"""The event log: rows are only added, in the transaction of what they tell."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Select, insert, literal, select
from sqlalchemy.ext.asyncio import AsyncConnection

from resolvers.domain.events import EventKind
from resolvers.domain.ids import new_id
from resolvers.domain.users import Viewer
from resolvers.store.tables import events

FIELDS = ("id", "actor_id", "kind", "project_id", "subject_id", "data")


def logging(
    who: Viewer, source: CTE, kind: ColumnElement[Any], data: ColumnElement[Any], before: CTE | None = None
) -> CTE:
    """Returns a CTE that logs one event for the row that `source` returns, if any; `before` is how it was seen."""
    told: Select[Any] = select(
        literal(new_id(), events.c.id.type),
        literal(who.id, events.c.actor_id.type),
        kind,
        source.c.project_id,
        source.c.id,
        data,
    ).select_from(source if before is None else source.join(before, before.c.id == source.c.id))
    return insert(events).from_select(list(FIELDS), told).cte("logged")


async def log(
    db: AsyncConnection,
    who: Viewer,
    kind: EventKind,
    subject_id: UUID,
    *,
    project_id: UUID | None = None,
    data: Mapping[str, object],
) -> None:
    """Writes one event in the transaction of what it tells."""
    row = (new_id(), who.id, kind, project_id, subject_id, data)
    await db.execute(insert(events).values(dict(zip(FIELDS, row, strict=True))))
