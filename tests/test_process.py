"""The process itself: its starts, its end and its company."""

import asyncio
import stat
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from signal import SIGINT, SIGTERM, Signals
from subprocess import Popen

import asyncpg
import httpx
import pytest

from tests.factories import PASSWORD
from tests.processes import PATIENCE, ROOT, Place, Server, alive, eventually

OUR_ADMIN = "admin@example.com"


def make_project(server: Server, headers: dict[str, str], slug: str) -> str:
    reply = server.http.post("/api/v1/projects", json={"name": "A project", "slug": slug}, headers=headers)
    return reply.raise_for_status().json()["id"]


def status_of(server: Server, headers: dict[str, str], project: str) -> int:
    # A connection of its own each time, so that any worker may take it.
    return httpx.get(f"{server.address}/api/v1/projects/{project}", headers=headers).status_code


def administers(server: Server, headers: dict[str, str]) -> bool:
    return server.http.get("/api/v1/admin/stats", headers=headers).status_code == 200


def stopped(place: Place) -> bool:
    return eventually(lambda: not place.postgres())


# Starting


def test_the_first_start_makes_a_superuser_and_the_next_one_finds_everything(place: Place):
    first = place.serve()
    told, *lines = first.out.splitlines()
    assert first.password in told
    addresses = [f"{first.address}{path}" for path in ("/graphql", "/docs", "/health")]
    assert [line.split()[-1] for line in lines] == addresses
    me = first.sign_in(OUR_ADMIN, first.password)
    assert administers(first, me)
    project = make_project(first, me, "kept")
    assert stat.S_IMODE((place.data / "secret.key").stat().st_mode) == 0o600
    assert first.stop() == 0

    second = place.serve()
    assert len(second.out.splitlines()) == 3
    assert first.password not in first.err + second.out + second.err
    assert status_of(second, me, project) == 200  # a token of before, and what was made with it
    assert second.login(OUR_ADMIN, first.password).status_code == 200


def test_the_superuser_that_is_set_exists_after_each_start(place: Place):
    first = place.serve(**ROOT)
    assert administers(first, first.sign_in())
    assert first.login(OUR_ADMIN, PASSWORD).status_code == 401
    assert first.stop() == 0
    again = place.serve(**ROOT)
    assert administers(again, again.sign_in())


def test_a_data_folder_may_have_a_space_in_its_name(tmp_path: Path):
    with Place(tmp_path, tmp_path / "my data") as place:
        assert place.serve().stop() == 0
        assert stopped(place)


# Stopping


@asynccontextmanager
async def held(place: Place) -> AsyncIterator[asyncpg.Connection]:
    """Holds the table that a login writes to, so that the login waits."""
    connection = await asyncpg.connect(place.database)
    await connection.execute("BEGIN; LOCK TABLE sessions IN ACCESS EXCLUSIVE MODE")
    try:
        yield connection
    finally:
        connection.terminate()


async def somebody_waits(connection: asyncpg.Connection) -> None:
    async with asyncio.timeout(PATIENCE):
        while not await connection.fetchval("SELECT count(*) FROM pg_locks WHERE NOT granted"):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
@pytest.mark.parametrize("by", [SIGTERM, SIGINT], ids=["SIGTERM", "Ctrl-C"])
async def test_a_stop_lets_a_running_request_end(by: Signals, workers: int, settled: Place):
    server = settled.serve("--workers", workers, **ROOT)
    if workers > 1:
        await both_serve(server, settled)
    processes = server.workers()
    async with held(settled) as connection:
        login = asyncio.create_task(asyncio.to_thread(server.login))
        await somebody_waits(connection)
        server.signal(by)
        await asyncio.sleep(0.7)
        assert server.runs
        assert settled.postgres()
    assert (await login).status_code == 200
    assert server.process.wait(PATIENCE) == 0
    assert stopped(settled)
    assert not any(map(alive, processes))
    assert "Traceback" not in server.err


@pytest.mark.parametrize("signals", [[SIGTERM], [SIGINT, SIGINT]], ids=["after stop_seconds", "at a second Ctrl-C"])
async def test_a_request_that_never_ends_does_not_hold_the_stop_forever(signals: list[Signals], settled: Place):
    server = settled.serve(**ROOT, stop_seconds=1 if len(signals) == 1 else 600)
    async with held(settled) as connection:
        login = asyncio.create_task(asyncio.to_thread(server.login))
        await somebody_waits(connection)
        for number in signals:
            server.signal(number)
            await asyncio.sleep(0.3)
        assert await asyncio.to_thread(server.process.wait, 25) == 0  # the statement itself would end after 30
    [reply] = await asyncio.gather(login, return_exceptions=True)
    assert isinstance(reply, httpx.TransportError) or reply.status_code >= 500
    assert stopped(settled)


@pytest.mark.parametrize(("by", "moment"), [
    (SIGTERM, "initdb"), (SIGTERM, "postgres"), (SIGINT, "postgres"),
], ids=lambda value: getattr(value, "name", value))  # fmt: skip
def test_a_start_that_is_interrupted_leaves_nothing_in_the_way_of_the_next(by: Signals, moment: str, place: Place):
    server = place.start()
    begun = {
        "initdb": (place.data / "postgres.new" / "PG_VERSION").exists,
        "postgres": place.postgres_starts,
    }
    assert eventually(begun[moment]), server.err
    server.stop(by)
    assert stopped(place)
    assert "Traceback" not in server.err, server.err
    assert place.serve().stop() == 0


# Being killed


def test_a_killed_server_loses_nothing_and_the_next_takes_postgres_over(settled: Place):
    first = settled.serve(**ROOT)
    me = first.sign_in()
    project = make_project(first, me, "kept")
    first.kill()
    left = settled.postgres()
    assert left
    second = settled.serve(**ROOT)
    assert settled.postgres() == left
    assert status_of(second, me, project) == 200
    assert second.stop() == 0
    assert stopped(settled)


def test_a_start_recovers_when_postgres_was_killed_too(settled: Place):
    first = settled.serve(**ROOT)
    me = first.sign_in()
    project = make_project(first, me, "kept")
    first.kill()
    settled.kill_postgres()
    second = settled.serve(**ROOT)
    assert status_of(second, me, project) == 200
    assert second.stop() == 0
    assert stopped(settled)


def test_a_server_whose_postgres_was_killed_says_so_and_stops_all_the_same(settled: Place):
    server = settled.serve(**ROOT)
    me = server.sign_in()
    settled.kill_postgres()
    assert eventually(lambda: server.http.get("/ready").status_code == 503)
    assert server.http.get("/api/v1/users/me", headers=me).status_code == 503
    assert server.http.get("/health").status_code == 200
    assert server.stop() == 0
    assert "Traceback" not in server.err


def test_a_process_with_the_number_of_a_dead_postgres_is_left_alone(settled: Place):
    assert settled.serve(**ROOT).stop() == 0
    with Popen(["sleep", "60"]) as bystander:
        # What a power cut leaves when, after it, another process gets the number.
        folder = settled.pidfile.parent
        lines = [bystander.pid, folder, 1700000000, 5432, folder, "", " 2187523     65597", "ready   "]
        settled.pidfile.write_text("".join(f"{line}\n" for line in lines))
        try:
            server = settled.start(**ROOT)
            assert eventually(lambda: server.address or not server.runs)
            assert bystander.poll() is None
            assert server.ready().login().status_code == 200
            assert server.stop() == 0
            assert bystander.poll() is None
        finally:
            bystander.kill()


@pytest.mark.parametrize("moment", ["while they start", "while they serve"])
async def test_workers_leave_when_their_parent_is_killed(moment: str, settled: Place):
    first = settled.start("--workers", 2, **ROOT)
    assert eventually(first.workers_start), first.err
    if moment == "while they serve":
        await both_serve(first.ready(), settled)
    workers, port = first.workers(), first.address.rpartition(":")[2]
    first.kill()
    assert eventually(lambda: not any(map(alive, workers)))
    second = settled.serve("--port", port, **ROOT)
    assert second.login().status_code == 200
    assert second.stop() == 0
    assert stopped(settled)


# Company


async def both_serve(server: Server, place: Place) -> None:
    """Asks until two workers have answered: by one request at a time, each opens one connection."""
    connection = await asyncpg.connect(place.database)
    async with asyncio.timeout(PATIENCE), httpx.AsyncClient(headers={"Connection": "close"}) as client:
        while await connection.fetchval("SELECT count(*) FROM pg_stat_activity WHERE application_name = 'roster'") < 2:
            assert (await client.get(f"{server.address}/ready")).status_code == 200
    await connection.close()


async def test_workers_serve_together_and_one_that_dies_is_replaced(settled: Place):
    server = settled.serve("--workers", 2, **ROOT)
    await both_serve(server, settled)
    me = server.sign_in()
    for number in range(10):
        assert status_of(server, me, make_project(server, me, f"project-{number}")) == 200
    first, second = server.workers()
    first.kill()
    assert eventually(lambda: len(server.workers()) == 2 and first not in server.workers())
    assert status_of(server, me, make_project(server, me, "later")) == 200
    assert second in server.workers()


def test_two_servers_share_a_data_folder_and_the_last_to_leave_stops_postgres(place: Place):
    one, two = place.start(), place.start()  # at once, on an empty folder
    one.ready(), two.ready()
    assert one.address != two.address
    passwords = [server.password for server in (one, two) if server.password]
    assert len(passwords) == 1
    me = one.sign_in(OUR_ADMIN, passwords[0])
    project = make_project(one, me, "shared")
    assert status_of(two, me, project) == 200
    assert one.stop() == 0
    assert status_of(two, me, project) == 200
    assert place.postgres()
    assert two.stop() == 0
    assert stopped(place)
