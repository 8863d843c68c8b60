"""Every table, with the constraints for what must never be wrong."""

from collections.abc import Iterable

from sqlalchemy import (
    ARRAY,
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    DateTime,
    ForeignKey,
    ForeignKeyConstraint,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    PrimaryKeyConstraint,
    SmallInteger,
    Table,
    Text,
    Uuid,
    func,
    text,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import JSONB

from resolvers.domain.events import EventKind
from resolvers.domain.lifecycle import Status
from resolvers.domain.permissions import Role
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.words import Word
from resolvers.store.types import Words

metadata = MetaData(
    naming_convention={
        "ix": "%(table_name)s_%(column_0_N_name)s_idx",
        "uq": "%(table_name)s_%(column_0_N_name)s_key",
        "ck": "%(table_name)s_%(constraint_name)s_check",
        "fk": "%(table_name)s_%(column_0_N_name)s_fkey",
        "pk": "%(table_name)s_pkey",
    }
)


def _id() -> Column[object]:
    return Column("id", Uuid, primary_key=True)


def _time(name: str, *, null: bool = False) -> Column[object]:
    default = None if null else func.now()
    return Column(name, DateTime(timezone=True), nullable=null, server_default=default)


def _text(name: str, *, null: bool = False) -> Column[object]:
    return Column(name, Text, nullable=null)


def _texts(name: str) -> Column[object]:
    return Column(name, ARRAY(Text), nullable=False)


def _count(name: str) -> Column[object]:
    return Column(name, BigInteger, nullable=False, server_default=text("0"))


def _sum(name: str) -> Column[object]:
    return Column(name, Numeric, nullable=False, server_default=text("0"))


def _version() -> Column[object]:
    return Column("version", Integer, nullable=False, server_default=text("1"))


def _positive(*names: str) -> Iterable[CheckConstraint]:
    return [CheckConstraint(f"{name} >= 1", name=name) for name in names]


def _one_of(name: str, words: type[Word]) -> CheckConstraint:
    return CheckConstraint(f"{name} IN ({', '.join(repr(str(word)) for word in words)})", name=name)


users = Table(
    "users",
    metadata,
    _id(),
    _text("email"),
    _text("password_hash"),
    _text("first_name"),
    _text("last_name", null=True),
    Column("is_active", Boolean, nullable=False),
    Column("is_superuser", Boolean, nullable=False),
    _version(),
    _time("created_at"),
    _time("updated_at"),
    _time("deleted_at", null=True),
    *_positive("version"),
)
# The address of a deleted user is free again.
Index("users_email_key", func.lower(users.c.email), unique=True, postgresql_where=users.c.deleted_at.is_(None))
Index(None, users.c.created_at, users.c.id)
Index(None, users.c.updated_at, users.c.id)
Index(None, users.c.email, users.c.id)

sessions = Table(
    "sessions",
    metadata,
    _id(),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("rotation", Integer, nullable=False, server_default=text("0")),
    _text("device_name", null=True),
    _text("ip_address", null=True),
    _text("user_agent", null=True),
    _time("created_at"),
    _time("last_used_at"),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    _time("revoked_at", null=True),
    CheckConstraint("rotation >= 0", name="rotation"),
)
Index(None, sessions.c.user_id, sessions.c.created_at)
Index(None, sessions.c.created_at, sessions.c.id)
Index(None, sessions.c.last_used_at, sessions.c.id)
Index(None, sessions.c.expires_at)

login_failures = Table(
    "login_failures",
    metadata,
    Column("key", Text, primary_key=True),
    Column("failures", Integer, nullable=False),
    Column("blocked_until", DateTime(timezone=True), nullable=False),
    CheckConstraint("failures >= 1", name="failures"),
)
Index(None, login_failures.c.blocked_until)

agent_types = Table(
    "agent_types",
    metadata,
    _id(),
    _text("name"),
    _text("slug"),
    _text("description", null=True),
    _texts("expertise"),
    _text("personality_prompt"),
    _text("primary_model"),
    _texts("fallback_models"),
    Column("model_params", JSONB, nullable=False),
    _texts("mcp_servers"),
    Column("is_active", Boolean, nullable=False),
    Column("revision", Integer, nullable=False, server_default=text("1")),
    _version(),
    _time("created_at"),
    _time("updated_at"),
    *_positive("version", "revision"),
)
Index("agent_types_slug_key", agent_types.c.slug, unique=True)
Index(None, agent_types.c.created_at, agent_types.c.id)

agent_type_revisions = Table(
    "agent_type_revisions",
    metadata,
    Column("agent_type_id", Uuid, ForeignKey("agent_types.id"), nullable=False),
    Column("revision", Integer, nullable=False),
    _text("personality_prompt"),
    _text("primary_model"),
    _texts("fallback_models"),
    Column("model_params", JSONB, nullable=False),
    _texts("mcp_servers"),
    _time("created_at"),
    PrimaryKeyConstraint("agent_type_id", "revision"),
    *_positive("revision"),
)

projects = Table(
    "projects",
    metadata,
    _id(),
    _text("name"),
    _text("slug"),
    _text("description", null=True),
    Column("status", Words(ProjectStatus), nullable=False, server_default=text("'active'")),
    _version(),
    _time("created_at"),
    _time("updated_at"),
    _time("archived_at", null=True),
    *_positive("version"),
    _one_of("status", ProjectStatus),
    CheckConstraint("(status = 'archived') = (archived_at IS NOT NULL)", name="archived_at"),
)
Index("projects_slug_key", projects.c.slug, unique=True)
Index(None, projects.c.created_at, projects.c.id)
Index(None, projects.c.updated_at, projects.c.id)
Index(None, projects.c.name, projects.c.id)

members = Table(
    "project_members",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id"), nullable=False),
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    Column("role", Words(Role), nullable=False),
    _version(),
    _time("created_at"),
    _time("updated_at"),
    PrimaryKeyConstraint("project_id", "user_id"),
    *_positive("version"),
    _one_of("role", Role),
)
Index(None, members.c.user_id, members.c.project_id)
Index(None, members.c.project_id, members.c.created_at, members.c.user_id)

agents = Table(
    "agents",
    metadata,
    _id(),
    Column("project_id", Uuid, ForeignKey("projects.id"), nullable=False),
    Column("agent_type_id", Uuid, nullable=False),
    Column("agent_type_revision", Integer, nullable=False),
    _text("name"),
    Column("status", Words(Status), nullable=False, server_default=text("'idle'")),
    _text("current_task", null=True),
    _count("tasks_completed"),
    _count("tokens_used"),
    Column("cost_incurred", Numeric(18, 6), nullable=False, server_default=text("0")),
    _version(),
    _time("created_at"),
    _time("updated_at"),
    _time("last_activity_at", null=True),
    _time("paused_at", null=True),
    _time("terminated_at", null=True),
    ForeignKeyConstraint(
        ["agent_type_id", "agent_type_revision"],
        ["agent_type_revisions.agent_type_id", "agent_type_revisions.revision"],
    ),
    *_positive("version"),
    _one_of("status", Status),
    CheckConstraint("tasks_completed >= 0 AND tokens_used >= 0 AND cost_incurred >= 0", name="counters"),
    CheckConstraint("(status = 'paused') = (paused_at IS NOT NULL)", name="paused_at"),
    CheckConstraint("(status = 'terminated') = (terminated_at IS NOT NULL)", name="terminated_at"),
)
Index(None, agents.c.project_id, agents.c.created_at, agents.c.id)
Index(None, agents.c.project_id, agents.c.updated_at, agents.c.id)
Index(None, agents.c.project_id, agents.c.name, agents.c.id)
Index(None, agents.c.project_id, agents.c.status, agents.c.created_at, agents.c.id)
Index(None, agents.c.project_id, agents.c.agent_type_id, agents.c.created_at, agents.c.id)
Index(None, agents.c.agent_type_id, agents.c.created_at, agents.c.id)

# Triggers keep these in step, each transaction in rows of its own slot; what there is is the sum over the slots.
# A single one may well be below zero.
STATUS_COUNTS = [str(status) for status in Status]
SUMS = ["tasks_completed", "tokens_used", "cost_incurred"]

project_counts = Table(
    "project_counts",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id"), nullable=False),
    Column("agent_type_id", Uuid, ForeignKey("agent_types.id"), nullable=False),
    Column("slot", SmallInteger, nullable=False),
    *map(_count, STATUS_COUNTS),
    *map(_sum, SUMS),
    PrimaryKeyConstraint("project_id", "agent_type_id", "slot"),
)

agent_type_counts = Table(
    "agent_type_counts",
    metadata,
    Column("agent_type_id", Uuid, ForeignKey("agent_types.id"), nullable=False),
    Column("slot", SmallInteger, nullable=False),
    *map(_count, STATUS_COUNTS),
    PrimaryKeyConstraint("agent_type_id", "slot"),
)

row_counts = Table(
    "row_counts",
    metadata,
    _text("name"),
    _text("label"),
    Column("slot", SmallInteger, nullable=False),
    _count("total"),
    PrimaryKeyConstraint("name", "label", "slot"),
)

idempotency_keys = Table(
    "idempotency_keys",
    metadata,
    Column("user_id", Uuid, ForeignKey("users.id"), nullable=False),
    _text("verb"),
    _text("key"),
    Column("fingerprint", LargeBinary, nullable=False),
    Column("answer", LargeBinary, nullable=False),
    _time("created_at"),
    PrimaryKeyConstraint("user_id", "verb", "key"),
)
Index(None, idempotency_keys.c.created_at)

events = Table(
    "events",
    metadata,
    Column("sequence", BigInteger, Identity(always=True), primary_key=True),
    Column("id", Uuid, nullable=False),
    Column("kind", Words(EventKind), nullable=False),
    Column("project_id", Uuid, ForeignKey("projects.id")),
    Column("subject_id", Uuid, nullable=False),
    Column("actor_id", Uuid, ForeignKey("users.id")),
    Column("data", JSONB, nullable=False),
    _time("created_at"),
    _one_of("kind", EventKind),
)
Index(None, events.c.project_id, events.c.sequence)
Index(None, events.c.subject_id, events.c.sequence)

# Up to where the log of a project was pruned, if it ever was.
pruned_logs = Table(
    "pruned_logs",
    metadata,
    Column("project_id", Uuid, ForeignKey("projects.id"), primary_key=True),
    Column("sequence", BigInteger, nullable=False),
)
