"""Who asks, and what a verb needs to answer."""

from collections.abc import Awaitable, Callable
from typing import Protocol, Self, TypeVar

import msgspec

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.users import Viewer
from resolvers.hashing import Hasher
from resolvers.rates import Meter, Rates
from resolvers.store.engine import Store
from resolvers.store.feed import Feed
from resolvers.tokens import Keys

T = TypeVar("T")
T_co = TypeVar("T_co", covariant=True)


class Client(msgspec.Struct, frozen=True):
    """The program that asks, as far as it tells."""

    ip_address: str | None = None
    user_agent: str | None = None
    meter: Meter | None = None


class Guest(msgspec.Struct, frozen=True):
    """Anyone: the context of the verbs that need no sign-in."""

    store: Store
    keys: Keys
    hasher: Hasher
    feed: Feed
    rates: Rates
    client: Client

    def signed_in(self, who: Viewer) -> "Context":
        """Returns the same for someone we know."""
        return Context(self.store, self.keys, self.hasher, self.feed, self.rates, self.client, who)

    async def close(self) -> None:
        """Lets go of the database, and of Redis."""
        await self.feed.close()
        await self.rates.close()
        await self.store.close()

    def met(self, ip_address: str | None, user_agent: str | None) -> Self:
        """Returns the same for a client."""
        agent = (user_agent or "").replace("\x00", "")[:255]
        return msgspec.structs.replace(self, client=Client(ip_address, agent or None))

    def counted(self, meter: Meter) -> Self:
        """Returns the same for one request of the client, which this meter counts."""
        return msgspec.structs.replace(self, client=msgspec.structs.replace(self.client, meter=meter))

    def meter(self, authorization: str, paid: int = 0) -> Meter:
        """Returns what counts a request: by whom its token speaks for, as its signature tells, or by its address."""
        try:
            user_id = self.keys.bearer(authorization).user_id
        except Refusal:
            user_id = None
        return self.rates.meter(user_id, self.client.ip_address, paid)

    async def count_sign_in(self) -> None:
        """Counts a sign-in of the client's address; raises RATE_LIMITED."""
        if self.client.meter:
            await self.client.meter.take_sign_in()


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
