"""Operations that take too long: stopped, with nothing left behind."""

import asyncio
from collections.abc import AsyncIterator
from typing import Any

import asyncpg
import httpx
import pytest
from starlette.datastructures import MutableHeaders

from resolvers.context import Guest
from schema import build
from schema.context import Asking, Profile
from tests.factories import Scene

MANY = "{" + "".join(f"a{n}:projects{{nodes{{id}}}}" for n in range(12)) + "}"
WAITING = "SELECT count(*) FROM pg_stat_activity WHERE wait_event_type = 'Lock' AND datname = current_database()"


@pytest.fixture(autouse=True)
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """Stops operations soon."""
    monkeypatch.setattr(build, "EXECUTION", build.EXECUTION._replace(value=0.5))


@pytest.fixture
async def stuck(guest: Guest, scene: Scene, database: str) -> AsyncIterator[asyncpg.Connection]:
    """Makes every statement on projects wait for the end of a transaction; gives its connection."""
    connection = await asyncpg.connect(database)
    await connection.execute("BEGIN; LOCK TABLE projects")
    yield connection
    await connection.close()


async def ask(http: httpx.AsyncClient, scene: Scene, document: str) -> dict[str, Any]:
    """Asks as a superuser; returns the body of the answer."""
    return (await http.post("/graphql", json={"query": document}, headers=scene.root.headers)).json()


def was_stopped(body: dict[str, Any]) -> bool:
    """Tells whether an operation was stopped, and answered nothing else."""
    told = [error["extensions"] for error in body["errors"]]
    return told == [{"code": "UNAVAILABLE", "limit": "execution"}] and body.get("data") is None


SLOW = {
    "query": "{projects{nodes{id}}}",
    "siblings": "{a:projects{nodes{id}} b:projects{nodes{id}} stats{totalUsers}}",
    "loader": '{agent(id:"%s"){project{id}}}',
    "mutation": 'mutation{createProject(input:{name:"Late",slug:"late"}){project{id}}}',
}


@pytest.mark.parametrize("document", SLOW.values(), ids=SLOW)
async def test_what_takes_too_long_is_stopped_in_the_database_too(
    document: str, http, scene: Scene, guest: Guest, stuck
):
    assert was_stopped(await ask(http, scene, document.replace("%s", str(scene.agent.id))))

    while await stuck.fetchval(WAITING) or guest.store.busy:  # noqa: ASYNC110 — no event tells of it
        await asyncio.sleep(0.02)  # the cancelled statements end on the server, each in its time
    await stuck.execute("COMMIT")
    assert await stuck.fetchval("SELECT count(*) FROM projects") == 1


async def test_the_pool_is_sound_after_it(http, scene: Scene, stuck, monkeypatch):
    for _ in range(3):
        assert was_stopped(await ask(http, scene, MANY))
    await stuck.execute("COMMIT")
    monkeypatch.undo()

    replies = await asyncio.gather(*(ask(http, scene, MANY) for _ in range(3)))

    assert not [reply for reply in replies if "errors" in reply]


async def test_a_stream_is_stopped_too(guest: Guest, scene: Scene, stuck):
    asking = Asking(guest, scene.root.headers["Authorization"], lambda _: None, MutableHeaders(), Profile())

    results = [result async for result in await build.schema.stream(SLOW["query"], context_value=asking)]

    assert [error.extensions["limit"] for result in results for error in result.errors] == ["execution"]
