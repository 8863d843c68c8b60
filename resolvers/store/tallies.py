"""What is counted as it changes: which counters there are, what they stand for, and whether they are right."""

from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Select,
    Table,
    Text,
    case,
    cast,
    delete,
    func,
    insert,
    literal,
    or_,
    select,
    text,
    true,
    union_all,
)  # fmt: skip

from resolvers.domain.lifecycle import Status
from resolvers.store.engine import Connection
from resolvers.store.tables import (
    SUMS,
    agent_type_counts,
    agent_types,
    agents,
    project_counts,
    projects,
    row_counts,
    users,
)  # fmt: skip


class Tally(NamedTuple):
    """The rows of one table as counters hold them: by which keys, and what is added up of which of them."""

    counters: Table
    counted: Table
    keys: dict[str, ColumnElement[Any]]
    sums: dict[str, ColumnElement[Any]]
    where: ColumnElement[bool] = true()

    def truth(self) -> Select[Any]:
        """Selects the keys and the sums, counted anew."""
        rows = self._rows().subquery()
        sums = [func.sum(rows.c[name]).label(name) for name in self.sums]
        return select(*(rows.c[name] for name in self.keys), *sums).group_by(*(rows.c[name] for name in self.keys))

    def wrong(self) -> Select[Any]:
        """Selects the keys of the counters that are not what is counted anew."""
        held = select(*(self.counters.c[name] for name in self.keys), *(-self.counters.c[name] for name in self.sums))
        both = union_all(self._rows(), held.where(self.own())).subquery()
        keys = [both.c[name] for name in self.keys]
        return select(*keys).group_by(*keys).having(or_(*(func.sum(both.c[name]) != 0 for name in self.sums)))

    def own(self) -> ColumnElement[bool]:
        """Holds for the counters of this table's rows."""
        return row_counts.c.name == self.counted.name if self.counters is row_counts else true()

    def _rows(self) -> Select[Any]:
        fields = (self.keys | self.sums).items()
        return select(*(value.label(name) for name, value in fields)).select_from(self.counted).where(self.where)


def _rows(table: Table, label: ColumnElement[Any], where: ColumnElement[bool] = true()) -> Tally:  # noqa: B008 — a constant
    keys = {"name": literal(table.name, Text), "label": label}
    return Tally(row_counts, table, keys, {"total": literal(1)}, where)


def _active(table: Table) -> ColumnElement[Any]:
    return case((table.c.is_active, "active"), else_="inactive")


BY_STATUS: dict[str, ColumnElement[Any]] = {
    str(status): case((agents.c.status == status, 1), else_=0) for status in Status
}
BY_TYPE: dict[str, ColumnElement[Any]] = {"agent_type_id": agents.c.agent_type_id}
TALLIES = [
    Tally(
        project_counts,
        agents,
        BY_TYPE | {"project_id": agents.c.project_id},
        BY_STATUS | {name: agents.c[name] for name in SUMS},
    ),
    Tally(agent_type_counts, agents, BY_TYPE, BY_STATUS),
    _rows(users, _active(users) + case((users.c.is_superuser, " superuser"), else_=""), users.c.deleted_at.is_(None)),
    _rows(agent_types, _active(agent_types)),
    _rows(projects, cast(projects.c.status, Text)),
]


async def recount(db: Connection) -> int:
    """Counts everything anew, while nobody writes; returns how many counters were wrong."""
    await db.execute(text("SET LOCAL statement_timeout = 0"))
    names = dict.fromkeys(tally.counted.name for tally in TALLIES)
    await db.execute(text(f"LOCK TABLE {', '.join(names)} IN SHARE ROW EXCLUSIVE MODE"))
    return sum([await _mend(db, tally) for tally in TALLIES])


async def _mend(db: Connection, tally: Tally) -> int:
    wrong = len(await db.execute(tally.wrong()))
    if wrong:
        await db.execute(delete(tally.counters).where(tally.own()))
        fields = [*tally.keys, *tally.sums, "slot"]
        await db.execute(insert(tally.counters).from_select(fields, tally.truth().add_columns(literal(0))))
    return wrong
