"""FastAPI as it is usually written: dependencies, SQLAlchemy ORM objects, pydantic models of what is answered."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Annotated
from uuid import UUID

import jwt
from fastapi import Depends, FastAPI, Header, HTTPException, Query, Request, status
from fastapi.concurrency import run_in_threadpool
from fastapi.responses import JSONResponse
from passlib.context import CryptContext
from pydantic import BaseModel, ConfigDict, computed_field
from sqlalchemy import ColumnElement, exists, func, select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.contenders import writes
from benchmarks.contenders.database import SECRET, sessions, who_asks
from benchmarks.contenders.models import Agent, Member, Project, Status, User, UserSession

ACTIONS = {
    Status.IDLE: ["start", "pause", "terminate"],
    Status.WORKING: ["wait", "finish", "pause", "terminate"],
    Status.WAITING: ["start", "finish", "pause", "terminate"],
    Status.PAUSED: ["resume", "terminate"],
    Status.TERMINATED: [],
}
# The same cost as Roster's.
PASSWORDS = CryptContext(
    ["argon2"], argon2__type="ID", argon2__memory_cost=19_456, argon2__rounds=2, argon2__parallelism=1
)
app = FastAPI()


class AgentOut(BaseModel):
    """An agent as it is answered."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    project_id: UUID
    agent_type_id: UUID
    agent_type_revision: int
    name: str
    status: Status
    current_task: str | None
    tasks_completed: int
    tokens_used: int
    cost_incurred: Decimal
    version: int
    created_at: datetime
    updated_at: datetime
    last_activity_at: datetime | None
    paused_at: datetime | None
    terminated_at: datetime | None

    @computed_field  # type: ignore[prop-decorator]
    @property
    def allowed_actions(self) -> list[str]:
        return ACTIONS[self.status]


class Pagination(BaseModel):
    """Where a page stands in its list."""

    total: int
    page: int
    page_size: int
    total_pages: int
    has_next: bool
    has_prev: bool


class AgentPage(BaseModel):
    """A page of agents."""

    data: list[AgentOut]
    pagination: Pagination


class SpawnIn(BaseModel):
    """What an agent is made of."""

    agent_type_id: UUID
    name: str


class LoginIn(BaseModel):
    """What a user signs in with."""

    email: str
    password: str


class UserOut(BaseModel):
    """A user as they are answered."""

    model_config = ConfigDict(from_attributes=True)

    id: UUID
    email: str
    first_name: str
    last_name: str | None
    is_active: bool
    is_superuser: bool
    version: int
    created_at: datetime
    updated_at: datetime


class TokensOut(BaseModel):
    """What a client speaks for a user with."""

    access_token: str
    refresh_token: str
    token_type: str
    expires_in: int
    user: UserOut


async def session() -> AsyncIterator[AsyncSession]:
    async with sessions() as db:
        yield db


Db = Annotated[AsyncSession, Depends(session)]


async def current_user(db: Db, authorization: Annotated[str, Header()] = "") -> User:
    user = await who_asks(db, authorization)
    if user is None:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED, headers={"WWW-Authenticate": "Bearer"})
    return user


Who = Annotated[User, Depends(current_user)]


def mine(project_id: ColumnElement[UUID], user: User) -> ColumnElement[bool]:
    return exists().where(Member.project_id == project_id, Member.user_id == user.id)


@app.exception_handler(writes.Refused)
async def refused(_: Request, error: writes.Refused) -> JSONResponse:
    return JSONResponse({"success": False, "errors": [{"code": error.code}]}, error.status)


@app.get("/api/v1/projects/{project_id}/agents")
async def list_agents(
    project_id: UUID,
    db: Db,
    user: Who,
    page: Annotated[int, Query(ge=1)] = 1,
    limit: Annotated[int, Query(ge=1, le=100)] = 20,
) -> AgentPage:
    if not await db.scalar(select(Project.id).where(Project.id == project_id, mine(Project.id, user))):
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    here = select(Agent).where(Agent.project_id == project_id)
    total = await db.scalar(select(func.count()).select_from(here.subquery())) or 0
    wanted = here.order_by(Agent.created_at.desc(), Agent.id.desc()).limit(limit).offset((page - 1) * limit)
    found = (await db.scalars(wanted)).all()
    pages = -(-total // limit)
    place = Pagination(
        total=total, page=page, page_size=len(found), total_pages=pages, has_next=page < pages, has_prev=page > 1
    )
    return AgentPage(data=[AgentOut.model_validate(agent) for agent in found], pagination=place)


@app.get("/api/v1/projects/{project_id}/agents/{id}")
async def get_agent(project_id: UUID, id: UUID, db: Db, user: Who) -> AgentOut:
    wanted = select(Agent).where(Agent.id == id, Agent.project_id == project_id, mine(Agent.project_id, user))
    agent = await db.scalar(wanted)
    if agent is None:
        raise HTTPException(status.HTTP_404_NOT_FOUND)
    return AgentOut.model_validate(agent)


@app.post("/api/v1/projects/{project_id}/agents", status_code=201)
async def spawn(project_id: UUID, new: SpawnIn, db: Db, user: Who) -> AgentOut:
    return AgentOut.model_validate(await writes.spawn(db, user, project_id, new.agent_type_id, new.name))


@app.post("/api/v1/projects/{project_id}/agents/{id}/pause")
async def pause(project_id: UUID, id: UUID, db: Db, user: Who) -> AgentOut:
    return AgentOut.model_validate(await writes.move(db, user, id, writes.PAUSE, project_id))


@app.post("/api/v1/projects/{project_id}/agents/{id}/resume")
async def resume(project_id: UUID, id: UUID, db: Db, user: Who) -> AgentOut:
    return AgentOut.model_validate(await writes.move(db, user, id, writes.RESUME, project_id))


@app.post("/api/v1/auth/login")
async def login(given: LoginIn, db: Db) -> TokensOut:
    wanted = select(User).where(func.lower(User.email) == given.email.lower(), User.is_active)
    user = await db.scalar(wanted.where(User.deleted_at.is_(None)))
    right = user and await run_in_threadpool(PASSWORDS.verify, given.password, user.password_hash)
    if not user or not right:
        raise HTTPException(status.HTTP_401_UNAUTHORIZED)
    opened = UserSession(user_id=user.id, expires_at=datetime.now(UTC) + timedelta(days=30))
    db.add(opened)
    await db.commit()
    pair = {f"{kind}_token": _token(kind, user, opened) for kind in ("access", "refresh")}
    return TokensOut(
        **pair,
        token_type="bearer",  # noqa: S106 — a word of OAuth
        expires_in=900,
        user=UserOut.model_validate(user),
    )


def _token(kind: str, user: User, opened: UserSession) -> str:
    now = datetime.now(UTC)
    lifetime = timedelta(minutes=15) if kind == "access" else timedelta(days=30)
    claims = {"iss": "roster", "typ": kind, "iat": now, "exp": now + lifetime, "rot": 0}
    return jwt.encode(claims | {"sub": str(user.id), "sid": str(opened.id)}, SECRET, "HS256")
