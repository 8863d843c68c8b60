"""Connections that are lent to one task at a time."""

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

HANG_UP_SECONDS = 2
Opened = Callable[[], Awaitable[Any]]


class Pool:
    """Up to so many connections; the one given back last is lent first, and lending one that is idle never waits.

    asyncpg's own pool makes a task and a timer for each statement, which take twice as long as the statement itself.
    """

    def __init__(self, connect: Opened, size: int, patience: float) -> None:
        self._connect, self._patience = connect, patience
        self._room = size
        self._idle: list[Any] = []
        self._leaving: set[asyncio.Future[None]] = set()
        self._waiting: deque[asyncio.Future[Any]] = deque()
        self.busy = 0
        self._closed = False

    async def lend(self) -> Any:
        """Returns a connection, opening one where there is room, or waiting for one; raises TimeoutError."""
        while self._idle:
            driver = self._idle.pop()
            if not driver.is_closed():
                self.busy += 1
                return driver
            self._room += 1
        if not self._room:
            return await self._turn() or await self._open()
        self._room -= 1
        self.busy += 1
        return await self._open()

    def give_back(self, driver: Any) -> None:
        """Takes a connection back, for whoever waits the longest."""
        if self._closed or driver.is_closed():
            self.drop(driver)
        elif not self._hand_over(driver):
            self.busy -= 1
            self._idle.append(driver)

    def drop(self, driver: Any) -> "asyncio.Future[None]":
        """Hangs up on a connection that nobody should use again, which makes room for another once it is gone."""
        leaving = asyncio.ensure_future(self._hang_up(driver))
        self._leaving.add(leaving)
        leaving.add_done_callback(self._leaving.discard)
        return leaving

    async def close(self) -> None:
        """Closes what is idle now, and the rest as it is given back."""
        self._closed = True
        for driver in self._idle:
            self.busy += 1
            self.drop(driver)
        self._idle.clear()
        await asyncio.gather(*self._leaving)

    async def _hang_up(self, driver: Any) -> None:
        # What it still runs is cancelled first, or PostgreSQL would go on with it.
        with suppress(Exception):
            await driver.close(timeout=HANG_UP_SECONDS)
        self._make_room()

    async def _open(self) -> Any:
        try:
            return await self._connect()
        except BaseException:
            self._make_room()
            raise

    def _make_room(self) -> None:
        if not self._hand_over(None):
            self.busy -= 1
            self._room += 1

    def _hand_over(self, driver: Any) -> bool:
        # To whoever waits, a connection or the room for one; either counts as lent already.
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(driver)
                return True
        return False

    async def _turn(self) -> Any:
        turn: asyncio.Future[Any] = asyncio.get_running_loop().create_future()
        self._waiting.append(turn)
        try:
            async with asyncio.timeout(self._patience):
                return await turn
        except BaseException:
            # Given up on in the moment in which it came.
            if turn.done() and not turn.cancelled():
                given = turn.result()
                self.give_back(given) if given else self._make_room()
            else:
                with suppress(ValueError):
                    self._waiting.remove(turn)
            raise
