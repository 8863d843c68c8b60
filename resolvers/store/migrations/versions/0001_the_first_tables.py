"""The first tables."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects import postgresql

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


class TransactionId(sa.types.UserDefinedType[int]):
    """PostgreSQL's 64-bit transaction id, which never wraps."""

    cache_ok = True

    def get_col_spec(self, **_: object) -> str:
        return "XID8"


def upgrade() -> None:
    op.create_table(
        "agent_types",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("expertise", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("personality_prompt", sa.Text(), nullable=False),
        sa.Column("primary_model", sa.Text(), nullable=False),
        sa.Column("fallback_models", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("model_params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mcp_servers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("revision", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("agent_types_revision_check")),
        sa.CheckConstraint("version >= 1", name=op.f("agent_types_version_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("agent_types_pkey")),
    )
    op.create_index(op.f("agent_types_created_at_id_idx"), "agent_types", ["created_at", "id"], unique=False)
    op.create_index("agent_types_slug_key", "agent_types", ["slug"], unique=True)
    op.create_table(
        "login_failures",
        sa.Column("key", sa.Text(), nullable=False),
        sa.Column("failures", sa.Integer(), nullable=False),
        sa.Column("blocked_until", sa.DateTime(timezone=True), nullable=False),
        sa.CheckConstraint("failures >= 1", name=op.f("login_failures_failures_check")),
        sa.PrimaryKeyConstraint("key", name=op.f("login_failures_pkey")),
    )
    op.create_table(
        "projects",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("slug", sa.Text(), nullable=False),
        sa.Column("description", sa.Text(), nullable=True),
        sa.Column("status", sa.Text(), server_default=sa.text("'active'"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("archived_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint(
            "(status = 'archived') = (archived_at IS NOT NULL)", name=op.f("projects_archived_at_check")
        ),
        sa.CheckConstraint("status IN ('active', 'archived')", name=op.f("projects_status_check")),
        sa.CheckConstraint("version >= 1", name=op.f("projects_version_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("projects_pkey")),
    )
    op.create_index(op.f("projects_created_at_id_idx"), "projects", ["created_at", "id"], unique=False)
    op.create_index("projects_slug_key", "projects", ["slug"], unique=True)
    op.create_table(
        "users",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("email", sa.Text(), nullable=False),
        sa.Column("password_hash", sa.Text(), nullable=False),
        sa.Column("first_name", sa.Text(), nullable=False),
        sa.Column("last_name", sa.Text(), nullable=True),
        sa.Column("is_active", sa.Boolean(), nullable=False),
        sa.Column("is_superuser", sa.Boolean(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("deleted_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("version >= 1", name=op.f("users_version_check")),
        sa.PrimaryKeyConstraint("id", name=op.f("users_pkey")),
    )
    op.create_index(op.f("users_created_at_id_idx"), "users", ["created_at", "id"], unique=False)
    op.create_index(
        "users_email_key",
        "users",
        [sa.literal_column("lower(email)")],
        unique=True,
        postgresql_where=sa.text("deleted_at IS NULL"),
    )
    op.create_table(
        "agent_type_revisions",
        sa.Column("agent_type_id", sa.Uuid(), nullable=False),
        sa.Column("revision", sa.Integer(), nullable=False),
        sa.Column("personality_prompt", sa.Text(), nullable=False),
        sa.Column("primary_model", sa.Text(), nullable=False),
        sa.Column("fallback_models", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("model_params", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("mcp_servers", sa.ARRAY(sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("revision >= 1", name=op.f("agent_type_revisions_revision_check")),
        sa.ForeignKeyConstraint(
            ["agent_type_id"], ["agent_types.id"], name=op.f("agent_type_revisions_agent_type_id_fkey")
        ),
        sa.PrimaryKeyConstraint("agent_type_id", "revision", name=op.f("agent_type_revisions_pkey")),
    )
    op.create_table(
        "events",
        sa.Column("sequence", sa.BigInteger(), sa.Identity(always=True), nullable=False),
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("transaction_id", TransactionId(), server_default=sa.text("pg_current_xact_id()"), nullable=False),
        sa.Column("kind", sa.Text(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=True),
        sa.Column("subject_id", sa.Uuid(), nullable=False),
        sa.Column("actor_id", sa.Uuid(), nullable=True),
        sa.Column("data", postgresql.JSONB(astext_type=sa.Text()), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint(
            "kind IN ('agent.spawned', 'agent.updated', 'agent.started', 'agent.waited', 'agent.finished', 'agent.paused', 'agent.resumed', 'agent.terminated', 'agent_type.created', 'agent_type.updated', 'project.created', 'project.updated', 'member.added', 'member.updated', 'member.removed')",
            name=op.f("events_kind_check"),
        ),
        sa.ForeignKeyConstraint(["actor_id"], ["users.id"], name=op.f("events_actor_id_fkey")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("events_project_id_fkey")),
        sa.PrimaryKeyConstraint("sequence", name=op.f("events_pkey")),
    )
    op.create_index(op.f("events_project_id_sequence_idx"), "events", ["project_id", "sequence"], unique=False)
    op.create_index(op.f("events_subject_id_sequence_idx"), "events", ["subject_id", "sequence"], unique=False)
    op.create_table(
        "project_members",
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("role", sa.Text(), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.CheckConstraint("role IN ('viewer', 'operator', 'owner')", name=op.f("project_members_role_check")),
        sa.CheckConstraint("version >= 1", name=op.f("project_members_version_check")),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("project_members_project_id_fkey")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("project_members_user_id_fkey")),
        sa.PrimaryKeyConstraint("project_id", "user_id", name=op.f("project_members_pkey")),
    )
    op.create_index(
        op.f("project_members_user_id_project_id_idx"), "project_members", ["user_id", "project_id"], unique=False
    )
    op.create_table(
        "sessions",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("user_id", sa.Uuid(), nullable=False),
        sa.Column("rotation", sa.Integer(), server_default=sa.text("0"), nullable=False),
        sa.Column("device_name", sa.Text(), nullable=True),
        sa.Column("ip_address", sa.Text(), nullable=True),
        sa.Column("user_agent", sa.Text(), nullable=True),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_used_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("expires_at", sa.DateTime(timezone=True), nullable=False),
        sa.Column("revoked_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("rotation >= 0", name=op.f("sessions_rotation_check")),
        sa.ForeignKeyConstraint(["user_id"], ["users.id"], name=op.f("sessions_user_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("sessions_pkey")),
    )
    op.create_index(op.f("sessions_user_id_created_at_idx"), "sessions", ["user_id", "created_at"], unique=False)
    op.create_table(
        "agents",
        sa.Column("id", sa.Uuid(), nullable=False),
        sa.Column("project_id", sa.Uuid(), nullable=False),
        sa.Column("agent_type_id", sa.Uuid(), nullable=False),
        sa.Column("agent_type_revision", sa.Integer(), nullable=False),
        sa.Column("name", sa.Text(), nullable=False),
        sa.Column("status", sa.Text(), server_default=sa.text("'idle'"), nullable=False),
        sa.Column("current_task", sa.Text(), nullable=True),
        sa.Column("tasks_completed", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("tokens_used", sa.BigInteger(), server_default=sa.text("0"), nullable=False),
        sa.Column("cost_incurred", sa.Numeric(precision=18, scale=6), server_default=sa.text("0"), nullable=False),
        sa.Column("version", sa.Integer(), server_default=sa.text("1"), nullable=False),
        sa.Column("created_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("updated_at", sa.DateTime(timezone=True), server_default=sa.text("now()"), nullable=False),
        sa.Column("last_activity_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("paused_at", sa.DateTime(timezone=True), nullable=True),
        sa.Column("terminated_at", sa.DateTime(timezone=True), nullable=True),
        sa.CheckConstraint("(status = 'paused') = (paused_at IS NOT NULL)", name=op.f("agents_paused_at_check")),
        sa.CheckConstraint(
            "(status = 'terminated') = (terminated_at IS NOT NULL)", name=op.f("agents_terminated_at_check")
        ),
        sa.CheckConstraint(
            "status IN ('idle', 'working', 'waiting', 'paused', 'terminated')", name=op.f("agents_status_check")
        ),
        sa.CheckConstraint(
            "tasks_completed >= 0 AND tokens_used >= 0 AND cost_incurred >= 0", name=op.f("agents_counters_check")
        ),
        sa.CheckConstraint("version >= 1", name=op.f("agents_version_check")),
        sa.ForeignKeyConstraint(
            ["agent_type_id", "agent_type_revision"],
            ["agent_type_revisions.agent_type_id", "agent_type_revisions.revision"],
            name=op.f("agents_agent_type_id_agent_type_revision_fkey"),
        ),
        sa.ForeignKeyConstraint(["project_id"], ["projects.id"], name=op.f("agents_project_id_fkey")),
        sa.PrimaryKeyConstraint("id", name=op.f("agents_pkey")),
    )
    op.create_index(
        op.f("agents_agent_type_id_created_at_id_idx"), "agents", ["agent_type_id", "created_at", "id"], unique=False
    )
    op.create_index(
        op.f("agents_project_id_created_at_id_idx"), "agents", ["project_id", "created_at", "id"], unique=False
    )
    # History is only added to; TRUNCATE and dropping old partitions stay possible for whoever owns the table.
    op.execute("""
        CREATE FUNCTION refuse_change() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the event log is append-only'; END $$
    """)
    op.execute("""
        CREATE TRIGGER events_append_only BEFORE UPDATE OR DELETE ON events
        FOR EACH ROW EXECUTE FUNCTION refuse_change()
    """)


def downgrade() -> None:
    op.drop_index(op.f("agents_project_id_created_at_id_idx"), table_name="agents")
    op.drop_index(op.f("agents_agent_type_id_created_at_id_idx"), table_name="agents")
    op.drop_table("agents")
    op.drop_index(op.f("sessions_user_id_created_at_idx"), table_name="sessions")
    op.drop_table("sessions")
    op.drop_index(op.f("project_members_user_id_project_id_idx"), table_name="project_members")
    op.drop_table("project_members")
    op.drop_index(op.f("events_subject_id_sequence_idx"), table_name="events")
    op.drop_index(op.f("events_project_id_sequence_idx"), table_name="events")
    op.drop_table("events")
    op.execute("DROP FUNCTION refuse_change()")
    op.drop_table("agent_type_revisions")
    op.drop_index("users_email_key", table_name="users", postgresql_where=sa.text("deleted_at IS NULL"))
    op.drop_index(op.f("users_created_at_id_idx"), table_name="users")
    op.drop_table("users")
    op.drop_index("projects_slug_key", table_name="projects")
    op.drop_index(op.f("projects_created_at_id_idx"), table_name="projects")
    op.drop_table("projects")
    op.drop_table("login_failures")
    op.drop_index("agent_types_slug_key", table_name="agent_types")
    op.drop_index(op.f("agent_types_created_at_id_idx"), table_name="agent_types")
    op.drop_table("agent_types")
