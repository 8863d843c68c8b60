"""Argon2id through passlib, in threads of its own that stand back for those that answer."""

import asyncio
import os
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from functools import cached_property
from typing import TypeVar

from passlib.context import CryptContext

T = TypeVar("T")

NICENESS = 10


class Hasher:
    """Hashes and verifies passwords, a few at a time; the defaults are OWASP's (19 MiB, two rounds)."""

    def __init__(self, *, memory_kib: int = 19_456, rounds: int = 2, at_once: int | None = None) -> None:
        self._context = CryptContext(
            ["argon2"],
            argon2__type="ID",
            argon2__memory_cost=memory_kib,
            argon2__rounds=rounds,
            argon2__parallelism=1,
        )
        self._at_once = at_once or max(1, (os.cpu_count() or 2) // 2)

    @cached_property
    def _threads(self) -> ThreadPoolExecutor:
        return ThreadPoolExecutor(self._at_once, "roster-hash", initializer=_stand_back)

    @cached_property
    def _nobodys(self) -> str:
        return str(self._context.hash("the password of nobody"))

    async def hash(self, password: str) -> str:
        return await self._apart(lambda: str(self._context.hash(password)))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tells whether the password is right; takes as long when there is no such user."""
        right = await self._apart(lambda: self._context.verify(password, hashed or self._nobodys))
        return right and hashed is not None

    async def _apart(self, work: Callable[[], T]) -> T:
        return await asyncio.get_running_loop().run_in_executor(self._threads, work)


def _stand_back() -> None:
    # Linux keeps the priority of each thread, so that a burst of logins takes no time from the requests beside it.
    with suppress(OSError, AttributeError):
        mine = os.PRIO_PROCESS, threading.get_native_id()
        os.setpriority(*mine, max(os.getpriority(*mine), NICENESS))
