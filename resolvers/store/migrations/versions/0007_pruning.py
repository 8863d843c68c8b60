"""The log can be pruned, which is told apart from any other change to it; each project knows up to where it was."""

import sqlalchemy as sa
from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

REFUSE = """
    CREATE OR REPLACE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
    BEGIN {} RAISE EXCEPTION 'the event log is append-only'; END $$
"""
PRUNING = "IF TG_OP = 'DELETE' AND current_setting('roster.pruning', true) = 'on' THEN RETURN OLD; END IF;"


def upgrade() -> None:
    op.create_table(
        "pruned_logs",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("sequence", sa.BigInteger(), nullable=False),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("pruned_logs_project_id_fkey")),
        sa.PrimaryKeyConstraint("project_id", name=op.f("pruned_logs_pkey")),
    )
    op.execute(REFUSE.format(PRUNING))


def downgrade() -> None:
    op.execute(REFUSE.format(""))
    op.drop_table("pruned_logs")
