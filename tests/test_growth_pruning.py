"""Pruning: what is old goes, in small batches, and nothing else."""

from pathlib import Path
from typing import Any

import httpx
import pytest
from sqlalchemy import Table, func, select, text

from resolvers import upkeep
from resolvers.context import Guest
from resolvers.domain.errors import Refusal
from resolvers.events import follow as following
from resolvers.store.errors import StatementError
from resolvers.store.tables import events, idempotency_keys, login_failures, pruned_logs, sessions
from tests.factories import Factory, Scene
from tests.processes import Place

ROOM = text("SELECT setval('events_sequence_seq', greatest(nextval('events_sequence_seq'), 1000))")
OLD = """
    INSERT INTO events (sequence, id, kind, project_id, subject_id, data, created_at) OVERRIDING SYSTEM VALUE
    SELECT place, gen_random_uuid(), 'agent.updated', '{}', '{}', '{{}}', now() - interval '{} days'
    FROM generate_series({}, {}) AS place
"""


@pytest.fixture(autouse=True)
async def room(guest: Guest, monkeypatch) -> None:
    """A log that begins at its place 1000, and batches of three."""
    async with guest.store.write() as db:
        await db.execute(ROOM)
    for module in ("resolvers.upkeep", "resolvers.store.pruning"):
        monkeypatch.setattr(f"{module}.BATCH", 3)


async def run(guest: Guest, *statements: str) -> None:
    async with guest.store.write() as db:
        for statement in statements:
            await db.execute(text(statement))


async def happened(guest: Guest, scene: Scene, days: int, first: int, last: int) -> None:
    """Writes events at these places of the log as they would have been written so many days ago."""
    await run(guest, OLD.format(scene.project.id, scene.agent.id, days, first, last))


async def count(guest: Guest, table: Table) -> int:
    async with guest.store.read() as db:
        return (await db.execute(select(func.count()).select_from(table))).scalar()


@pytest.mark.parametrize("number", [0, 2, 3, 7])
async def test_events_that_are_older_go(number: int, guest: Guest, scene: Scene):
    await happened(guest, scene, 20, 1, number)
    await happened(guest, scene, 9, 10, 14)
    there = await count(guest, events)

    assert (await upkeep.prune(guest, 10))["events"] == number
    assert await count(guest, events) == there - number


async def test_each_project_knows_up_to_where_its_log_was_pruned(guest: Guest, make: Factory, scene: Scene):
    await happened(guest, scene, 20, 1, 5)
    await upkeep.prune(guest, 10)
    await happened(guest, scene, 20, 6, 6)
    await make.project(scene.owner)
    await upkeep.prune(guest, 10)

    async with guest.store.read() as db:
        told = await db.execute(select(pruned_logs.c.project_id, pruned_logs.c.sequence))
        assert [tuple(row) for row in told] == [(scene.project.id, 6)]


async def test_the_whole_log_stays_unless_it_was_said_how_long(guest: Guest, scene: Scene):
    await happened(guest, scene, 30_000, 1, 5)
    there = await count(guest, events)

    assert "events" not in await upkeep.prune(guest)
    assert await count(guest, events) == there


async def test_the_log_is_closed_again_after_it_was_pruned(guest: Guest, scene: Scene):
    await happened(guest, scene, 20, 1, 5)
    await upkeep.prune(guest, 10)

    with pytest.raises(StatementError, match="append-only"):
        await run(guest, "DELETE FROM events")


EXPIRED = {
    "sessions": (sessions, "UPDATE sessions SET expires_at = now() - interval '25 hours' WHERE user_id <> '{}'", 4),
    "keys": (
        idempotency_keys,
        (
            "INSERT INTO idempotency_keys SELECT id, 'spawn', age::text, 'x', 'y', now() - age"
            " FROM users, unnest(ARRAY['1 hour', '25 hours']::interval[]) AS age"
        ),
        5,
    ),
    "failed logins": (
        login_failures,
        (
            "INSERT INTO login_failures SELECT age || ':' || id, 1, now() - age"
            " FROM users, unnest(ARRAY['1 minute', '2 hours']::interval[]) AS age"
        ),
        5,
    ),
}


@pytest.mark.parametrize(("table", "statement", "gone"), EXPIRED.values(), ids=EXPIRED.keys())
async def test_what_has_expired_goes(table: Table, statement: str, gone: int, guest: Guest, scene: Scene):
    await run(guest, statement.format(scene.owner.id))
    there = await count(guest, table)

    removed = await upkeep.prune(guest)

    assert removed == dict.fromkeys(removed, 0) | {table.name: gone}
    assert await count(guest, table) == there - gone


async def test_the_command_tells_what_it_removed(guest: Guest, scene: Scene, database: str, tmp_path: Path):
    await happened(guest, scene, 20, 1, 5)
    settings = {"database_url": database, "event_days": 10}

    with Place(tmp_path) as place:
        kept = place.run("prune", "--event-days", 30, **settings)
        pruned = place.run("prune", **settings)
        counted = place.run("recount", **settings)

    assert "0 events" in kept.out
    assert pruned.out == "Removed 0 sessions, 0 idempotency keys, 0 login failures, 5 events.\n"
    assert counted.out == "0 counters were wrong.\n"


async def asked(http: httpx.AsyncClient, scene: Scene, after: int, **headers: str) -> httpx.Response:
    path = f"/api/v1/projects/{scene.project.id}/events"
    return await http.get(path, params={"after": after}, headers=scene.viewer.headers | headers)


@pytest.mark.parametrize("headers", [{}, {"Accept": "text/event-stream"}], ids=["list", "stream"])
async def test_a_cursor_of_what_is_gone_is_refused(headers: dict[str, str], guest: Guest, http, scene: Scene):
    await happened(guest, scene, 20, 3, 7)
    await upkeep.prune(guest, 10)

    refused = await asked(http, scene, 6, **headers)

    assert refused.status_code == 422
    [error] = refused.json()["errors"]
    assert (error["code"], error["field"]) == ("VALIDATION_FAILED", "after")
    assert "begin without a cursor" in error["message"]


@pytest.mark.parametrize("after", [0, 7, 900])
async def test_a_cursor_after_which_nothing_is_gone_goes_on(after: int, guest: Guest, http, scene: Scene):
    await happened(guest, scene, 20, 3, 7)
    await upkeep.prune(guest, 10)

    listed = (await asked(http, scene, after)).json()

    assert [event["kind"] for event in listed["data"]] == ["agent.spawned"]


async def test_what_is_gone_of_one_project_matters_to_no_other(guest: Guest, http, make: Factory, scene: Scene):
    await happened(guest, scene, 20, 3, 7)
    await upkeep.prune(guest, 10)
    other = scene._replace(project=await make.project(scene.viewer))

    assert (await asked(http, other, 5)).status_code == 200
    assert (await asked(http, scene._replace(viewer=scene.stranger), 5)).status_code == 404


async def test_a_cursor_in_graphql_is_refused_alike(guest: Guest, http, scene: Scene):
    await happened(guest, scene, 20, 3, 7)
    query = (
        "query($id: ID!, $after: String) { project(id: $id) { events(first: 1, after: $after) { edges { cursor } } } }"
    )

    async def page(**more: str) -> dict[str, Any]:
        body = {"query": query, "variables": {"id": str(scene.project.id), **more}}
        return (await http.post("/graphql", json=body, headers=scene.viewer.headers)).json()

    [edge] = (await page())["data"]["project"]["events"]["edges"]
    await upkeep.prune(guest, 10)

    [error] = (await page(after=edge["cursor"]))["errors"]
    assert error["extensions"]["code"] == "VALIDATION_FAILED"


async def test_who_follows_hears_that_something_is_gone_before_it_could_be_read(guest: Guest, scene: Scene):
    await happened(guest, scene, 20, 3, 7)

    async with following(scene.viewer, scene.project.id, after="4") as heard:
        await upkeep.prune(guest, 10)
        with pytest.raises(Refusal) as refused:
            await anext(aiter(heard))

    assert refused.value.faults[0].field == "after"
