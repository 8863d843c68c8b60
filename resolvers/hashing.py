"""Argon2id through passlib, off the event loop, a few at a time."""

import asyncio
import os
from functools import cached_property

from passlib.context import CryptContext


class Hasher:
    """Hashes and verifies passwords; the defaults are OWASP's (19 MiB, two rounds)."""

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
    def _gate(self) -> asyncio.Semaphore:
        return asyncio.Semaphore(self._at_once)

    @cached_property
    def _nobodys(self) -> str:
        return str(self._context.hash("the password of nobody"))

    async def hash(self, password: str) -> str:
        async with self._gate:
            return str(await asyncio.to_thread(self._context.hash, password))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Tells whether the password is right; takes as long when there is no such user."""
        async with self._gate:
            right = await asyncio.to_thread(lambda: self._context.verify(password, hashed or self._nobodys))
        return right and hashed is not None
