"""Counters: whatever happens, and however much of it at once, they say what there is; and nobody waits for them."""

import asyncio
import random
from collections.abc import Awaitable, Callable, Iterator
from decimal import Decimal
from uuid import UUID

import pytest
from sqlalchemy import delete, func, insert, select, text, update

from resolvers import agent_types, agents, projects, users
from resolvers.context import Guest
from resolvers.domain.agents import SpawnAgent, TransitionAgent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.ids import new_id
from resolvers.domain.lifecycle import Status
from resolvers.store.engine import Store
from resolvers.store.migrate import migrate
from resolvers.store.tables import agent_types as type_rows
from resolvers.store.tables import agents as agent_rows
from resolvers.store.tables import project_counts, row_counts
from resolvers.store.tables import projects as project_rows
from resolvers.store.tallies import recount
from tests.factories import Factory, Scene
from tests.test_races import outcomes
from tests.test_store import empty  # noqa: F401 — a fixture


async def wrong(store: Store) -> int:
    """Returns how many counters are not what there is."""
    async with store.write() as db:
        return await recount(db)


async def rows_of(guest: Guest, project_id: UUID) -> int:
    async with guest.store.read() as db:
        own = select(func.count()).select_from(project_counts).where(project_counts.c.project_id == project_id)
        return (await db.execute(own)).scalar()


def row(scene: Scene, **over: object) -> dict[str, object]:
    """An agent as a statement of somebody else's would write it."""
    kind = {"agent_type_id": scene.kind.id, "agent_type_revision": 1}
    return {"id": new_id(), "project_id": scene.project.id, **kind, "name": "One", **over}


def _doings(chance: random.Random, scene: Scene, places: list[UUID], kinds: list[UUID], ids: list[UUID]) -> Iterator:
    """Yields what anyone may do, endlessly."""
    by, numbers = (
        scene.owner,
        lambda: {"tasks_completed": chance.randrange(9), "cost_incurred": str(chance.randrange(99) / 4)},
    )

    async def spawn() -> None:
        new = Draft(SpawnAgent, {"agent_type_id": str(chance.choice(kinds)), "name": "One"})
        ids.append((await agents.spawn(by, chance.choice(places), new)).id)

    doings: list[Callable[[], Awaitable[object]]] = [
        spawn,
        lambda: agents.transition(by, chance.choice(ids), Draft(TransitionAgent, {"to": chance.choice([*Status])})),
        lambda: agents.pause(by, chance.choice(ids)),
        lambda: agents.resume(by, chance.choice(ids)),
        lambda: agents.update_one(by, chance.choice(ids), Draft(UpdateAgent, numbers())),
        lambda: projects.archive(by, places[0]),
        lambda: agent_types.deactivate(scene.root, kinds[0]),
        lambda: users.deactivate(scene.root, scene.viewer.id),
        lambda: users.activate(scene.root, scene.viewer.id),
        lambda: users.delete(scene.root, scene.stranger.id),
    ]

    while True:
        yield chance.choices(doings, [30, 20, 12, 12, 20, 1, 1, 1, 1, 1])[0]()


@pytest.mark.parametrize("seed", range(3))
async def test_whatever_is_done_at_once_is_counted(seed: int, guest: Guest, make: Factory, scene: Scene):
    chance = random.Random(seed)
    places = [(await make.project(scene.owner)).id, scene.project.id]
    kinds = [(await make.agent_type(scene.root)).id, scene.kind.id]
    doings = _doings(chance, scene, places, kinds, [scene.agent.id])

    came = sum([await outcomes(*(next(doings) for _ in range(40))) for _ in range(5)], start=await outcomes())

    assert came["done"] > 40
    assert set(came) <= {"done", "INVALID_TRANSITION", "PROJECT_ARCHIVED", "AGENT_TYPE_INACTIVE", "NOT_FOUND"}
    assert await wrong(guest.store) == 0


async def test_statements_about_many_rows_are_counted(guest: Guest, make: Factory, scene: Scene):
    other = await make.project(scene.owner)
    steps = [
        insert(agent_rows).values([row(scene, tokens_used=2**62) for _ in range(3)]),
        insert(agent_rows).values([row(scene, project_id=other.id, cost_incurred=Decimal("0.000001"))]),
        update(agent_rows).values(status=Status.WORKING, tasks_completed=agent_rows.c.tasks_completed + 1),
        update(agent_rows).where(agent_rows.c.project_id == other.id).values(project_id=scene.project.id),
        update(agent_rows).values(name="Two"),
        delete(agent_rows).where(agent_rows.c.tokens_used > 0),
    ]
    for step in steps:
        async with guest.store.write() as db:
            await db.execute(step)

        assert await wrong(guest.store) == 0


async def test_what_is_undone_is_not_counted(guest: Guest, scene: Scene):
    with pytest.raises(RuntimeError):  # noqa: PT012 — one transaction
        async with guest.store.write() as db:
            await db.execute(insert(agent_rows).values(row(scene)))
            raise RuntimeError

    assert await wrong(guest.store) == 0


async def test_nobody_waits_for_a_counter(guest: Guest, make: Factory, scene: Scene):
    async with guest.store.write() as db:
        await db.execute(update(agent_rows).where(agent_rows.c.id == scene.agent.id).values(status=Status.WORKING))

        async with asyncio.timeout(5):
            await make.agent(scene.operator, scene.project, scene.kind)

    assert await wrong(guest.store) == 0


async def test_whoever_counts_in_another_order_does_not_meet(guest: Guest, make: Factory, scene: Scene):
    places = [scene.project, await make.project(scene.owner)]
    met = asyncio.Barrier(2)

    async def spawn(*ids: UUID) -> None:
        async with guest.store.write() as db:
            for place in ids:
                await db.execute(insert(agent_rows).values(row(scene, project_id=place)))
                await met.wait()

    ids = [place.id for place in places]
    async with asyncio.timeout(5):
        assert await outcomes(spawn(*ids), spawn(*reversed(ids))) == {"done": 2}


async def test_there_are_as_many_rows_as_there_were_writers_at_once(guest: Guest, make: Factory, scene: Scene):
    for _ in range(5):
        await make.agent(scene.operator, scene.project, scene.kind)
    assert await rows_of(guest, scene.project.id) == 1

    await outcomes(*(make.agent(scene.operator, scene.project, scene.kind) for _ in range(60)))

    assert 1 < await rows_of(guest, scene.project.id) <= 16
    assert await wrong(guest.store) == 0


async def test_who_finds_no_slot_free_waits_for_one(guest: Guest, scene: Scene):
    held = asyncio.Barrier(18)

    async def spawn() -> None:
        async with guest.store.write() as db:
            await db.execute(insert(agent_rows).values(row(scene)))
            await held.wait()

    writers = [asyncio.create_task(spawn()) for _ in range(17)]
    await asyncio.sleep(0.5)
    assert held.n_waiting == 16
    await held.abort()
    await asyncio.gather(*writers, return_exceptions=True)

    assert await rows_of(guest, scene.project.id) == 1
    assert await wrong(guest.store) == 0


async def test_counting_anew_mends_what_is_wrong_and_says_how_much(guest: Guest, scene: Scene):
    async with guest.store.write() as db:
        await db.execute(update(project_counts).values(idle=7, tokens_used=7))
        await db.execute(delete(row_counts).where(row_counts.c.name == "projects"))

    assert await wrong(guest.store) == 2
    assert await wrong(guest.store) == 0


async def test_what_was_there_before_the_counters_is_counted(empty: Store):  # noqa: F811 — a fixture
    await migrate(empty, "0004")
    filled = [
        insert(type_rows).values(
            id=new_id(), name="T", slug="t", personality_prompt="p", primary_model="m", is_active=True,
            expertise=[], fallback_models=[], model_params={}, mcp_servers=[],
        ),
        insert(project_rows).values(id=new_id(), name="P", slug="p"),
        text("INSERT INTO agent_type_revisions (agent_type_id, revision, personality_prompt, primary_model,"
             " fallback_models, model_params, mcp_servers) SELECT id, 1, 'p', 'm', '{}', '{}', '{}' FROM agent_types"),
        text("INSERT INTO agents (id, project_id, agent_type_id, agent_type_revision, name)"
             " SELECT gen_random_uuid(), projects.id, agent_types.id, 1, 'One' FROM projects, agent_types"),
    ]  # fmt: skip
    async with empty.write() as db:
        for step in filled:
            await db.execute(step)

    await migrate(empty)

    async with empty.read() as db:
        assert (await db.execute(select(project_counts.c.idle))).scalars() == [1]
    assert await wrong(empty) == 0
