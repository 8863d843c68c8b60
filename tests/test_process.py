"""The process itself: its first start and its next ones, its end, its company, its commands, its logs."""

import asyncio
import re
import stat
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from subprocess import Popen

import asyncpg
import httpx
import pytest

from resolvers.domain.lifecycle import Status
from tests.conftest import _drop, _recreate, named
from tests.factories import PASSWORD
from tests.processes import ROOT, Place, Server, eventually

OUR_ADMIN = "admin@example.com"


@pytest.fixture
def place(tmp_path: Path) -> Iterator[Place]:
    """An empty folder to start Roster in."""
    with Place(tmp_path) as place:
        yield place


def make_project(server: Server, headers: dict[str, str], slug: str) -> str:
    reply = server.http.post("/api/v1/projects", json={"name": "A project", "slug": slug}, headers=headers)
    return reply.raise_for_status().json()["id"]


def project_status(server: Server, headers: dict[str, str], id: str) -> int:
    return server.http.get(f"/api/v1/projects/{id}", headers=headers).status_code


def gone(place: Place) -> bool:
    return eventually(lambda: not place.postgres())


# Starting


def test_the_first_start_makes_a_superuser_and_the_next_one_finds_everything(place: Place):
    first = place.serve()
    lines = first.out.splitlines()
    assert len(lines) == 4
    assert first.password in lines[0]
    assert [line.split()[-1] for line in lines[1:]] == [
        f"{first.address}{path}" for path in ("/graphql", "/api/v1", "/health")
    ]
    assert first.password not in first.err
    me = first.sign_in(OUR_ADMIN, first.password)
    assert first.http.get("/api/v1/admin/stats", headers=me).status_code == 200
    assert first.http.get("/ready").json() == {"status": "ready"}
    project = make_project(first, me, "kept")
    assert stat.S_IMODE((place.data / "secret.key").stat().st_mode) == 0o600
    assert first.stop() == 0

    second = place.serve()
    assert second.password is None
    assert len(second.out.splitlines()) == 3
    assert first.password not in second.out + second.err
    assert project_status(second, me, project) == 200  # a token of before, and what was made with it
    assert second.login(OUR_ADMIN, first.password).status_code == 200


def test_the_superuser_that_is_set_exists_after_each_start(place: Place):
    first = place.serve(**ROOT)
    assert first.password is None
    assert first.http.get("/api/v1/admin/stats", headers=first.sign_in()).status_code == 200
    assert first.login(OUR_ADMIN, PASSWORD).status_code == 401
    assert first.stop() == 0
    again = place.serve(**ROOT)
    assert again.http.get("/api/v1/admin/stats", headers=again.sign_in()).status_code == 200
    assert ROOT["superuser_password"] not in first.out + first.err + again.out + again.err


def test_a_data_folder_may_have_a_space_in_its_name(tmp_path: Path):
    with Place(tmp_path, tmp_path / "my data") as place:
        assert place.serve().stop() == 0
        assert gone(place)


# Stopping


@asynccontextmanager
async def held(place: Place) -> AsyncIterator[asyncpg.Connection]:
    """Holds the table that a login writes to, so that the login waits."""
    connection = await asyncpg.connect(place.database)
    try:
        async with connection.transaction():
            await connection.execute("LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
            yield connection
    finally:
        connection.terminate()


async def somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(10):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
@pytest.mark.parametrize("by", [SIGTERM, SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_stop_lets_a_running_request_end(by: Signals, workers: int, place: Place):
    server = place.serve("--workers", workers, **ROOT)
    assert eventually(lambda: len(server.workers()) == (workers if workers > 1 else 0))
    processes = server.workers()
    async with held(place) as connection:
        login = asyncio.create_task(asyncio.to_thread(server.login))
        await somebody_waits(connection)
        server.signal(by)
        await asyncio.sleep(0.7)
        assert server.runs
        assert place.postgres()
        with pytest.raises(httpx.TransportError):
            httpx.get(f"{server.address}/health")
    assert (await login).status_code == 200
    assert server.process.wait(10) == 0
    assert gone(place)
    assert not any(process.is_running() for process in processes)
    assert "Traceback" not in server.err


@pytest.mark.parametrize("signals", [[SIGTERM], [SIGINT, SIGINT]], ids=["after stop_seconds", "at a second Ctrl-C"])
async def test_a_request_that_never_ends_does_not_hold_the_stop_forever(signals: list[Signals], place: Place):
    server = place.serve(**ROOT, stop_seconds=1 if len(signals) == 1 else 600)
    async with held(place) as connection:
        login = asyncio.create_task(asyncio.to_thread(server.login))
        await somebody_waits(connection)
        for number in signals:
            server.signal(number)
            await asyncio.sleep(0.3)
        assert await asyncio.to_thread(server.process.wait, 10) == 0
    await asyncio.wait([login])
    assert isinstance(login.exception(), httpx.TransportError) or login.result().status_code >= 500
    assert gone(place)


@pytest.mark.parametrize("by", [SIGTERM, SIGINT], ids=["SIGTERM", "Ctrl-C"])
def test_a_start_that_is_interrupted_leaves_no_postgres(by: Signals, place: Place):
    server = place.start()
    assert eventually(place.pidfile.exists)
    server.stop(by)
    assert gone(place)
    assert "Traceback" not in server.err
    assert place.serve().stop() == 0


# Being killed


def test_a_killed_server_loses_nothing_and_the_next_takes_postgres_over(place: Place):
    first = place.serve(**ROOT)
    me = first.sign_in()
    project = make_project(first, me, "kept")
    first.kill()
    assert (left := place.postgres())
    second = place.serve(**ROOT)
    assert place.postgres() == left
    assert project_status(second, me, project) == 200
    assert second.stop() == 0
    assert gone(place)


def test_a_start_recovers_when_postgres_was_killed_too(place: Place):
    first = place.serve(**ROOT)
    me = first.sign_in()
    project = make_project(first, me, "kept")
    first.kill()
    for postmaster in place.postgres():
        postmaster.kill()
        postmaster.wait(10)
    second = place.serve(**ROOT)
    assert project_status(second, me, project) == 200
    assert second.stop() == 0
    assert gone(place)


def test_a_process_with_the_number_of_a_dead_postgres_is_left_alone(place: Place):
    assert place.serve(**ROOT).stop() == 0
    with Popen(["sleep", "60"]) as bystander:
        # What a power cut leaves when, after it, another process gets the number.
        folder = place.pidfile.parent
        lines = [bystander.pid, folder, 1700000000, 5432, folder, "", " 2187523     65597", "ready   "]
        place.pidfile.write_text("".join(f"{line}\n" for line in lines))
        try:
            server = place.start(**ROOT)
            assert eventually(lambda: server.address or not server.runs, 20)
            assert bystander.poll() is None
            assert server.ready().login().status_code == 200
            assert server.stop() == 0
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize("moment", ["while they start", "while they serve"])
def test_workers_leave_when_their_parent_is_killed(moment: str, place: Place):
    first = place.start("--workers", 2, **ROOT)
    if moment == "while they serve":
        first.ready()
    assert eventually(lambda: len(first.workers()) == 2)
    workers, port = first.workers(), first.address.rpartition(":")[2]
    first.kill()
    assert eventually(lambda: not any(worker.is_running() for worker in workers))
    second = place.serve("--port", port, **ROOT)
    assert second.login().status_code == 200
    assert second.stop() == 0
    assert gone(place)


# Company


def test_two_servers_share_a_data_folder_and_the_last_to_leave_stops_postgres(place: Place):
    one, two = place.start(), place.start()  # at once, on an empty folder
    one.ready(), two.ready()
    assert one.address != two.address
    passwords = [server.password for server in (one, two) if server.password]
    assert len(passwords) == 1
    me = one.sign_in(OUR_ADMIN, passwords[0])
    project = make_project(one, me, "shared")
    assert project_status(two, me, project) == 200
    assert one.stop() == 0
    assert project_status(two, me, project) == 200
    assert place.postgres()
    assert two.stop() == 0
    assert gone(place)


def test_workers_serve_what_the_others_wrote(place: Place):
    server = place.serve("--workers", 2, **ROOT)
    me = server.sign_in()
    for number in range(10):
        project = make_project(server, me, f"project-{number}")
        # A connection of its own each, so that either worker may take it.
        assert httpx.get(f"{server.address}/api/v1/projects/{project}", headers=me).status_code == 200
    # One that dies is replaced.
    workers = server.workers()
    workers[0].kill()
    assert eventually(lambda: len(set(server.workers()) - {workers[0]}) == 2)
    assert server.stop() == 0
    assert gone(place)


# Commands


async def test_an_external_database_is_migrated_by_hand_then_served(place: Place, server: str, worker_id: str):
    name = f"process_{worker_id}"
    await _recreate(server, name)
    url = named(server, name)
    for _ in range(2):
        migrated = place.run("migrate", database_url=url)
        assert migrated.code == 0, migrated.err
        assert migrated.err == ""
    served = place.serve(database_url=url)
    me = served.sign_in(OUR_ADMIN, served.password)
    make_project(served, me, "outside")
    assert served.http.get("/ready").status_code == 200
    assert served.stop() == 0
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT slug FROM projects") == "outside"
    await connection.close()
    assert not (place.data / "postgres").exists()
    await _drop(server, name)


def test_superusers_are_made_from_nothing_and_from_users(place: Place):
    server = place.serve(**ROOT)
    given = {"password": PASSWORD, "first_name": "Ada"}
    for email in ("ada@example.com", "ben@example.com"):
        server.http.post("/api/v1/auth/register", json={"email": email, **given}).raise_for_status()
    ada, ben = (server.sign_in(f"{name}@example.com", PASSWORD) for name in ("ada", "ben"))

    def administers(headers: dict[str, str]) -> bool:
        return server.http.get("/api/v1/admin/stats", headers=headers).status_code == 200

    assert not administers(ada)
    other = "Quite-Another-43"
    for email in ("Ada@example.com", "new@example.com"):
        made = place.run("create-superuser", "--email", email, superuser_password=other)
        assert made.code == 0, made.err
        assert email in made.out
        assert other not in made.out + made.err
    assert administers(ada)  # from the next request on
    assert administers(server.sign_in("new@example.com", other))
    assert not administers(ben)
    assert server.login("ada@example.com", other).status_code == 401  # a promotion changes no password


def test_the_demo_fills_an_empty_database_once(place: Place):
    filled = place.run("demo", "--password", PASSWORD)
    assert filled.code == 0, filled.err
    again = place.run("demo", "--password", PASSWORD)
    assert again.code == 1
    assert re.fullmatch(r"roster: .+\n", again.err)
    assert again.out == ""
    server = place.serve()
    query = "{ projects { nodes { agents(first: 100) { nodes { status } } } } }"
    me = server.sign_in("ada@example.com", PASSWORD)
    found = server.http.post("/graphql", json={"query": query}, headers=me).json()["data"]["projects"]["nodes"]
    statuses = [agent["status"].lower() for project in found for agent in project["agents"]["nodes"]]
    assert set(statuses) == set(Status)
    assert f"{len(found)} projects and {len(statuses)} agents" in filled.out  # none came twice


def test_the_schema_is_printed_as_it_is_committed(tmp_path: Path):
    printed = Place(tmp_path).run("schema")
    assert printed.out == (Path(__file__).parent.parent / "schema" / "schema.graphql").read_text()


def test_help_lists_the_commands(tmp_path: Path):
    asked = Place(tmp_path).run("--help")
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}\S", asked.out.partition("Commands:")[2], re.MULTILINE)
    assert {"serve", "create-superuser", "migrate", "schema", "openapi", "demo"} <= set(listed)


def test_the_version_is_told(tmp_path: Path):
    project = (Path(__file__).parent.parent / "pyproject.toml").read_text()
    assert Place(tmp_path).run("--version").out.split()[-1] == re.search(r'^version = "(.+)"', project, re.MULTILINE)[1]
