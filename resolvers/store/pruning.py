"""What is kept for a time only: old parts of the log, and what has expired, each removed in small batches."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any
from uuid import UUID

from sqlalchemy import Delete, Select, Table, delete, func, select, text, tuple_
from sqlalchemy.dialects.postgresql import insert

from resolvers.domain.errors import Code, Refusal
from resolvers.store.engine import Connection
from resolvers.store.statements import among, statement
from resolvers.store.tables import events, idempotency_keys, login_failures, pruned_logs, sessions

BATCH = 1000
GONE = "What came after this cursor is not kept any more; read the agents anew, and begin without a cursor."
# The log refuses any other change.
ALLOW = text("SET LOCAL roster.pruning = 'on'")

# When each of these is of no use any more, by a column that has an index.
EXPIRIES = {
    sessions: (sessions.c.expires_at, timedelta(days=1)),
    idempotency_keys: (idempotency_keys.c.created_at, timedelta(days=1)),
    login_failures: (login_failures.c.blocked_until, timedelta(hours=1)),
}


def pruned(after: int, age: timedelta) -> Select[int, Any]:
    """Removes what is older among the first events after a place; returns how many those were, and the last of them."""
    # Not the oldest by time, for which an index would be needed: places in the log follow time closely.
    first = select(events.c.sequence, events.c.created_at).where(events.c.sequence > after)
    stretch = first.order_by(events.c.sequence).limit(BATCH).cte("stretch")
    old = (events.c.sequence == stretch.c.sequence, stretch.c.created_at < func.now() - age)
    gone = delete(events).where(*old).returning(events.c.project_id, events.c.sequence).cte("gone")
    return select(func.count(), func.max(gone.c.sequence)).select_from(gone).add_cte(_marked(gone))


def _marked(gone: Any) -> Any:
    last = func.max(gone.c.sequence)
    ends = select(gone.c.project_id, last).where(gone.c.project_id.is_not(None)).group_by(gone.c.project_id)
    marked = insert(pruned_logs).from_select(["project_id", "sequence"], ends)
    newer = func.greatest(pruned_logs.c.sequence, marked.excluded.sequence)
    return marked.on_conflict_do_update(index_elements=["project_id"], set_={"sequence": newer}).cte("marked")


@statement
def _pruned_upto(project_ids: list[UUID]) -> Select[Any]:
    return select(func.max(pruned_logs.c.sequence)).where(among(pruned_logs.c.project_id, project_ids))


async def check_kept(db: Connection, project_ids: Sequence[UUID], after: int) -> None:
    """Refuses a place in the log after which something was pruned in one of the projects; 0 is where the log begins."""
    upto = (await db.execute(_pruned_upto(list(project_ids)))).scalar() if after else None
    if upto is not None and upto > after:
        raise Refusal(Code.VALIDATION_FAILED, GONE, field="after")


def expired(table: Table, most: int = BATCH) -> Delete:
    """Removes some of what has expired, the oldest first, and waits for nobody."""
    column, spare = EXPIRIES[table]
    key = table.primary_key.columns
    old = select(*key).where(column < func.now() - spare).order_by(column).limit(most)
    # By itself, not as a subquery: a plan may run that again for each row, and each time it finds others.
    some = old.with_for_update(skip_locked=True).cte("some")
    return delete(table).where(tuple_(*key).in_(select(some)))
