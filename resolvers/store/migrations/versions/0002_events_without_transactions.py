"""Events forget their transactions: whoever follows the log looks at its locks instead."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.drop_column("events", "transaction_id")


def downgrade() -> None:
    # A transaction of long ago is all that is known of those that are there.
    op.execute("ALTER TABLE events ADD COLUMN transaction_id xid8 NOT NULL DEFAULT '3'")
    op.execute("ALTER TABLE events ALTER COLUMN transaction_id SET DEFAULT pg_current_xact_id()")
