"""One PostgreSQL for the run, one database for each worker, every test on empty tables."""

import asyncio
import os
import shutil
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator
from contextlib import AbstractContextManager, asynccontextmanager, nullcontext
from datetime import timedelta
from pathlib import Path
from typing import Any

import asyncpg
import fasteners
import httpx
import pytest
import uvicorn
from starlette.applications import Starlette
from starlette.types import ASGIApp

from gql_app.asgi import make_app
from gql_app.embedded import Embedded, create_database
from gql_app.serve import OPTIONS
from resolvers.context import Client, Guest
from resolvers.hashing import Hasher
from resolvers.rates import Rates
from resolvers.store.engine import Store
from resolvers.store.feed import Feed
from resolvers.store.migrate import migrate
from resolvers.store.tables import metadata
from resolvers.tokens import Keys
from tests.doors import Door, GraphQLDoor, RestDoor
from tests.factories import Factory, Scene
from tests.node_tools import Node
from tests.processes import ROOT, Place

SECRET = "a key for tests alone, forty characters"
# TRUNCATE makes new files for every table and index, sixty times the work. A replica heeds neither foreign keys nor the
# trigger that keeps the event log.
WIPE = "; ".join(["SET LOCAL session_replication_role = replica", *(f"DELETE FROM {name}" for name in metadata.tables)])


@pytest.hookimpl(tryfirst=True)
def pytest_configure(config: pytest.Config) -> None:
    # As root, the embedded PostgreSQL runs as another user, and pytest closes its usual folder to that user again
    # whenever another run begins. So each run has a folder of its own.
    if not config.option.basetemp and not hasattr(config, "workerinput"):
        config.option.basetemp = tempfile.mkdtemp(prefix="roster-tests-")
        config.add_cleanup(lambda: shutil.rmtree(config.option.basetemp, ignore_errors=True))


@pytest.fixture(scope="session")
def shared_folder(tmp_path_factory: pytest.TempPathFactory, worker_id: str) -> Path:
    """A folder that all workers of a run share."""
    base = tmp_path_factory.getbasetemp()
    return base if worker_id == "master" else base.parent


@pytest.fixture(scope="session")
def server(shared_folder: Path) -> Iterator[str]:
    """The URL of a PostgreSQL server: the one that ROSTER_TEST_DATABASE_URL names, or an embedded one."""
    given = os.environ.get("ROSTER_TEST_DATABASE_URL")
    if given:
        yield given
        return
    embedded = Embedded(shared_folder / "data")
    yield embedded.start()
    embedded.stop()


@pytest.fixture(scope="session")
def prepared(shared_folder: Path) -> Path:
    """The data folder that a first start with the superuser of ROOT has left."""
    folder = shared_folder / "prepared"
    folder.mkdir(exist_ok=True)
    with fasteners.InterProcessLock(shared_folder / "prepared.lock"), Place(folder) as place:
        if not place.data.exists():
            assert place.serve(**ROOT).stop() == 0
        return place.data


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder to start Roster in."""
    with Place(tmp_path) as place:
        yield place


@pytest.fixture
def settled(place: Place, prepared: Path) -> Place:
    """The same with a database in which ROOT is a superuser."""
    return place.settle(prepared)


@pytest.fixture(scope="session")
def database(server: str, worker_id: str) -> Iterator[str]:
    """The URL of an empty database at the newest schema."""
    name = f"test_{worker_id}"
    asyncio.run(_recreate(server, name))
    url = named(server, name)
    asyncio.run(_migrate(url))
    yield url
    asyncio.run(_drop(server, name))


def named(url: str, name: str) -> str:
    """Returns the URL of another database of the same server."""
    base, mark, query = url.partition("?")
    return f"{base.rpartition('/')[0]}/{name}{mark}{query}"


async def _recreate(url: str, name: str) -> None:
    await _drop(url, name)
    await create_database(url, name)


async def _drop(url: str, name: str) -> None:
    connection = await asyncpg.connect(url)
    await connection.execute(f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)')
    await connection.close()


async def _migrate(url: str) -> None:
    store = Store(url, 1)
    await migrate(store)
    await store.close()


@pytest.fixture(scope="session")
async def everyone(database: str) -> AsyncIterator[Guest]:
    """What verbs need, over one pool for the whole run; passwords are hashed cheaply."""
    keys = Keys(SECRET, timedelta(minutes=15), timedelta(days=30))
    store, hasher = Store(database, 25), Hasher(memory_kib=64, rounds=1, at_once=8)
    guest = Guest(store, keys, hasher, Feed(store), Rates(), Client("127.0.0.1", "tests"))
    yield guest
    await guest.close()


@pytest.fixture
async def guest(everyone: Guest) -> AsyncIterator[Guest]:
    """Anyone, before an empty database."""
    yield everyone
    async with everyone.store.write() as db:
        await db.driver.execute(WIPE)


@pytest.fixture
def make(guest: Guest) -> Factory:
    """Makes users, types, projects and agents."""
    return Factory(guest)


@pytest.fixture
async def scene(make: Factory) -> Scene:
    """A project with people of every role, a stranger and a superuser; a type and an agent."""
    return await Scene.build(make)


@pytest.fixture(scope="session")
def app(everyone: Guest) -> Starlette:
    """The whole application."""
    return make_app(everyone, explorer=True)


@pytest.fixture
async def http(app: Starlette, guest: Guest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the whole application, without a socket between."""
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client


class Listener(uvicorn.Server):
    """A server that leaves Ctrl-C to pytest."""

    def capture_signals(self) -> AbstractContextManager[None]:
        return nullcontext()


@asynccontextmanager
async def listens(app: ASGIApp, **more: Any) -> AsyncIterator[str]:
    """Listens with an application on a real socket, within this process; gives its base URL."""
    config = uvicorn.Config(app, **OPTIONS, **more, timeout_graceful_shutdown=1)
    with socket.create_server(("127.0.0.1", 0)) as bound:
        # asyncio does not see that it is TCP, and each answer would wait 40 ms for the client to confirm its headers.
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, True)
        server = Listener(config)
        serving = asyncio.create_task(server.serve([bound]))
        while not server.started and not serving.done():  # noqa: ASYNC110 — it tells no other way
            await asyncio.sleep(0.01)
        try:
            yield f"http://127.0.0.1:{bound.getsockname()[1]}"
        finally:
            # Closed under a loop that reads it, a socket leaves its number to another, which is then never read.
            server.should_exit = True
            await serving


@pytest.fixture(scope="session")
async def listening(app: Starlette) -> AsyncIterator[str]:
    """Where the whole application listens on a real socket, within this process."""
    async with listens(app) as url:
        yield url


@pytest.fixture
def address(listening: str, guest: Guest) -> str:
    """The base URL of the whole application on a real socket, before an empty database."""
    return listening


@pytest.fixture(scope="session")
def node() -> Node:
    """Node, with the npm packages of tests/node."""
    return Node()


@pytest.fixture(params=["rest", "graphql"])
def door(request: pytest.FixtureRequest, http: httpx.AsyncClient) -> Door:
    """One of the two doors; what is tested through it is tested through both."""
    return RestDoor(http) if request.param == "rest" else GraphQLDoor(http)


class Sent(list[str]):
    """The texts that were sent, save those that are put aside, and the bell's, which nobody waits for."""

    aside: frozenset[str] | set[str] = frozenset()

    def noting(self, send):
        async def noted(connection, text: str, *args, **more):
            if text not in self.aside and not text.startswith("NOTIFY"):
                self.append(text)
            return await send(connection, text, *args, **more)

        return noted


@pytest.fixture
def round_trips(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> Sent:
    """All that the driver is asked to send while the test runs, BEGIN and COMMIT too."""
    sent = Sent()
    for name in ("fetch", "execute", "executemany", "fetchrow", "fetchval"):
        monkeypatch.setattr(asyncpg.Connection, name, sent.noting(getattr(asyncpg.Connection, name)))
    return sent


@pytest.fixture
def statements(round_trips: Sent) -> Sent:
    """The SQL statements that are sent while the test runs, BEGIN and COMMIT aside."""
    round_trips.aside = {"BEGIN", "COMMIT", "ROLLBACK"}
    return round_trips


@pytest.fixture
async def said() -> AsyncIterator[list[dict[str, Any]]]:
    """What nobody was there to hear: errors that would be logged alone."""
    told: list[dict[str, Any]] = []
    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _, what: told.append(what))
    yield told
    loop.set_exception_handler(None)
