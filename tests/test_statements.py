"""How many SQL statements the busy operations send, who-asks included, BEGIN and COMMIT aside."""

import pytest

from tests.doors import Door, GraphQLDoor
from tests.factories import Factory, Scene


@pytest.mark.parametrize(
    ("name", "args", "most"),
    [
        ("agents", {"status": ["idle"], "search": "a"}, 2),
        ("pause", {}, 2),
        ("terminate", {}, 2),
        ("spawn", {"name": "One"}, 2),
        ("project_metrics", {}, 2),
        ("agent_metrics", {}, 2),
        ("agent", {}, 2),
        ("projects", {}, 2),
    ],
)
async def test_busy_operations_send_few_statements(  # noqa: PLR0917 — fixtures and parameters
    name, args, most, door: Door, scene: Scene, statements: list[str]
):
    where = {} if name == "projects" else {"project_id": str(scene.project.id)}
    if name in {"pause", "terminate", "agent", "agent_metrics"}:
        where["id"] = str(scene.agent.id)
    if name == "spawn":
        args = args | {"agent_type_id": str(scene.kind.id)}
    if type(door) is GraphQLDoor:
        args = args | ({"status": ["IDLE"]} if "status" in args else {})
        # A field below an object costs the statement that reads the object.
        most += name in {"agents", "project_metrics"}
    statements.clear()

    answer = await door.ask(name, scene.operator, **where, **args)

    assert answer.code is None
    assert len(statements) <= most, statements


async def test_a_refused_step_sends_no_more_than_one_that_is_taken(door: Door, scene: Scene, statements: list[str]):
    await door.ask("pause", scene.operator, **scene.names)
    statements.clear()

    assert (await door.ask("pause", scene.operator, **scene.names)).code == "INVALID_TRANSITION"
    assert len(statements) == 2


async def test_a_longer_list_sends_no_more(door: Door, make: Factory, scene: Scene, statements: list[str]):
    async def sent() -> int:
        statements.clear()
        await door.ask("agents", scene.viewer, project_id=str(scene.project.id))
        return len(statements)

    few = await sent()
    for _ in range(5):
        await make.agent(scene.operator, scene.project, scene.kind)
    assert await sent() == few
