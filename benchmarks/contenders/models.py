"""The tables as SQLAlchemy ORM classes, as far as the contenders use them."""

from datetime import datetime
from decimal import Decimal
from enum import StrEnum
from typing import Any
from uuid import UUID

from sqlalchemy import BigInteger, DateTime, Enum, ForeignKey, Identity, Numeric, func
from sqlalchemy.dialects.postgresql import JSONB
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column, relationship


class Status(StrEnum):
    """What an agent is doing now."""

    IDLE = "idle"
    WORKING = "working"
    WAITING = "waiting"
    PAUSED = "paused"
    TERMINATED = "terminated"


class ProjectStatus(StrEnum):
    """Whether a project is in use."""

    ACTIVE = "active"
    ARCHIVED = "archived"


def _words(kind: type[StrEnum]) -> Enum:
    return Enum(kind, native_enum=False, values_callable=lambda words: [str(word) for word in words])


class Base(DeclarativeBase):
    """What all tables share."""

    type_annotation_map = {
        datetime: DateTime(timezone=True),
        dict[str, Any]: JSONB,
        Status: _words(Status),
        ProjectStatus: _words(ProjectStatus),
    }


class User(Base):
    """A user."""

    __tablename__ = "users"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    email: Mapped[str]
    password_hash: Mapped[str]
    first_name: Mapped[str]
    last_name: Mapped[str | None]
    is_active: Mapped[bool]
    is_superuser: Mapped[bool]
    version: Mapped[int]
    created_at: Mapped[datetime]
    updated_at: Mapped[datetime]
    deleted_at: Mapped[datetime | None]


class UserSession(Base):
    """A sign-in of a user."""

    __tablename__ = "sessions"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=func.uuidv7())
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"))
    rotation: Mapped[int] = mapped_column(default=0)
    device_name: Mapped[str | None]
    ip_address: Mapped[str | None]
    user_agent: Mapped[str | None]
    expires_at: Mapped[datetime]
    revoked_at: Mapped[datetime | None]


class AgentType(Base):
    """A kind of agent."""

    __tablename__ = "agent_types"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]
    primary_model: Mapped[str]
    is_active: Mapped[bool]
    revision: Mapped[int]


class Project(Base):
    """Where agents live."""

    __tablename__ = "projects"

    id: Mapped[UUID] = mapped_column(primary_key=True)
    name: Mapped[str]
    slug: Mapped[str]
    status: Mapped[ProjectStatus]
    created_at: Mapped[datetime]


class Member(Base):
    """Who takes part in a project, and as what."""

    __tablename__ = "project_members"

    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"), primary_key=True)
    user_id: Mapped[UUID] = mapped_column(ForeignKey("users.id"), primary_key=True)
    role: Mapped[str]


class Agent(Base):
    """An agent."""

    __tablename__ = "agents"

    id: Mapped[UUID] = mapped_column(primary_key=True, default=func.uuidv7())
    project_id: Mapped[UUID] = mapped_column(ForeignKey("projects.id"))
    agent_type_id: Mapped[UUID] = mapped_column(ForeignKey("agent_types.id"))
    agent_type_revision: Mapped[int]
    name: Mapped[str]
    status: Mapped[Status] = mapped_column(default=Status.IDLE)
    current_task: Mapped[str | None]
    tasks_completed: Mapped[int] = mapped_column(BigInteger, default=0)
    tokens_used: Mapped[int] = mapped_column(BigInteger, default=0)
    cost_incurred: Mapped[Decimal] = mapped_column(Numeric(18, 6), server_default="0")
    version: Mapped[int] = mapped_column(default=1)
    created_at: Mapped[datetime] = mapped_column(server_default=func.now())
    updated_at: Mapped[datetime] = mapped_column(server_default=func.now())
    last_activity_at: Mapped[datetime | None]
    paused_at: Mapped[datetime | None]
    terminated_at: Mapped[datetime | None]

    project: Mapped[Project] = relationship(lazy="raise")
    agent_type: Mapped[AgentType] = relationship(lazy="raise")


class Event(Base):
    """What happened."""

    __tablename__ = "events"

    sequence: Mapped[int] = mapped_column(BigInteger, Identity(always=True), primary_key=True)
    id: Mapped[UUID] = mapped_column(default=func.uuidv7())
    kind: Mapped[str]
    project_id: Mapped[UUID | None]
    subject_id: Mapped[UUID]
    actor_id: Mapped[UUID | None]
    data: Mapped[dict[str, Any]]
