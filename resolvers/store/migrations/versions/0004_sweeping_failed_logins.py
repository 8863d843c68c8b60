"""Failed logins are swept, the oldest first."""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(op.f("login_failures_blocked_until_idx"), "login_failures", ["blocked_until"])


def downgrade() -> None:
    op.drop_index(op.f("login_failures_blocked_until_idx"), table_name="login_failures")
