"""Races on the real database; each test fails without the guard in the statement or the lock before it."""

import asyncio
from collections import Counter
from collections.abc import Awaitable

from sqlalchemy import func, select, update

from resolvers import agent_types, agents, auth, members, projects, sessions, users
from resolvers.context import Guest
from resolvers.domain.agent_types import UpdateAgentType
from resolvers.domain.agents import SpawnAgent, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.errors import Refusal
from resolvers.domain.lifecycle import STEPS, Status
from resolvers.domain.paging import NumberedList
from resolvers.domain.projects import ProjectStatus
from resolvers.domain.sessions import SessionFilter
from resolvers.domain.users import RefreshToken, Register, UpdateUser
from resolvers.store.tables import agent_types as type_rows
from resolvers.store.tables import agents as agent_rows
from resolvers.store.tables import events
from resolvers.store.tables import members as member_rows
from resolvers.store.tables import projects as project_rows
from resolvers.store.tables import users as user_rows
from tests.factories import PASSWORD, Factory, Scene


async def outcomes(*attempts: Awaitable[object]) -> Counter[str]:
    """Runs all at once; returns how often each code came out, `done` for those that were not refused."""
    results = await asyncio.gather(*attempts, return_exceptions=True)
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Refusal):
            raise result
    return Counter(result.code.value if isinstance(result, Refusal) else "done" for result in results)


async def count(guest: Guest, table, *where) -> int:
    async with guest.store.read() as db:
        return (await db.execute(select(func.count()).select_from(table).where(*where))).scalar()


async def test_of_twenty_pauses_one_wins(guest: Guest, scene: Scene):
    tries = [agents.pause(scene.operator, scene.agent.id) for _ in range(20)]

    assert await outcomes(*tries) == {"done": 1, "INVALID_TRANSITION": 19}
    assert await count(guest, events, events.c.kind == "agent.paused") == 1
    assert (await agents.get(scene.viewer, scene.agent.id)).version == 2


async def test_terminate_against_resume_ends_terminated(guest: Guest, make: Factory, scene: Scene):
    for _ in range(10):
        agent = await make.agent(scene.operator, scene.project, scene.kind, Status.PAUSED)

        came = await outcomes(agents.terminate(scene.operator, agent.id), agents.resume(scene.operator, agent.id))

        assert came["done"] >= 1
        assert (await agents.get(scene.viewer, agent.id)).status is Status.TERMINATED


async def test_the_log_tells_a_life_that_the_table_allows(guest: Guest, scene: Scene):
    actions = [agents.pause, agents.resume] * 15
    await outcomes(*(action(scene.operator, scene.agent.id) for action in actions))

    async with guest.store.read() as db:
        steps = select(events.c.kind, events.c.data).where(events.c.subject_id == scene.agent.id)
        told = list(await db.execute(steps.order_by(events.c.data["version"].as_integer())))[1:]
    status = Status.IDLE
    for kind, data in told:
        step = next(step for step in STEPS.values() if step.event is kind)
        assert status in step.sources
        assert (data["from"], data["to"]) == (status, step.target)
        status = step.target
    assert (await agents.get(scene.viewer, scene.agent.id)).status is status


async def test_nothing_is_spawned_of_a_type_once_it_is_inactive(guest: Guest, make: Factory, scene: Scene):
    for _ in range(5):
        kind = await make.agent_type(scene.root)
        new = {"agent_type_id": str(kind.id), "name": "One"}
        spawns = [agents.spawn(scene.operator, scene.project.id, Draft(SpawnAgent, new)) for _ in range(8)]

        await outcomes(*spawns[:4], agent_types.deactivate(scene.root, kind.id), *spawns[4:])

        async with guest.store.read() as db:
            rows = select(events.c.kind).where(
                (events.c.subject_id == kind.id) | (events.c.data["agent_type_id"].astext == str(kind.id))
            )
            # A sequence number is drawn while the locks are held, so it orders what excludes one another.
            told = [str(kind) for kind in (await db.execute(rows.order_by(events.c.sequence))).scalars()]
        assert "agent.spawned" not in told[told.index("agent_type.updated") :]


async def test_an_agent_runs_on_the_revision_that_was_there(guest: Guest, scene: Scene):
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}
    changes = [
        agent_types.update_one(scene.root, scene.kind.id, Draft(UpdateAgentType, {"primary_model": f"m{number}"}))
        for number in range(6)
    ]
    spawns = [agents.spawn(scene.operator, scene.project.id, Draft(SpawnAgent, new)) for _ in range(6)]

    assert await outcomes(*changes, *spawns) == {"done": 12}
    assert (await agent_types.get(scene.viewer, scene.kind.id)).revision == 7


async def test_nothing_moves_in_a_project_once_it_is_archived(guest: Guest, make: Factory, scene: Scene):
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}
    for _ in range(5):
        project = await make.project(scene.owner)
        agent = await make.agent(scene.owner, project, scene.kind)
        spawns = [agents.spawn(scene.owner, project.id, Draft(SpawnAgent, new)) for _ in range(6)]

        await outcomes(
            *spawns[:3], agents.pause(scene.owner, agent.id), projects.archive(scene.owner, project.id), *spawns[3:]
        )

        async with guest.store.read() as db:
            rows = select(events.c.kind).where(events.c.project_id == project.id).order_by(events.c.sequence)
            told = [str(kind) for kind in (await db.execute(rows)).scalars()]
        assert told[-1] == "project.updated"


async def test_whoever_comes_while_a_project_is_archived_waits_and_is_refused(guest: Guest, scene: Scene):
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}
    async with guest.store.write() as db:
        archived = {"status": ProjectStatus.ARCHIVED, "archived_at": func.now()}
        await db.execute(update(project_rows).where(project_rows.c.id == scene.project.id).values(archived))
        waiting = asyncio.create_task(
            outcomes(
                agents.spawn(scene.operator, scene.project.id, Draft(SpawnAgent, new)),
                agents.pause(scene.operator, scene.agent.id),
                agents.terminate(scene.operator, scene.agent.id),
            )
        )
        await asyncio.sleep(0.2)
        assert not waiting.done()

    assert await waiting == {"PROJECT_ARCHIVED": 2, "done": 1}


async def test_whoever_spawns_while_a_type_is_deactivated_waits_and_is_refused(guest: Guest, scene: Scene):
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}
    async with guest.store.write() as db:
        await db.execute(update(type_rows).where(type_rows.c.id == scene.kind.id).values(is_active=False))
        waiting = asyncio.create_task(outcomes(agents.spawn(scene.operator, scene.project.id, Draft(SpawnAgent, new))))
        await asyncio.sleep(0.2)
        assert not waiting.done()

    assert await waiting == {"AGENT_TYPE_INACTIVE": 1}


async def test_of_two_refreshes_of_one_token_one_wins_and_the_session_ends(guest: Guest, scene: Scene):
    draft = Draft(RefreshToken, {"refresh_token": scene.owner.tokens.refresh_token})

    came = await outcomes(auth.refresh(guest, draft), auth.refresh(guest, draft))

    assert came == {"done": 1, "UNAUTHENTICATED": 1}
    assert await outcomes(auth.identify(guest, scene.owner.headers["Authorization"])) == {"UNAUTHENTICATED": 1}


async def test_of_two_last_owners_one_stays(guest: Guest, make: Factory, scene: Scene):
    for _ in range(5):
        project = await make.project(scene.owner)
        other = await make.member(scene.owner, project, "owner")

        came = await outcomes(
            members.remove(scene.owner, project.id, scene.owner.id), members.remove(other, project.id, other.id)
        )

        assert came == {"done": 1, "CONFLICT": 1}
        assert await count(guest, member_rows, member_rows.c.project_id == project.id) == 1


async def test_one_address_is_registered_once_in_any_case(guest: Guest):
    new = {"password": PASSWORD, "first_name": "Ada"}
    addresses = ["ada@example.com", "ADA@example.com", "Ada@Example.Com"] * 3

    came = await outcomes(*(auth.register(guest, Draft(Register, {**new, "email": email})) for email in addresses))

    assert came == {"done": 1, "CONFLICT": 8}
    assert await count(guest, user_rows) == 1


async def test_of_two_superusers_who_demote_each_other_one_stays(guest: Guest, make: Factory):
    one, other = await make.superuser(), await make.superuser()
    down = Draft(UpdateUser, {"is_superuser": False})

    came = await outcomes(users.administer(one, other.id, down), users.administer(other, one.id, down))

    assert came == {"done": 1, "CONFLICT": 1}
    assert await count(guest, user_rows, user_rows.c.is_superuser) == 1


async def test_no_session_opens_for_one_who_is_deactivated_meanwhile(guest: Guest, make: Factory, scene: Scene):
    for _ in range(5):
        person = await make.user()

        await outcomes(make.signed_in(person.email), users.deactivate(scene.root, person.id))

        still_open = NumberedList(SessionFilter, {"user_id": str(person.id)})
        assert (await sessions.search(scene.root, still_open)).items == []


async def test_of_twenty_changes_with_one_expected_version_one_wins(guest: Guest, scene: Scene):
    changes = [
        agents.update_one(
            scene.operator, scene.agent.id, Draft(UpdateAgent, {"name": f"Name {number}"}), expected_version=1
        )
        for number in range(20)
    ]

    assert await outcomes(*changes) == {"done": 1, "VERSION_MISMATCH": 19}
    assert await count(guest, events, events.c.kind == "agent.updated") == 1


async def test_a_name_and_a_step_at_once_are_both_kept(guest: Guest, scene: Scene):
    rename = agents.update_one(scene.operator, scene.agent.id, Draft(UpdateAgent, {"name": "Renamed"}))

    assert await outcomes(rename, agents.pause(scene.operator, scene.agent.id)) == {"done": 2}
    agent = await agents.get(scene.viewer, scene.agent.id)
    assert (agent.name, agent.status, agent.version) == ("Renamed", Status.PAUSED, 3)
    assert await count(guest, agent_rows, agent_rows.c.version == 3) == 1
