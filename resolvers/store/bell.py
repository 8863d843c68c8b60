"""Telling every process on one database that something was written, without making writers wait."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import asyncpg

CHANNEL = "roster_events"
PATIENCE = 5
BROKEN = (OSError, TimeoutError, asyncpg.PostgresError, asyncpg.InterfaceError, asyncpg.InternalClientError)


class Bell:
    """Rings here at once, and elsewhere by NOTIFY over a connection of its own, once for many rings.

    A NOTIFY in the writer's own transaction would make all commits queue behind one lock. This one can be lost, with
    its process or its connection, so who waits looks for itself now and then.
    """

    def __init__(self, connect: Callable[[], Awaitable[asyncpg.Connection]]) -> None:
        self._connect = connect
        self._line: asyncpg.Connection | None = None
        self._own = 0  # the process of the line at the server: a line that was hung up just now can't tell any more
        self._heard = asyncio.Event()
        self._untold = False
        self._telling: asyncio.Task[None] | None = None
        self._dialing = asyncio.Lock()

    def ring(self) -> None:
        """Says that something was written."""
        self.ring_here()
        self._untold = True
        if self._telling is None or self._telling.done():
            self._telling = asyncio.create_task(self._tell())

    def ring_here(self) -> None:
        """Wakes who waits in this process."""
        self._heard.set()

    async def wait(self, seconds: float) -> bool:
        """Waits for a ring; tells whether there was one in time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._heard.wait()
        rung = self._heard.is_set()
        self._heard.clear()
        return rung

    async def check(self) -> None:
        """Makes sure that other processes are heard; a connection that doesn't answer is made anew."""
        await self._say(f"LISTEN {CHANNEL}")

    async def _tell(self) -> None:
        while self._untold:
            self._untold = False
            await self._say(f"NOTIFY {CHANNEL}")

    async def _say(self, statement: str) -> None:
        # A connection takes one statement at a time.
        async with self._dialing:
            try:
                if self._line is None or self._line.is_closed():
                    self._line = await self._connect()
                    self._own = self._line.get_server_pid()
                    await self._line.add_listener(CHANNEL, self._hear)
                await self._line.execute(statement, timeout=PATIENCE)
            except BaseException as error:
                self._hang_up()  # also when cancelled: a line that was not heard out, or does not listen yet, is none
                if not isinstance(error, BROKEN):
                    raise

    def _hear(self, _line: Any, pid: int, *_: object) -> None:
        if pid != self._own:
            self._heard.set()

    def _hang_up(self) -> None:
        if self._line is not None:
            self._line.terminate()
            self._line = None

    async def close(self) -> None:
        """Lets go of the connection."""
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.wait([self._telling])
        self._hang_up()
