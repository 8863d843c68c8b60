"""The database: one pool, reads without a transaction, writes in one."""

import asyncio
import sys
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from typing import Any, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Executable

from resolvers.store.bell import Bell
from resolvers.store.errors import ORDERLY, UNREACHED, tell
from resolvers.store.statements import Bound, once

K = TypeVar("K")

STATEMENT_TIMEOUT = "30s"
CONNECT_SECONDS = POOL_SECONDS = 10
HANG_UP_SECONDS = 2
STATEMENTS = 300  # prepared ones that each connection keeps


class Rows(list[Any]):
    """The rows that a statement returned, or how many it changed."""

    def __init__(self, rows: Iterable[Any] = (), changed: int = 0) -> None:
        super().__init__(rows)
        self.changed = changed

    def first(self) -> Any:
        """Returns the first row, or None."""
        return self[0] if self else None

    def one(self) -> Any:
        """Returns the only row."""
        [row] = self
        return row

    def scalar(self) -> Any:
        """Returns the first value of the first row, or None."""
        return self[0][0] if self else None

    def scalars(self) -> list[Any]:
        """Returns the first value of each row."""
        return [row[0] for row in self]


class Connection:
    """A connection that is lent out; `unsure` when nobody knows what it is in the middle of."""

    __slots__ = ("driver", "unsure")

    def __init__(self, driver: Any) -> None:
        self.driver = driver
        self.unsure = False

    async def fetch(self, bound: Bound) -> list[asyncpg.Record]:
        """Runs a statement; returns its rows as they came."""
        plan = bound.plan
        found: list[asyncpg.Record] = await self._run(self.driver.fetch, plan.text, *plan.arguments(bound.values))
        return found

    async def execute(self, asked: Bound | Executable, values: Mapping[str, object] | None = None) -> Rows:
        """Runs a statement, compiled for this once unless it is traced; `values` are those that a text names."""
        bound = asked if isinstance(asked, Bound) else once(asked, values)
        plan = bound.plan
        if plan.silent:
            status = await self._run(self.driver.execute, plan.text, *plan.arguments(bound.values))
            return Rows(changed=int(status.rpartition(" ")[2]))
        return Rows(plan.rows(await self.fetch(bound)))

    @asynccontextmanager
    async def transaction(self) -> AsyncIterator[None]:
        """Begins a transaction, and ends it with what comes of it."""
        await self._run(self.driver.execute, "BEGIN")
        try:
            yield
        except BaseException:
            if not self.unsure:
                await self._run(self.driver.execute, "ROLLBACK")
            raise
        await self._run(self.driver.execute, "COMMIT")

    async def _run(self, run: Callable[..., Any], text: str, *args: Any) -> Any:
        try:
            return await run(text, *args)
        except ORDERLY as error:
            tell(error, text)
        except Exception as error:  # noqa: BLE001 — told, each as what it means
            # A value that the driver could not send, or a BEGIN that failed, leaves it in the middle of something.
            self.unsure = True
            tell(error, text)
        except BaseException:
            self.unsure = True
            raise


class Store:
    """One PostgreSQL database, reached by a libpq URL such as `postgresql://user@host/name`."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        self._url, self._size = url, pool_size
        self._pool: Any = None
        self.bell = Bell(lambda: self.connect("roster events"))

    async def connect(self, name: str = "roster") -> Any:
        """Opens a connection of its own, for who is to close it."""
        return await asyncpg.connect(self._url, **_options(name))

    @property
    def busy(self) -> int:
        """How many connections are lent out."""
        return 0 if self._pool is None else self._pool.get_size() - self._pool.get_idle_size()

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """Opens a connection without a transaction, for one statement or several that need no common view."""
        db = Connection(await self._lent())
        try:
            yield db
        finally:
            await self._give_back(db)

    @asynccontextmanager
    async def decide(self) -> AsyncIterator[Connection]:
        """Opens a connection without a transaction, for a statement that decides and writes; each holds by itself."""
        async with self.read() as db:
            yield db
        self.bell.ring()

    @asynccontextmanager
    async def write(self) -> AsyncIterator[Connection]:
        """Opens a transaction: all of it holds at the end, or none of it when anything is raised."""
        async with self.read() as db, db.transaction():
            yield db
        self.bell.ring()

    async def close(self) -> None:
        """Lets go of all connections."""
        await self.bell.close()
        if self._pool is not None:
            with suppress(TimeoutError):
                async with asyncio.timeout(HANG_UP_SECONDS):
                    await self._pool.close()

    async def _lent(self) -> Any:
        if self._pool is None:
            # Reads wait for nothing but their statement: a connection keeps its settings, so nothing is to be reset.
            lasting = {"max_inactive_connection_lifetime": 0, "max_queries": sys.maxsize}
            self._pool = asyncpg.create_pool(
                self._url,
                min_size=0,
                max_size=self._size,
                init=_read_json,
                reset=_keep,
                **lasting,
                **_options("roster"),
            )
            await self._pool
        try:
            async with asyncio.timeout(POOL_SECONDS):
                return await self._pool.acquire()
        except Exception as error:  # noqa: BLE001 — told, each as what it means
            tell(error, "")

    async def _give_back(self, db: Connection) -> None:
        with suppress(*UNREACHED, asyncpg.PostgresError):
            if db.unsure:
                await asyncio.shield(db.driver.close(timeout=HANG_UP_SECONDS))
            else:
                await self._pool.release(db.driver)


class Joined(Store):
    """The same database from within a transaction that is open: what is written takes part in it."""

    def __init__(self, store: Store, db: Connection) -> None:
        self.bell, self._db = store.bell, db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[Connection]:
        """Gives the connection of the transaction."""
        yield self._db

    write = decide = read


async def one(db: Connection, bound: Bound, kind: type[K]) -> K | None:
    """Returns the first row as a record, or None."""
    made = bound.plan.maker(kind)(await db.fetch(bound))
    return made[0] if made else None


async def returned(db: Connection, bound: Bound, kind: type[K]) -> K:
    """Returns as a record the one row that a write gives back."""
    [made] = bound.plan.maker(kind)(await db.fetch(bound))
    return made


async def many(db: Connection, bound: Bound, kind: type[K]) -> list[K]:
    """Returns every row as a record."""
    return bound.plan.maker(kind)(await db.fetch(bound))


def record(kind: type[K], values: Sequence[Any]) -> K:
    """Makes a record of a row's values, which stand in the order of its fields."""
    return kind(*values)


def _options(name: str) -> dict[str, Any]:
    settings = {"application_name": name, "timezone": "UTC", "jit": "off", "statement_timeout": STATEMENT_TIMEOUT}
    kept = {"statement_cache_size": STATEMENTS, "max_cached_statement_lifetime": 0, "max_cacheable_statement_size": 0}
    return {"timeout": CONNECT_SECONDS, "server_settings": settings, **kept}


async def _read_json(driver: Any) -> None:
    # One byte before the text tells the version of the format.
    await driver.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda packed: msgspec.json.decode(packed[1:]),
    )


async def _keep(_driver: Any) -> None:
    pass
