"""What a GraphQL operation carries along: who asks, found out once, and the loaders of its edges."""

import asyncio
from collections.abc import Awaitable, Callable, Hashable, Mapping, Sequence
from operator import attrgetter
from typing import Any, NamedTuple, TypeVar
from uuid import UUID

import strawberry
from starlette.datastructures import MutableHeaders

from resolvers import agent_types, agents, auth, projects, users
from resolvers.context import Context, Guest
from resolvers.domain.agent_types import AgentType, AgentTypeRevision
from resolvers.domain.agents import Agent
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.projects import Project
from resolvers.domain.users import User
from schema.executor.loader import Loader
from schema.trusted import Manifest

K = TypeVar("K", bound=Hashable)
R = TypeVar("R")
BY_ID = attrgetter("id")


class Profile(NamedTuple):
    """How open a door is: `closed`, only who is signed in sees the schema; with `trusted` documents no others run."""

    closed: bool = False
    trusted: Manifest | None = None


OPEN = Profile()


class Asking:
    """The context of one operation; made anew for each."""

    def __init__(
        self,
        guest: Guest,
        authorization: str,
        on_sign_in: Callable[[Context], None],
        headers: MutableHeaders,
        profile: Profile,
    ) -> None:
        self.guest = guest
        self.profile = profile
        self.headers = headers
        self.connection_params: dict[str, object] = {}
        self._authorization = authorization
        self._on_sign_in = on_sign_in
        self.start_over()

    def anew(self) -> "Asking":
        """Returns the context of another operation of the same client."""
        guest, told = self.guest, self._told
        if not guest.client.meter:
            guest = guest.counted(guest.meter(told, paid=1))
        return Asking(guest, told, self._on_sign_in, self.headers, self.profile)

    async def pay(self) -> None:
        """Pays for what comes over a socket, which nothing counts before; raises RATE_LIMITED."""
        await self.guest.meter(self._told).take()

    @property
    def _told(self) -> str:
        return str(self.connection_params.get("Authorization", self._authorization))

    def start_over(self) -> None:
        """Forgets who asks and what was loaded: a subscription looks anew for each event."""
        self._signing_in: asyncio.Future[Context] | None = None
        self.forget()

    def forget(self) -> None:
        """Forgets what was loaded: each field of a mutation sees what the ones before have done."""
        self._loaders: dict[Hashable, Loader[Any, Any]] = {}

    @property
    def agents(self) -> Loader[UUID, Agent | None]:
        return self._loader(agents.by_ids, BY_ID)

    @property
    def agent_types(self) -> Loader[UUID, AgentType | None]:
        return self._loader(agent_types.by_ids, BY_ID)

    @property
    def projects(self) -> Loader[UUID, Project | None]:
        return self._loader(projects.by_ids, BY_ID)

    @property
    def users(self) -> Loader[UUID, User | None]:
        return self._loader(users.by_ids, BY_ID)

    @property
    def revisions(self) -> Loader[tuple[UUID, int], AgentTypeRevision | None]:
        return self._loader(agent_types.revisions, attrgetter("agent_type_id", "revision"))

    async def signed_in(self) -> Context:
        """Returns the context of whoever asks, or raises UNAUTHENTICATED; sibling fields share one look-up."""
        if self._signing_in is None:
            self._signing_in = asyncio.ensure_future(self._sign_in())
        return await self._signing_in

    async def _sign_in(self) -> Context:
        ctx = await auth.identify(self.guest, self._authorization)
        self._on_sign_in(ctx)
        return ctx

    def below(
        self, place: Hashable, verb: Callable[[Context, Sequence[UUID]], Awaitable[Mapping[UUID, R]]]
    ) -> Loader[UUID, R]:
        """Returns the loader of what one place of the document has below several parents."""

        # In quotes: else the types are put together for each operation.
        async def load(ids: "list[UUID]") -> "list[R | Exception]":
            found = await verb(await self.signed_in(), ids)
            return [found[parent] if parent in found else Refusal(Code.NOT_FOUND) for parent in ids]

        if place not in self._loaders:
            self._loaders[place] = Loader(load)
        return self._loaders[place]

    def _loader(self, verb: Callable[[Context, Sequence[K]], Awaitable[list[R]]], key: Callable[[R], K]) -> Any:
        async def load(keys: "list[K]") -> "list[R | Exception | None]":  # in quotes as above
            found = {key(record): record for record in await verb(await self.signed_in(), keys)}
            return [found.get(wanted) for wanted in keys]

        if verb not in self._loaders:
            self._loaders[verb] = Loader(load)
        return self._loaders[verb]


Info = strawberry.Info[Asking, Any]
