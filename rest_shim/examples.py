"""The examples of the reference: records of one story, in which Ada's support agents work for a storefront."""

from datetime import UTC, datetime, timedelta
from decimal import Decimal
from typing import Any
from uuid import UUID

import msgspec

from resolvers import agent_types, agents, auth, events, members, metrics, projects, sessions, users
from resolvers.domain.agent_types import AgentType, CreateAgentType, UpdateAgentType
from resolvers.domain.agents import Agent, AgentMetrics, SpawnAgent, TransitionAgent, UpdateAgent, metrics_of
from resolvers.domain.drafts import REQUIRED, UNKNOWN
from resolvers.domain.errors import Code, Fault, Refusal
from resolvers.domain.events import Event, EventKind
from resolvers.domain.lifecycle import ALLOWED_ACTIONS, Status, refuse_transition
from resolvers.domain.paging import Page, Sort, Window
from resolvers.domain.permissions import Right, Role, needs
from resolvers.domain.projects import (
    AddMember,
    CreateProject,
    Member,
    Project,
    ProjectStatus,
    UpdateMember,
    UpdateProject,
)
from resolvers.domain.sessions import Message, Session, SessionList, done
from resolvers.domain.users import (
    Affected,
    BulkUserAction,
    ChangePassword,
    CreateUser,
    Login,
    RefreshToken,
    Register,
    Stats,
    TokenPair,
    UpdateUser,
    UpdateViewer,
    User,
)  # fmt: skip
from rest_shim.endpoint import Verb
from rest_shim.http import Log, Onward, enveloped


def _at(minutes: int) -> datetime:
    return datetime(2026, 3, 2, 9, 0, 0, 0, UTC) + timedelta(minutes=minutes)


def _id(last: int) -> UUID:
    return UUID(f"019cac3e-5d80-7a31-9c4e-{last:012x}")


ADA_ID, BEN_ID, TYPE_ID, PROJECT_ID, AGENT_ID, SESSION_ID, EVENT_ID = (
    _id(0x6F1D2B00A1 + number) for number in range(7)
)
PASSWORD, NEW_PASSWORD = "Correct-Horse-42", "Brighter-Horse-43"
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:148.0) Gecko/20100101 Firefox/148.0"

ADA = User(ADA_ID, "ada@example.com", "Ada", "Moreno", True, True, 1, _at(0), _at(0))
BEN = User(BEN_ID, "ben@example.com", "Ben", "Okafor", True, False, 1, _at(5), _at(5))
TYPE = AgentType(
    id=TYPE_ID, name="Support Triage", slug="support-triage",
    description="Sorts tickets and answers the easy ones.", expertise=["support", "writing"],
    personality_prompt="You answer customers. Ask before you promise anything.",
    primary_model="claude-sonnet-4", fallback_models=["claude-haiku-4"], model_params={"temperature": 0.5},
    mcp_servers=["helpdesk"], is_active=True, revision=1, version=1, instance_count=4,
    created_at=_at(10), updated_at=_at(10),
)  # fmt: skip
PROJECT = Project(
    PROJECT_ID, "Storefront", "storefront", "The shop and all that sells in it.", ProjectStatus.ACTIVE, Role.OWNER,
    1, _at(20), _at(20), None,
)  # fmt: skip
MEMBER = Member(PROJECT_ID, BEN_ID, BEN.email, BEN.first_name, BEN.last_name, Role.OPERATOR, 1, _at(25), _at(25))
WORKING = Agent(
    id=AGENT_ID, project_id=PROJECT_ID, agent_type_id=TYPE_ID, agent_type_revision=1, name="Tickets, Europe",
    status=Status.WORKING, allowed_actions=ALLOWED_ACTIONS[Status.WORKING], current_task="Ticket 9031",
    tasks_completed=204, tokens_used=1_730_900, cost_incurred=Decimal("8.940000"), version=3,
    created_at=_at(30), updated_at=_at(95), last_activity_at=_at(95), paused_at=None, terminated_at=None,
)  # fmt: skip
SPAWNED = msgspec.structs.replace(
    WORKING, status=Status.IDLE, allowed_actions=ALLOWED_ACTIONS[Status.IDLE], current_task=None, tasks_completed=0,
    tokens_used=0, cost_incurred=Decimal("0.000000"), version=1, updated_at=_at(30), last_activity_at=None,
)  # fmt: skip
PAUSED = msgspec.structs.replace(
    WORKING, status=Status.PAUSED, allowed_actions=ALLOWED_ACTIONS[Status.PAUSED], version=4, updated_at=_at(100),
    last_activity_at=_at(100), paused_at=_at(100),
)  # fmt: skip
RESUMED = msgspec.structs.replace(
    PAUSED, status=Status.IDLE, allowed_actions=ALLOWED_ACTIONS[Status.IDLE], version=5, updated_at=_at(130),
    last_activity_at=_at(130), paused_at=None,
)  # fmt: skip
SESSION = Session(SESSION_ID, ADA_ID, "Ada's laptop", "203.0.113.7", FIREFOX, _at(0), _at(90), _at(43_290), True)
EVENT = Event(
    EVENT_ID, EventKind.AGENT_PAUSED, PROJECT_ID, AGENT_ID, BEN_ID,
    {"from": "working", "to": "paused", "version": 4}, _at(100), 1_204, "1204",
)  # fmt: skip
TOKENS = TokenPair(
    "eyJhbGciOiJIUzI1NiJ9.access.signature", "eyJhbGciOiJIUzI1NiJ9.refresh.signature", "bearer", 900, ADA
)

RECORDS: dict[type, Any] = {
    User: BEN, AgentType: TYPE, Project: PROJECT, Member: MEMBER, Agent: WORKING, Session: SESSION, Event: EVENT,
    TokenPair: TOKENS, SessionList: SessionList([SESSION], 1), AgentMetrics: metrics_of(WORKING), Affected: Affected(2),
    Message: done("It happened."),
    Stats: Stats(3, 3, 1, 4, 3, 3, 3, 2, 9, 4),
}  # fmt: skip
# What a verb answers where the story has moved on.
ANSWERS: dict[Verb, Any] = {
    users.me: ADA, users.update_me: ADA, agents.spawn: SPAWNED, agents.pause: PAUSED, agents.resume: RESUMED,
    metrics.of_project: AgentMetrics(4, 2, 1, 1, 0, 424, 4_061_635, Decimal("26.570000")),
    auth.logout: done("Logged out."), auth.logout_all: done("Logged out of 2 sessions."),
    users.change_password: done("The password is changed, and your other sessions are ended."),
    users.delete: done("The user is deleted."),
    users.deactivate: msgspec.structs.replace(BEN, is_active=False, version=2),
    events.of_project: Log([EVENT], Onward(1, has_next=True, after=EVENT.cursor)),
    sessions.revoke: done("The session is ended."), sessions.clean_up: done("Cleaned up 3 expired sessions"),
    agent_types.delete: done("The agent type is deactivated."), projects.delete: done("The project is archived."),
    members.remove: done("The member has left the project."), agents.delete: done("The agent is terminated."),
}  # fmt: skip
SENT: dict[type, dict[str, Any]] = {
    Register: {"email": "ben@example.com", "password": PASSWORD, "first_name": "Ben", "last_name": "Okafor"},
    Login: {"email": ADA.email, "password": PASSWORD, "device_name": "Ada's laptop"},
    RefreshToken: {"refresh_token": TOKENS.refresh_token},
    UpdateViewer: {"first_name": "Ada", "last_name": "Moreno"},
    ChangePassword: {"current_password": PASSWORD, "new_password": NEW_PASSWORD},
    CreateUser: {"email": "chloe@example.com", "password": PASSWORD, "first_name": "Chloe", "is_superuser": False},
    UpdateUser: {"last_name": "Okafor-Lind", "is_active": True},
    BulkUserAction: {"action": "deactivate", "user_ids": [str(BEN_ID)]},
    CreateAgentType: {
        name: getattr(TYPE, name) for name in ("name", "slug", "personality_prompt", "primary_model", "fallback_models",
        "model_params", "mcp_servers")
    },
    UpdateAgentType: {"primary_model": "claude-opus-4", "model_params": {"temperature": 0.2}},
    CreateProject: {"name": PROJECT.name, "slug": PROJECT.slug, "description": PROJECT.description},
    UpdateProject: {"description": "The shop, and the people who write to it."},
    AddMember: {"user_id": str(BEN_ID), "role": "operator"},
    UpdateMember: {"role": "owner"},
    SpawnAgent: {"agent_type_id": str(TYPE_ID), "name": WORKING.name},
    UpdateAgent: {"current_task": "Ticket 9031", "tasks_completed": 204, "cost_incurred": "8.94"},
    TransitionAgent: {"to": "working"},
}  # fmt: skip
IN_PATH: dict[str, Any] = {
    "/users/{id}": BEN_ID, "/admin/users/{id}": BEN_ID, "/sessions/{id}": SESSION_ID, "/agent-types/{id}": TYPE_ID,
    "/agent-types/slug/{slug}": TYPE.slug, "/projects/{id}": PROJECT_ID, "/projects/slug/{slug}": PROJECT.slug,
    "/projects/{project_id}": PROJECT_ID, "/members/{user_id}": BEN_ID, "/agents/{id}": AGENT_ID,
}  # fmt: skip
REFUSED: dict[Code, Refusal] = {
    Code.MALFORMED_REQUEST: Refusal(Code.MALFORMED_REQUEST, "The body must be a JSON object."),
    Code.UNAUTHENTICATED: Refusal(Code.UNAUTHENTICATED, "This session has ended; sign in again."),
    Code.FORBIDDEN: Refusal(Code.FORBIDDEN, needs(Right.OPERATE)),
    Code.CONFLICT: Refusal(Code.CONFLICT, "This slug is taken by another project.", field="slug"),
    Code.VERSION_MISMATCH: Refusal(
        Code.VERSION_MISMATCH, "You expected version 3, but it has version 4 now; read it again."
    ),
    Code.VALIDATION_FAILED: Refusal.of([
        Fault(Code.VALIDATION_FAILED, REQUIRED, "name"), Fault(Code.VALIDATION_FAILED, UNKNOWN, "nmae"),
    ]),
    Code.INVALID_TRANSITION: refuse_transition(Status.PAUSED, Status.PAUSED),
    Code.RATE_LIMITED: Refusal(Code.RATE_LIMITED, "Too many requests: 6,000 in 60 s are allowed; try again in 8 s."),
}  # fmt: skip


def answer_of(verb: Verb, kind: Any, item: type | None) -> Any:
    """Returns an example of what a verb answers, as JSON has it."""
    value = ANSWERS.get(verb) or RECORDS[item or kind]
    if item:
        value = enveloped(Page([value], 1, Window(), Sort("created_at", descending=True), False, False))
    return msgspec.to_builtins(value)


def refusal_of(code: Code) -> Refusal:
    """Returns an example of a refusal."""
    return REFUSED.get(code) or Refusal(code)


def in_path(path: str, name: str) -> str:
    """Returns an example of what stands in a path under a name."""
    known = path.partition("{" + name + "}")[0] + "{" + name + "}"
    return str(next(value for part, value in IN_PATH.items() if known.endswith(part)))
