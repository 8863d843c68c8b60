"""Who asks, and what a verb needs to answer."""

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

import msgspec

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.users import Viewer
from resolvers.hashing import Hasher
from resolvers.store.engine import Store
from resolvers.store.feed import Feed
from resolvers.tokens import Keys

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Client(msgspec.Struct, frozen=True):
    """The program that asks, as far as it tells."""

    ip_address: str | None = None
    user_agent: str | None = None


class Guest(msgspec.Struct, frozen=True):
    """Anyone: the context of the verbs that need no sign-in."""

    store: Store
    keys: Keys
    hasher: Hasher
    feed: Feed
    client: Client

    def signed_in(self, who: Viewer) -> "Context":
        """Returns the same for someone we know."""
        return Context(self.store, self.keys, self.hasher, self.feed, self.client, who)

    async def close(self) -> None:
        """Lets go of the database."""
        await self.feed.close()
        await self.store.close()

    def met(self, ip_address: str | None, user_agent: str | None) -> Self:
        """Returns the same for one request of a client."""
        agent = (user_agent or "").replace("\x00", "")[:255]
        return msgspec.structs.replace(self, client=Client(ip_address, agent or None))


class Context(Guest, frozen=True):
    """Someone signed in: the context of all other verbs."""

    who: Viewer

    def require_superuser(self) -> None:
        if not self.who.is_superuser:
            raise Refusal(Code.FORBIDDEN, "Only superusers may do this.")


class Parsable(Protocol[T_co]):
    """Input that is yet to be looked at."""

    def parsed(self) -> T_co: ...


async def parsed(draft: Parsable[T], guard: Callable[[], Awaitable[object]]) -> T:
    """Returns the draft's value; of a bad draft the guard speaks first, because rights come before validity."""
    try:
        return draft.parsed()
    except Refusal:
        await guard()
        raise
