"""What the contenders on SQLAlchemy write: rights are looked up, steps are checked, and events tell of both."""

from datetime import UTC, datetime
from uuid import UUID

from sqlalchemy import select
from sqlalchemy.ext.asyncio import AsyncSession

from benchmarks.contenders.models import Agent, AgentType, Event, Member, Project, ProjectStatus, Status, User

OPERATORS = ("operator", "owner")
PAUSE = (Status.PAUSED, (Status.IDLE, Status.WORKING, Status.WAITING), "agent.paused")
RESUME = (Status.IDLE, (Status.PAUSED,), "agent.resumed")
Step = tuple[Status, tuple[Status, ...], str]


class Refused(Exception):
    """What can't be done, with a status and a code."""

    def __init__(self, status: int, code: str) -> None:
        super().__init__(code)
        self.status, self.code = status, code


async def move(db: AsyncSession, user: User, id: UUID, step: Step, project_id: UUID | None = None) -> Agent:
    """Takes an agent a step, or raises why not."""
    target, sources, kind = step
    wanted = (
        select(Agent, Member.role, Project.status)
        .join(Project, Project.id == Agent.project_id)
        .join(Member, (Member.project_id == Project.id) & (Member.user_id == user.id))
        .where(Agent.id == id)
        .with_for_update(of=Agent)
    )
    if project_id is not None:
        wanted = wanted.where(Agent.project_id == project_id)
    row = (await db.execute(wanted)).first()
    if row is None:
        raise Refused(404, "NOT_FOUND")
    agent, role, status = row
    if role not in OPERATORS:
        raise Refused(403, "FORBIDDEN")
    if status is not ProjectStatus.ACTIVE:
        raise Refused(422, "PROJECT_ARCHIVED")
    if agent.status not in sources:
        raise Refused(422, "INVALID_TRANSITION")
    told = {"from": agent.status, "to": target, "version": agent.version + 1}
    now = datetime.now(UTC)
    agent.status, agent.version = target, agent.version + 1
    agent.updated_at = agent.last_activity_at = now
    agent.paused_at = now if target is Status.PAUSED else None
    db.add(Event(kind=kind, project_id=agent.project_id, subject_id=agent.id, actor_id=user.id, data=told))
    await db.commit()
    return agent


async def spawn(db: AsyncSession, user: User, project_id: UUID, agent_type_id: UUID, name: str) -> Agent:
    """Starts an agent, or raises why not."""
    mine = select(Project.status, Member.role).join(Member, Member.project_id == Project.id)
    row = (await db.execute(mine.where(Project.id == project_id, Member.user_id == user.id))).first()
    if row is None:
        raise Refused(404, "NOT_FOUND")
    status, role = row
    if role not in OPERATORS:
        raise Refused(403, "FORBIDDEN")
    if status is not ProjectStatus.ACTIVE:
        raise Refused(422, "PROJECT_ARCHIVED")
    kind = await db.get(AgentType, agent_type_id)
    if kind is None or not kind.is_active:
        raise Refused(422, "AGENT_TYPE_INACTIVE")
    agent = Agent(project_id=project_id, agent_type_id=kind.id, agent_type_revision=kind.revision, name=name.strip())
    told = {"agent_type_id": str(kind.id), "revision": kind.revision, "version": 1}
    db.add(agent)
    await db.flush()
    db.add(Event(kind="agent.spawned", project_id=project_id, subject_id=agent.id, actor_id=user.id, data=told))
    await db.commit()
    return agent
