"""The PostgreSQL that every contender stands on, in a folder of its own, and what is in it."""

import asyncio
import sys
from collections.abc import Callable, Coroutine
from contextlib import suppress
from datetime import timedelta
from pathlib import Path
from typing import Any, NamedTuple, Self, TypeVar
from urllib.parse import parse_qs, urlsplit
from uuid import UUID

import asyncpg
import psutil

from benchmarks.seed import bring_up, fill, mark
from gql_app.embedded import Embedded
from resolvers.tokens import Claims, Keys

T = TypeVar("T")
ROOT = Path(__file__).parents[1]
FOLDER = ROOT / ".roster-bench"
SECRET = "bench-" * 8  # signs tokens that hold for databases of the bench alone
DAY = timedelta(days=1)


class Facts(NamedTuple):
    """What requests are made of: who asks, and the ids of what they ask for."""

    tokens: dict[str, str]
    projects: dict[str, UUID]
    types: list[UUID]
    agents: dict[str, list[UUID]]


class Place:
    """A running PostgreSQL; each contender gets a copy of the same rows."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._embedded = Embedded(folder)

    def __enter__(self) -> Self:
        self._admin = self._embedded.start()
        # Copies that an interrupted run left.
        for name in self.ask("SELECT datname FROM pg_database WHERE datname ~ '^(copy|new)_'"):
            self.drop(name[0])
        return self

    def __exit__(self, *_: object) -> None:
        self._embedded.stop()

    @property
    def process(self) -> psutil.Process:
        """The postmaster."""
        return psutil.Process(int(self.ask("SELECT split_part(pg_read_file('postmaster.pid'), E'\\n', 1)")[0][0]))

    def url(self, database: str) -> str:
        """Returns the URL of a database."""
        return self._admin.replace("/postgres?", f"/{database}?")

    def ask(self, statement: str, *values: object, database: str = "postgres") -> list[asyncpg.Record]:
        """Runs one statement; returns its rows."""
        return _run(_ask(self.url(database), statement, values))

    def rows(self, size: int = 0) -> str:
        """Returns a database with the wanted rows at the newest revision."""
        if size:
            return self._made(f"rows_{mark(size)}", "template1", lambda url: _both(url, size))
        return self._made(f"rows_{mark(0)}", self._plain(), bring_up)

    def _plain(self) -> str:
        return self._made(f"plain_{mark(0)}", "template1", lambda url: fill(url, 0))

    def _made(self, name: str, base: str, make: Callable[[str], Coroutine[Any, Any, None]]) -> str:
        """Returns a database that is made once, and kept until what it is made of changes."""
        there = {row[0] for row in self.ask("SELECT datname FROM pg_database")}
        if name not in there:
            kind, size, *_ = name.split("_")
            for old in there:
                if old.startswith(f"{kind}_{size}_"):
                    self.drop(old)
            sys.stderr.write(f"making the database {name} …\n")
            self.ask(f"CREATE DATABASE new_{name} TEMPLATE {base}")
            _run(make(self.url(f"new_{name}")))
            self.ask(f"ALTER DATABASE new_{name} RENAME TO {name}")
        return name

    def copy(self, name: str, *, plain: bool) -> str:
        """Makes a fresh copy of the rows, in the plain tables or in Roster's of today; returns its database."""
        database = f"copy_{name}"
        self.drop(database)
        self.ask(f"CREATE DATABASE {database} TEMPLATE {self._plain() if plain else self.rows()}")
        return database

    def drop(self, database: str) -> None:
        self.ask(f'DROP DATABASE IF EXISTS "{database}" WITH (FORCE)')

    def settle(self) -> None:
        """Writes out what is dirty, so that no contender pays for the one before."""
        self.ask("CHECKPOINT")

    def facts(self, database: str) -> Facts:
        """Finds out what requests are made of."""
        own: dict[str, Any] = {"database": database}
        keys = Keys(SECRET, DAY, DAY)
        signed_in = self.ask("SELECT email, u.id, s.id FROM users u JOIN sessions s ON s.user_id = u.id", **own)
        agents: dict[str, list[UUID]] = {}
        first = "SELECT p.slug, a.id FROM projects p, LATERAL (SELECT id FROM agents WHERE project_id = p.id \
            ORDER BY created_at LIMIT 1600) a ORDER BY p.slug"
        for slug, agent in self.ask(first, **own):
            agents.setdefault(slug, []).append(agent)
        return Facts(
            {email.split("@")[0]: keys.access_token(Claims(user, session, 0)) for email, user, session in signed_in},
            dict(map(tuple, self.ask("SELECT slug, id FROM projects", **own))),
            [row[0] for row in self.ask("SELECT id FROM agent_types WHERE is_active ORDER BY slug", **own)],
            agents,
        )

    def environment(self, database: str) -> dict[str, str]:
        """Returns what a contender needs to know of the database, as an URL and in libpq's variables."""
        url = self.url(database)
        parts = urlsplit(url)
        socket = parse_qs(parts.query)["host"][0]
        return {"DATABASE_URL": url, "PGHOST": socket, "PGUSER": parts.username or "", "PGDATABASE": database}


def _run(work: Coroutine[Any, Any, T]) -> T:
    return asyncio.run(work)


async def _both(url: str, size: int) -> None:
    await fill(url, size)
    await bring_up(url)


async def _ask(url: str, statement: str, values: tuple[object, ...]) -> list[asyncpg.Record]:
    db = await asyncpg.connect(url)
    try:
        rows: list[asyncpg.Record] = await db.fetch(statement, *values)
        return rows
    finally:
        with suppress(OSError):
            await db.close()
