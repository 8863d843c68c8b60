"""How many there are of everything, and what agents did and cost, is counted in the transactions that change it."""

from typing import Any

import sqlalchemy as sa
from alembic import op
from sqlalchemy.types import TypeEngine

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

SLOTS = 16
STATUSES = {name: f"(status = '{name}')::int" for name in ("idle", "working", "waiting", "paused", "terminated")}
SUMS = {name: name for name in ("tasks_completed", "tokens_used", "cost_incurred")}
ACTIVE = "CASE WHEN is_active THEN 'active' ELSE 'inactive' END"

# Of each table: where its rows are counted, by which keys, which of them, and what is summed up.
COUNTERS = {
    "agents": [
        ("project_counts", {"project_id": "project_id", "agent_type_id": "agent_type_id"}, "true", STATUSES | SUMS),
        ("agent_type_counts", {"agent_type_id": "agent_type_id"}, "true", STATUSES),
    ],
    "users": [
        (
            "row_counts",
            {"name": "'users'", "label": f"{ACTIVE} || CASE WHEN is_superuser THEN ' superuser' ELSE '' END"},
            "deleted_at IS NULL",
            {"total": "1"},
        )
    ],
    "agent_types": [("row_counts", {"name": "'agent_types'", "label": ACTIVE}, "true", {"total": "1"})],
    "projects": [("row_counts", {"name": "'projects'", "label": "status"}, "true", {"total": "1"})],
}
TABLES = ("project_counts", "agent_type_counts", "row_counts")

# Room for new versions of a row beside the old ones, so that no index has to hear of them.
STORAGE = {"fillfactor": 50, "autovacuum_vacuum_scale_factor": 0, "autovacuum_vacuum_threshold": 1000}

# A slot is a transaction's own until it ends, so none waits for a counter, in whatever order it counts. The lowest that
# is free is taken, so there are as many rows to add up as there were writers at once.
TAKE_SLOT = f"""
    CREATE FUNCTION take_slot() RETURNS smallint LANGUAGE plpgsql AS $$
    BEGIN
        FOR number IN 0..{SLOTS - 1} LOOP
            IF pg_try_advisory_xact_lock(720575, number) THEN RETURN number; END IF;
        END LOOP;
        PERFORM pg_advisory_xact_lock(720575, pg_backend_pid() % {SLOTS});
        RETURN pg_backend_pid() % {SLOTS};
    END $$
"""

ROWS = {"INSERT": ["1 AS n, * FROM added"], "DELETE": ["-1 AS n, * FROM gone"]}
ROWS["UPDATE"] = ROWS["DELETE"] + ROWS["INSERT"]
SEEN = {"INSERT": "NEW TABLE AS added", "DELETE": "OLD TABLE AS gone"}
SEEN["UPDATE"] = f"{SEEN['DELETE']} {SEEN['INSERT']}"


def _counting(table: str, rows: list[str], slot: str) -> list[str]:
    source = " UNION ALL ".join(f"SELECT {row}" for row in rows)
    return [
        f"""
        INSERT INTO {target} AS kept ({", ".join(keys)}, slot, {", ".join(sums)})
        SELECT {", ".join(keys.values())}, {slot}, {", ".join(f"sum(n * {value})" for value in sums.values())}
        FROM ({source}) AS changes WHERE {which} GROUP BY {", ".join(map(str, range(1, len(keys) + 1)))}
        HAVING {" OR ".join(f"sum(n * {value}) <> 0" for value in sums.values())}
        ON CONFLICT ({", ".join(keys)}, slot) DO UPDATE
        SET {", ".join(f"{name} = kept.{name} + excluded.{name}" for name in sums)}
        """  # noqa: S608 — of words of ours alone
        for target, keys, which, sums in COUNTERS[table]
    ]


def _trigger(table: str, event: str) -> None:
    name = f"count_{table}_on_{event.lower()}"
    op.execute(f"""
        CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql AS $$
        DECLARE taken CONSTANT smallint := take_slot();
        BEGIN {";".join(_counting(table, ROWS[event], "taken"))}; RETURN NULL; END $$
    """)
    # By statement and not by row, so that a million rows at once change a counter once.
    op.execute(f"""
        CREATE TRIGGER {name} AFTER {event} ON {table} REFERENCING {SEEN[event]}
        FOR EACH STATEMENT EXECUTE FUNCTION {name}()
    """)


def _keys(*names: str) -> list[sa.Column[object]]:
    return [sa.Column(name, sa.Uuid(), nullable=False) for name in names]


def _sums(names: dict[str, str], kind: type[TypeEngine[Any]]) -> list[sa.Column[object]]:
    return [sa.Column(name, kind(), server_default=sa.text("0"), nullable=False) for name in names]


def _tables() -> None:
    op.create_table(
        "project_counts",
        *_keys("project_id", "agent_type_id"),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        *_sums(STATUSES, sa.BigInteger),
        *_sums(SUMS, sa.Numeric),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("project_counts_project_id_fkey")),
        sa.ForeignKeyConstraint(["agent_type_id"], ["agent_types.id"], name=op.f("project_counts_agent_type_id_fkey")),
        sa.PrimaryKeyConstraint("project_id", "agent_type_id", "slot", name=op.f("project_counts_pkey")),
        postgresql_with=STORAGE,
    )
    op.create_table(
        "agent_type_counts",
        *_keys("agent_type_id"),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        *_sums(STATUSES, sa.BigInteger),
        sa.ForeignKeyConstraint(
            ["agent_type_id"], ["agent_types.id"], name=op.f("agent_type_counts_agent_type_id_fkey")
        ),
        sa.PrimaryKeyConstraint("agent_type_id", "slot", name=op.f("agent_type_counts_pkey")),
        postgresql_with=STORAGE,
    )
    op.create_table(
        "row_counts",
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("label", sa.Text(), nullable=False),
        sa.Column("slot", sa.SmallInteger(), nullable=False),
        *_sums({"total": "1"}, sa.BigInteger),
        sa.PrimaryKeyConstraint("name", "label", "slot", name=op.f("row_counts_pkey")),
        postgresql_with=STORAGE,
    )


def upgrade() -> None:
    _tables()
    op.execute(TAKE_SLOT)
    op.execute(f"LOCK TABLE {', '.join(COUNTERS)} IN SHARE ROW EXCLUSIVE MODE")
    for table in COUNTERS:
        for statement in _counting(table, [f"1 AS n, * FROM {table}"], "0"):
            op.execute(statement)
        for event in ROWS:
            _trigger(table, event)


def downgrade() -> None:
    for table in COUNTERS:
        for event in ROWS:
            op.execute(f"DROP TRIGGER count_{table}_on_{event.lower()} ON {table}")
            op.execute(f"DROP FUNCTION count_{table}_on_{event.lower()}()")
    op.execute("DROP FUNCTION take_slot()")
    for name in TABLES:
        op.drop_table(name)
