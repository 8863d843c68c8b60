"""The counts behind rate limits: in this process, or shared by all through Redis."""

import logging
import time
from typing import Any

from limits.aio.storage import MemoryStorage, RedisStorage

from resolvers.domain.rates import Policy, Reading

logger = logging.getLogger("roster.rates")
MOST = 50_000  # keys that one process counts, some 20 MB
PATIENCE = 0.5  # seconds that a request waits for Redis, to connect and to answer
PAUSE = 5.0  # seconds that Redis is left alone when it did not answer
SILENCE = 60.0  # seconds between two lines about that


class Memory(MemoryStorage):
    """Counts in this process, and forgets the oldest; the library's own looks through all keys at each request."""

    async def incr(self, key: str, expiry: float, amount: int = 1) -> int:
        now = time.time()
        if self.expirations.get(key, 0) <= now:
            self._forget(key)
            self.expirations[key] = now + expiry
        self.storage[key] += amount
        self._tidy(now)
        return self.storage[key]

    def _tidy(self, now: float) -> None:
        while self.expirations:
            oldest = next(iter(self.expirations))
            if self.expirations[oldest] > now and len(self.expirations) <= MOST:
                return
            self._forget(oldest)

    def _forget(self, key: str) -> None:
        self.storage.pop(key, None)
        self.expirations.pop(key, None)


class Counters:
    """Counts units by key; where Redis is away each process goes on by itself, so that no request fails for it."""

    def __init__(self, url: str | None = None) -> None:
        self._own = Memory()
        self._shared = _redis(url) if url else None
        known = self._shared.base_exceptions if self._shared else ()
        self._lost: tuple[type[Exception], ...] = (*(known if isinstance(known, tuple) else (known,)), OSError)
        self._away = self._told = False
        self._ask_at = self._tell_at = 0.0

    async def add(self, policy: Policy, subject: str, units: int) -> tuple[bool, Reading]:
        """Counts all of the units or, where they don't fit, none; tells whether, and what was counted by then."""
        shared = self._shared
        if shared and self._ask_at <= time.monotonic():
            if self._away:
                self._ask_at = time.monotonic() + PAUSE  # one request tries; the others need not wait for it
            try:
                counted = await _add(shared, policy, subject, units)
            except self._lost as error:
                self._missed(error)
            else:
                self._found()
                return counted
        return await _add(self._own, policy, subject, units)

    def _missed(self, error: BaseException) -> None:
        now = time.monotonic()
        self._away, self._ask_at = True, now + PAUSE
        if now >= self._tell_at:
            self._told, self._tell_at = True, now + SILENCE
            # The kind alone: what it says may name the URL, with its password.
            told = {"error": type(error).__name__}
            logger.warning("the store of the rate limits is away; each process counts by itself", extra=told)

    def _found(self) -> None:
        if self._away:
            self._away, self._ask_at = False, 0.0
            if self._told:
                self._told = False
                logger.info("the store of the rate limits is back")

    async def close(self) -> None:
        if self._shared:
            await self._shared.bridge.get_connection().aclose()  # type: ignore[attr-defined]  # the bridge's types name none


def _redis(url: str) -> RedisStorage:
    from redis.asyncio.retry import Retry  # noqa: PLC0415 — a sixth of a second that few starts need
    from redis.backoff import NoBackoff  # noqa: PLC0415

    # Once more, for a connection that the server has closed meanwhile.
    options: dict[str, Any] = {"retry": Retry(NoBackoff(), 1), "socket_timeout": PATIENCE}
    options["socket_connect_timeout"] = PATIENCE
    return RedisStorage(f"async+{url}", implementation="redispy", key_prefix="roster:rates", **options)


async def _add(storage: MemoryStorage | RedisStorage, policy: Policy, subject: str, units: int) -> tuple[bool, Reading]:
    # A limit that is set otherwise begins anew.
    key = f"{policy.name}/{policy.quota}/{policy.window}/{subject}"
    fits = await storage.acquire_sliding_window_entry(key, policy.quota, policy.window, units)
    previous, previous_left, current, current_left = await storage.get_sliding_window(key, policy.window)
    # A count is kept for one more window, in which it fades.
    return fits, Reading(policy, previous, previous_left, current, max(0.0, current_left - policy.window))
