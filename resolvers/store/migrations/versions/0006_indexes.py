"""Every order in which many things can be listed has its index."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

INDEXES: dict[str, list[tuple[str, ...]]] = {
    "agents": [
        ("project_id", "status", "created_at", "id"),
        ("project_id", "agent_type_id", "created_at", "id"),
        ("project_id", "updated_at", "id"),
        ("project_id", "name", "id"),
    ],
    "projects": [("updated_at", "id"), ("name", "id")],
    "project_members": [("project_id", "created_at", "user_id")],
    "users": [("updated_at", "id"), ("email", "id")],
    "sessions": [("created_at", "id"), ("last_used_at", "id"), ("expires_at",)],
}


def upgrade() -> None:
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.create_index(op.f(f"{table}_{'_'.join(columns)}_idx"), table, list(columns))


def downgrade() -> None:
    for table, indexes in INDEXES.items():
        for columns in indexes:
            op.drop_index(op.f(f"{table}_{'_'.join(columns)}_idx"), table_name=table)
