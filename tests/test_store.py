"""The database: migrations, constraints, the log, and what happens when it goes away."""

import asyncio
from typing import Any

import asyncpg
import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from sqlalchemy import insert, text, update

from resolvers import agents, projects
from resolvers.context import Guest
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.ids import new_id
from resolvers.domain.projects import UpdateProject
from resolvers.store.bell import CHANNEL
from resolvers.store.engine import Store
from resolvers.store.errors import StatementError
from resolvers.store.migrate import changing, current, downgrade, migrate, newest
from resolvers.store.tables import agents as agent_rows
from resolvers.store.tables import events, metadata, users
from tests.conftest import _drop, _recreate, named
from tests.factories import Factory, Scene


@pytest.fixture
async def empty(server: str, worker_id: str):
    """A store over an empty database of its own."""
    name = f"empty_{worker_id}"
    await _recreate(server, name)
    store = Store(named(server, name), 5)
    yield store
    await store.close()
    await _drop(server, name)


async def differences(store: Store) -> list:
    def compare(connection):
        options = {"compare_type": True, "compare_server_default": True}
        return compare_metadata(MigrationContext.configure(connection, opts=options), metadata)

    async with changing(store) as db:
        return await db.run_sync(compare)


async def constraints(store: Store) -> set[tuple[str, str]]:
    query = "SELECT conname, pg_get_constraintdef(oid) FROM pg_constraint WHERE connamespace = 'public'::regnamespace"
    async with store.read() as db:
        return {tuple(row) for row in await db.execute(text(query + " AND conname <> 'alembic_version_pkc'"))}


async def test_migrations_lead_to_the_tables_down_and_up_again(empty: Store):
    assert await current(empty) is None
    await migrate(empty)
    assert await current(empty) == newest()
    assert await differences(empty) == []
    migrated = await constraints(empty)

    await downgrade(empty, "base")
    async with empty.read() as db:
        left = await db.execute(text("SELECT tablename FROM pg_tables WHERE schemaname = 'public'"))
        assert left.scalars() == ["alembic_version"]
    await migrate(empty)

    async with changing(empty) as db:
        await db.run_sync(metadata.drop_all)
        await db.run_sync(metadata.create_all)
    # Alembic compares no check constraints, so they are compared here.
    assert await constraints(empty) == migrated


async def test_two_migrations_at_once_are_one(empty: Store):
    await asyncio.gather(*(migrate(empty) for _ in range(4)))

    assert await current(empty) == newest()


BAD_ROWS = {
    "status": {"status": "asleep"},
    "counter": {"tasks_completed": -1},
    "cost": {"cost_incurred": -1},
    "version": {"version": 0},
    "paused without a time": {"status": "paused"},
    "terminated without a time": {"status": "terminated"},
}


@pytest.mark.parametrize("values", BAD_ROWS.values(), ids=BAD_ROWS.keys())
async def test_the_database_refuses_what_must_never_be(values, guest: Guest, scene: Scene):
    with pytest.raises(StatementError):
        async with guest.store.write() as db:
            await db.execute(update(agent_rows).values(values))


@pytest.mark.parametrize("statement", ["UPDATE events SET kind = kind", "DELETE FROM events"])
async def test_history_is_only_added_to(statement: str, guest: Guest, scene: Scene):
    with pytest.raises(StatementError, match="append-only"):
        async with guest.store.write() as db:
            await db.execute(text(statement))


async def test_an_event_is_written_with_what_it_tells_or_not_at_all(guest: Guest, scene: Scene, monkeypatch):
    async def broken(*_args, **_more):
        raise RuntimeError

    monkeypatch.setattr("resolvers.projects.log", broken)
    with pytest.raises(RuntimeError):
        await projects.update_one(scene.owner, scene.project.id, Draft(UpdateProject, {"name": "Other"}))

    assert (await projects.get(scene.owner, scene.project.id)).name == scene.project.name


async def test_a_database_that_hangs_up_is_found_again(guest: Guest, scene: Scene):
    async with guest.store.read() as db:
        others = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = current_database()"
        await db.execute(text(others + " AND pid <> pg_backend_pid()"))
    await asyncio.sleep(0.1)

    found = await asyncio.gather(*(agents.get(scene.viewer, scene.agent.id) for _ in range(20)))

    assert {agent.id for agent in found} == {scene.agent.id}


@pytest.fixture
def lines(monkeypatch) -> list[asyncpg.Connection]:
    """The connections that are made from here on."""
    connect, made = asyncpg.connect, []

    async def note(*args, **more):
        made.append(await connect(*args, **more))
        return made[-1]

    for module in (asyncpg, asyncpg.connection):
        monkeypatch.setattr(module, "connect", note)
    return made


async def hang_up(line: asyncpg.Connection, guest: Guest, turns: int) -> None:
    """Lets the server end a connection; its last words and the end of the stream are read in turns of the loop."""
    line._transport.pause_reading()
    async with guest.store.read() as db:
        await db.execute(text(f"SELECT pg_terminate_backend({line.get_server_pid()}, 10000)"))
    line._transport.resume_reading()
    for _ in range(turns):
        await asyncio.sleep(0)


@pytest.mark.parametrize("turns", range(6))
@pytest.mark.parametrize("way", ["read", "write"])
async def test_a_connection_that_is_just_ending_is_unavailable_and_no_bug(
    way: str, turns: int, database: str, guest: Guest, lines: list[asyncpg.Connection]
):
    store = Store(database, 1)

    async def ask() -> int | Code:
        try:
            async with getattr(store, way)() as db:
                return (await db.execute(text("SELECT 1"))).scalar()
        except Refusal as refusal:
            return refusal.code

    assert await ask() == 1
    await hang_up(lines[0], guest, turns)
    assert await ask() in {1, Code.UNAVAILABLE}
    assert await ask() == 1
    await store.close()


@pytest.mark.parametrize("turns", range(6))
async def test_a_bell_whose_connection_is_just_ending_gets_another(
    turns: int, database: str, guest: Guest, lines: list[asyncpg.Connection]
):
    store = Store(database, 1)
    await store.bell.check()
    await hang_up(lines[0], guest, turns)
    for _ in range(2):
        await store.bell.check()
    guest.store.bell.ring()
    assert await store.bell.wait(10)
    await store.close()


async def test_a_bell_that_is_cancelled_before_it_listens_hears_later(
    database: str, guest: Guest, lines: list[asyncpg.Connection]
):
    store = Store(database, 1)
    listening = asyncio.create_task(store.bell.check())
    while not lines:  # noqa: ASYNC110 — connecting is told to nobody
        await asyncio.sleep(0)
    listening.cancel()
    await asyncio.wait([listening])
    await store.bell.check()
    guest.store.bell.ring()
    assert await store.bell.wait(10)
    await store.close()


def hanging_up(rung: asyncio.Event):
    def hang_up(line: asyncpg.Connection, *_: object) -> None:
        if not line.is_closed():
            line.terminate()
            rung.set()

    return hang_up


async def test_a_bell_that_hangs_up_while_it_is_rung_says_nothing(
    database: str, guest: Guest, lines: list[asyncpg.Connection], said: list[dict[str, Any]]
):
    store = Store(database, 1)
    await store.bell.check()
    rung = asyncio.Event()
    for _ in range(20):  # listeners are told in any order, and one of these comes before the bell's
        await lines[0].add_listener(CHANNEL, hanging_up(rung))
    guest.store.bell.ring()
    async with asyncio.timeout(10):
        await rung.wait()
    await store.close()
    assert said == []


async def test_a_database_out_of_reach_is_unavailable_and_no_bug():
    store = Store("postgresql://nobody@127.0.0.1:1/none", 1)

    with pytest.raises(Refusal) as refused:
        await current(store)

    assert refused.value.code is Code.UNAVAILABLE
    await store.close()


async def test_a_deadlock_is_a_conflict_and_no_bug(guest: Guest, make: Factory, scene: Scene):
    other = await make.agent(scene.operator, scene.project, scene.kind)

    async def lock(first, second) -> None:
        async with guest.store.write() as db:
            for one in (first, second):
                await db.execute(update(agent_rows).where(agent_rows.c.id == one.id).values(name="locked"))
                await asyncio.sleep(0.2)

    results = await asyncio.gather(lock(other, scene.agent), lock(scene.agent, other), return_exceptions=True)

    refused = [result for result in results if result is not None]
    assert [result.code for result in refused] == [Code.CONFLICT]


async def test_a_row_that_breaks_another_rule_is_a_bug_and_says_so(guest: Guest):
    row = {"id": new_id(), "kind": "agent.spawned", "subject_id": new_id(), "actor_id": new_id(), "data": {}}

    with pytest.raises(StatementError):
        async with guest.store.write() as db:
            await db.execute(insert(events).values(row))


async def test_a_query_that_takes_too_long_ends(guest: Guest):
    slow = text("SELECT pg_sleep(5)")

    with pytest.raises(Refusal) as refused:  # noqa: PT012 — one transaction
        async with guest.store.write() as db:
            await db.execute(text("SET LOCAL statement_timeout = '50ms'"))
            await db.execute(slow)

    assert refused.value.code is Code.UNAVAILABLE


async def test_addresses_are_unique_in_any_case_below_the_verbs_too(guest: Guest, scene: Scene):
    row = {"id": new_id(), "email": scene.owner.email.upper(), "first_name": "Ada", "password_hash": "x"}

    with pytest.raises(Refusal) as refused:
        async with guest.store.write() as db:
            await db.execute(insert(users).values(**row, is_active=True, is_superuser=False))

    assert (refused.value.code, refused.value.faults[0].field) == (Code.CONFLICT, "email")


async def test_who_waits_too_long_for_a_connection_is_told_to_come_again(database: str, monkeypatch):
    monkeypatch.setattr("resolvers.store.engine.POOL_SECONDS", 0.05)
    store = Store(database, 1)

    async with store.read():
        with pytest.raises(Refusal) as refused:
            await current(store)
    assert refused.value.code is Code.UNAVAILABLE
    assert await current(store) == newest()
    await store.close()


@pytest.mark.parametrize("way", ["read", "decide", "write"])
async def test_a_statement_that_is_left_takes_its_connection_along(way: str, database: str):
    store = Store(database, 1)

    async def pid() -> int:
        async with store.read() as db:
            return (await db.execute(text("SELECT pg_backend_pid()"))).scalar()

    async def stay() -> None:
        async with getattr(store, way)() as db:
            await db.execute(text("SELECT pg_sleep(20)"))

    left, waiting = await pid(), asyncio.create_task(stay())
    await asyncio.sleep(0.2)
    waiting.cancel()
    await asyncio.wait([waiting])

    assert waiting.cancelled()
    assert store.busy == 0
    assert await pid() != left
    await store.close()
