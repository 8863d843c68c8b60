"""The event log: rows are only added, in the transaction of what they tell."""

from collections.abc import Mapping
from typing import Any
from uuid import UUID

from sqlalchemy import CTE, ColumnElement, Insert, Select, insert, select, type_coerce

from resolvers.domain.events import EventKind
from resolvers.domain.ids import new_id
from resolvers.domain.users import Viewer
from resolvers.store.engine import Connection
from resolvers.store.statements import statement
from resolvers.store.tables import events

FIELDS = ("id", "actor_id", "kind", "project_id", "subject_id", "data")


def logging(
    by: tuple[UUID, UUID],
    source: CTE,
    kind: ColumnElement[Any],
    data: ColumnElement[Any],
    *,
    before: CTE | None = None,
) -> CTE:
    """Returns a CTE that logs an event, by an actor and under an id, for the row that `source` returns, if any."""
    actor_id, event_id = by
    told: Select[Any] = select(
        type_coerce(event_id, events.c.id.type),
        type_coerce(actor_id, events.c.actor_id.type),
        kind,
        source.c.project_id,
        source.c.id,
        data,
    ).select_from(source if before is None else source.join(before, before.c.id == source.c.id))
    return insert(events).from_select(list(FIELDS), told).cte("logged")


@statement
def _logged(**row: object) -> Insert:
    return insert(events).values(row)


async def log(
    db: Connection,
    who: Viewer,
    kind: EventKind,
    subject_id: UUID,
    *,
    project_id: UUID | None = None,
    data: Mapping[str, object],
) -> None:
    """Writes one event in the transaction of what it tells."""
    row = (new_id(), who.id, kind, project_id, subject_id, dict(data))
    await db.execute(_logged(**dict(zip(FIELDS, row, strict=True))))
