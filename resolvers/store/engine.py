"""The database: one pool, reads without a transaction, writes in one."""

import asyncio
from collections.abc import AsyncIterator, Callable, Iterable, Mapping, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from decimal import Decimal
from typing import Any, TypeVar

import asyncpg
import msgspec
from sqlalchemy import Executable

from resolvers.store.bell import Bell
from resolvers.store.errors import ORDERLY, tell
from resolvers.store.pool import Pool
from resolvers.store.statements import Bound, once

K = TypeVar("K")

STATEMENT_TIMEOUT = "30s"
CONNECT_SECONDS = POOL_SECONDS = 10
# A plan is made once, for any values: left to itself PostgreSQL plans lists anew each time, which takes as long as to
# read them. It is made for the average project, and what suits that, to gather its rows and sort them, would go through
# all of a large one; so only scans in the order of an index are left.
PLANNING = {
    "jit": "off",
    "plan_cache_mode": "force_generic_plan",
    "enable_bitmapscan": "off",
    "random_page_cost": "1.1",
}
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
        self._url = url
        self._pool = Pool(self._open, pool_size, POOL_SECONDS)
        self.bell = Bell(lambda: self.connect("roster events"))

    async def connect(self, name: str = "roster") -> Any:
        """Opens a connection of its own, for who is to close it."""
        return await asyncpg.connect(self._url, **_options(name))

    @property
    def busy(self) -> int:
        """How many connections are lent out."""
        return self._pool.busy

    def read(self) -> AbstractAsyncContextManager[Connection]:
        """Opens a connection without a transaction, for one statement or several that need no common view."""
        return Lent(self._pool)

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
        await self._pool.close()

    async def _open(self) -> Any:
        driver = await self.connect()
        await _set_codecs(driver)
        return driver


class Lent:
    """A connection for the length of a block; one that is unsure is not given back."""

    __slots__ = ("_db", "_pool")

    def __init__(self, pool: Pool) -> None:
        self._pool = pool

    async def __aenter__(self) -> Connection:
        try:
            self._db = Connection(await self._pool.lend())
        except Exception as error:  # noqa: BLE001 — told, each as what it means
            tell(error, "")
        return self._db

    async def __aexit__(self, *_: object) -> None:
        if not self._db.unsure:
            self._pool.give_back(self._db.driver)
            return
        # Until it is gone, PostgreSQL may hold locks for it.
        await asyncio.shield(self._pool.drop(self._db.driver))


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
    settings = {"application_name": name, "timezone": "UTC", "statement_timeout": STATEMENT_TIMEOUT, **PLANNING}
    kept = {"statement_cache_size": STATEMENTS, "max_cached_statement_lifetime": 0, "max_cacheable_statement_size": 0}
    return {"timeout": CONNECT_SECONDS, "server_settings": settings, **kept}


async def _set_codecs(driver: Any) -> None:
    # As text, a number is read in about half the time.
    await driver.set_type_codec("numeric", schema="pg_catalog", encoder=str, decoder=Decimal)
    # One byte before the text tells the version of the format.
    await driver.set_type_codec(
        "jsonb",
        schema="pg_catalog",
        format="binary",
        encoder=lambda value: b"\x01" + msgspec.json.encode(value),
        decoder=lambda packed: msgspec.json.decode(packed[1:]),
    )
