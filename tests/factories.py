"""Things to test with, made through the verbs."""

from datetime import UTC, datetime, timedelta
from itertools import count
from typing import NamedTuple
from uuid import UUID

from msgspec import structs
from sqlalchemy import insert

from resolvers import agent_types, agents, auth, members, projects
from resolvers.context import Context, Guest
from resolvers.domain.agent_types import AgentType, CreateAgentType
from resolvers.domain.agents import Agent, SpawnAgent, TransitionAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.ids import new_id
from resolvers.domain.lifecycle import Status
from resolvers.domain.projects import AddMember, CreateProject, Project
from resolvers.domain.users import Login, TokenPair, User, Viewer
from resolvers.store.records import USER
from resolvers.store.tables import members as member_rows
from resolvers.store.tables import sessions as session_rows
from resolvers.store.tables import users as user_rows
from resolvers.tokens import FOREVER, Claims

PASSWORD = "Correct-Horse-42"
NUMBERS = count(1)
HASHED: dict[str, str] = {}


class Person(Context, frozen=True):
    """Someone signed in, with the tokens to speak for them."""

    tokens: TokenPair

    @property
    def id(self) -> UUID:
        return self.who.id

    @property
    def email(self) -> str:
        return self.who.user.email

    @property
    def headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.tokens.access_token}"}

    def token(self, *, seconds: float) -> str:
        """Returns another access token of the same session, which expires so soon."""
        keys = structs.replace(self.keys, access=timedelta(seconds=seconds))
        return keys.access_token(Claims(self.id, self.who.session_id, 0))


class Factory:
    """Makes each thing with what it needs, unless that is given."""

    def __init__(self, guest: Guest) -> None:
        self.guest = guest

    async def user(self, *, superuser: bool = False, email: str | None = None) -> Person:
        [person] = await self.users({"is_superuser": superuser} | ({"email": email} if email else {}))
        return person

    async def users(self, *overs: dict[str, object]) -> list[Person]:
        """Makes users who are signed in."""
        # Not through the verbs: nearly every test needs several people, and these take a tenth of the time.
        hashed, guest = await self._hashed(), self.guest
        usual = {"first_name": "Ada", "last_name": "Moreno", "is_active": True, "is_superuser": False}
        numbers = zip(overs, NUMBERS, strict=False)
        rows = [{"id": new_id(), "email": f"person-{number}@example.com", **usual, **over} for over, number in numbers]
        client = {"user_agent": "tests", "ip_address": "127.0.0.1", "expires_at": datetime.now(UTC) + timedelta(days=1)}
        live = [{"id": new_id(), "user_id": row["id"], **client} for row in rows]
        made = insert(user_rows).values([row | {"password_hash": hashed} for row in rows]).returning(*USER)
        async with guest.store.write() as db:
            found = {row.id: User(*row) for row in await db.execute(made)}
            await db.execute(insert(session_rows).values(live))
        users = [found[row["id"]] for row in rows]
        return [self._signed_in(user, session["id"]) for user, session in zip(users, live, strict=True)]

    def _signed_in(self, user: User, session: UUID) -> Person:
        claims, keys = Claims(user.id, session, 0), self.guest.keys
        tokens = TokenPair(keys.access_token(claims), keys.refresh_token(claims), "bearer", 900, user)
        return self._person(Viewer(user, session, FOREVER), tokens)

    async def _hashed(self) -> str:
        if PASSWORD not in HASHED:
            HASHED[PASSWORD] = await self.guest.hasher.hash(PASSWORD)
        return HASHED[PASSWORD]

    def _person(self, who: Viewer, tokens: TokenPair) -> Person:
        guest = self.guest
        return Person(guest.store, guest.keys, guest.hasher, guest.feed, guest.rates, guest.client, who, tokens)

    async def signed_in(self, email: str, password: str = PASSWORD) -> Person:
        tokens = await auth.login(self.guest, Draft(Login, {"email": email, "password": password}))
        ctx = await auth.identify(self.guest, f"Bearer {tokens.access_token}")
        return self._person(ctx.who, tokens)

    async def superuser(self) -> Person:
        return await self.user(superuser=True)

    async def agent_type(self, by: Context, **over: object) -> AgentType:
        body = {
            "name": "Reviewer",
            "slug": f"type-{next(NUMBERS)}",
            "personality_prompt": "Review.",
            "primary_model": "m",
        }
        return await agent_types.create(by, Draft(CreateAgentType, {**body, **over}))

    async def project(self, owner: Context, **over: object) -> Project:
        body = {"name": "Storefront", "slug": f"project-{next(NUMBERS)}"}
        return await projects.create(owner, Draft(CreateProject, {**body, **over}))

    async def member(self, owner: Context, project: Project, role: str) -> Person:
        person = await self.user()
        await members.add(owner, project.id, Draft(AddMember, {"user_id": str(person.id), "role": role}))
        return person

    async def agent(
        self, by: Context, project: Project, kind: AgentType, status: Status = Status.IDLE, **over: object
    ) -> Agent:
        new = {"agent_type_id": str(kind.id), "name": "An agent", **over}
        agent = await agents.spawn(by, project.id, Draft(SpawnAgent, new))
        path = {Status.IDLE: [], Status.WAITING: ["working", "waiting"]}.get(status, [str(status)])
        for step in path:
            agent = await agents.transition(by, agent.id, Draft(TransitionAgent, {"to": step}))
        return agent


class Scene(NamedTuple):
    """A project with people of every role, a stranger and a superuser; a type and an agent."""

    root: Person
    owner: Person
    operator: Person
    viewer: Person
    stranger: Person
    project: Project
    kind: AgentType
    agent: Agent

    @classmethod
    async def build(cls, make: Factory) -> "Scene":
        root, owner, operator, viewer, stranger = await make.users({"is_superuser": True}, {}, {}, {}, {})
        project = await make.project(owner)
        roles = [(operator, "operator"), (viewer, "viewer")]
        rows = [{"project_id": project.id, "user_id": person.id, "role": role} for person, role in roles]
        async with make.guest.store.write() as db:
            await db.execute(insert(member_rows).values(rows))
        kind = await make.agent_type(root)
        agent = await make.agent(operator, project, kind)
        return cls(root, owner, operator, viewer, stranger, project, kind, agent)

    @property
    def names(self) -> dict[str, str]:
        """How an operation on the agent is addressed."""
        return {"project_id": str(self.project.id), "id": str(self.agent.id)}
