"""The lifecycle table against the contract's, every pair of statuses through both doors."""

from datetime import UTC, datetime, timedelta

import pytest

from resolvers.domain.lifecycle import ALLOWED_ACTIONS, Status
from tests.doors import Door
from tests.factories import Factory, Scene

# The contract's own table, written out.
MAY_GO = {
    "idle": {"working", "paused", "terminated"},
    "working": {"idle", "waiting", "paused", "terminated"},
    "waiting": {"working", "idle", "paused", "terminated"},
    "paused": {"idle", "terminated"},
    "terminated": set(),
}
PAIRS = [(source, target) for source in MAY_GO for target in MAY_GO]


@pytest.mark.parametrize(("source", "target"), PAIRS, ids=[f"{source}-{target}" for source, target in PAIRS])
async def test_every_pair_of_statuses(source: str, target: str, door: Door, make: Factory, scene: Scene):
    agent = await make.agent(scene.operator, scene.project, scene.kind, Status(source))
    names = {"project_id": str(scene.project.id), "id": str(agent.id)}

    answer = await door.ask("transition", scene.operator, **names, to=target)

    after = (await door.ask("agent", scene.viewer, **names)).value
    if target in MAY_GO[source]:
        assert answer.code is None
        assert (after["status"], after["version"]) == (target, agent.version + 1)
        assert (after["paused_at"] is not None) == (target == "paused")
        assert (after["terminated_at"] is not None) == (target == "terminated")
        assert datetime.now(UTC) - datetime.fromisoformat(after["last_activity_at"]) < timedelta(minutes=1)
    else:
        assert answer.code == "INVALID_TRANSITION"
        assert (after["status"], after["version"]) == (source, agent.version)
        assert datetime.fromisoformat(after["updated_at"]) == agent.updated_at
    events = (await door.ask("agent_events", scene.viewer, **names)).value
    kinds = [event["kind"] for event in events.get("data", events.get("nodes"))]
    assert len(kinds) == agent.version + (target in MAY_GO[source])


@pytest.mark.parametrize("action", ["pause", "resume", "terminate"])
@pytest.mark.parametrize("status", Status)
async def test_actions_do_what_the_agent_says_it_allows(action, status, door: Door, make: Factory, scene: Scene):
    agent = await make.agent(scene.operator, scene.project, scene.kind, status)
    names = {"project_id": str(scene.project.id), "id": str(agent.id)}

    answer = await door.ask(action, scene.operator, **names)

    assert (answer.code is None) == (action in agent.allowed_actions)
    assert answer.code in {None, "INVALID_TRANSITION"}


async def test_a_refusal_says_from_to_and_what_is_allowed(door: Door, make: Factory, scene: Scene):
    agent = await make.agent(scene.operator, scene.project, scene.kind, Status.PAUSED)
    names = {"project_id": str(scene.project.id), "id": str(agent.id)}

    refused = str((await door.ask("pause", scene.operator, **names)).value)

    assert "from paused to paused" in refused
    assert "resume (to idle), terminate (to terminated)" in refused


@pytest.mark.parametrize("status", Status)
async def test_an_agent_says_which_actions_it_allows(status, door: Door, make: Factory, scene: Scene):
    agent = await make.agent(scene.operator, scene.project, scene.kind, status)

    shown = (await door.ask("agent", scene.viewer, project_id=str(scene.project.id), id=str(agent.id))).value

    assert shown["allowed_actions"] == [str(action) for action in ALLOWED_ACTIONS[status]]


async def test_in_an_archived_project_agents_only_end(door: Door, make: Factory, scene: Scene):
    paused = await make.agent(scene.operator, scene.project, scene.kind, Status.PAUSED)
    project = str(scene.project.id)
    await door.ask("archive_project", scene.owner, id=project)
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}

    assert (await door.ask("spawn", scene.operator, project_id=project, **new)).code == "PROJECT_ARCHIVED"
    assert (await door.ask("pause", scene.operator, **scene.names)).code == "PROJECT_ARCHIVED"
    resumed = await door.ask("resume", scene.operator, project_id=project, id=str(paused.id))
    assert resumed.code == "PROJECT_ARCHIVED"
    assert (await door.ask("terminate", scene.operator, **scene.names)).code is None

    back = await door.ask("update_project", scene.owner, id=project, status="active")
    assert (back.code, back.value["archived_at"]) == (None, None)
    assert (await door.ask("resume", scene.operator, project_id=project, id=str(paused.id))).code is None


async def test_nothing_is_spawned_of_an_inactive_type(door: Door, scene: Scene):
    await door.ask("deactivate_agent_type", scene.root, id=str(scene.kind.id))
    new = {"project_id": str(scene.project.id), "agent_type_id": str(scene.kind.id), "name": "One"}

    assert (await door.ask("spawn", scene.operator, **new)).code == "AGENT_TYPE_INACTIVE"
    await door.ask("update_agent_type", scene.root, id=str(scene.kind.id), is_active=True)
    assert (await door.ask("spawn", scene.operator, **new)).code is None


async def test_a_type_that_is_not_there_spawns_nothing(door: Door, scene: Scene):
    new = {"project_id": str(scene.project.id), "agent_type_id": str(scene.project.id), "name": "One"}

    answer = await door.ask("spawn", scene.operator, **new)

    assert answer.code == "NOT_FOUND"
    assert answer.faults[0][0] in {"agent_type_id", "agentTypeId"}
