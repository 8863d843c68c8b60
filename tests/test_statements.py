"""How many SQL statements the busy operations send, who-asks included, BEGIN and COMMIT aside."""

from typing import NamedTuple

import pytest

from resolvers import agents, auth
from resolvers.context import Guest
from resolvers.domain.agents import SpawnAgent
from resolvers.domain.drafts import Draft
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


DEEP = """{ projects(first: 5) { nodes {
  agents(first: 5) { totalCount nodes {
    agentType { slug agents(first: 5) { totalCount } } runsOn { revision } project { slug }
    events(first: 5) { nodes { actor { email } } } } }
  members(first: 5) { nodes { user { email } } }
  events(first: 5) { nodes { actor { email } } }
  metrics { totalInstances } } } }"""
NODES = "query($ids: [ID!]!) { nodes(ids: $ids) { ... on Agent { agentType { slug } } ... on Project { slug } } }"


class Sizes(NamedTuple):
    """How long the lists of an answer are."""

    projects: int
    agents: int


@pytest.mark.parametrize("size", [Sizes(1, 1), Sizes(5, 5)], ids=str)
async def test_statements_depend_on_the_shape_of_a_query_alone(size: Sizes, http, make: Factory, statements: list[str]):
    root, owner = await make.users({"is_superuser": True}, {})
    for _ in range(size.projects):
        project, kind = await make.project(owner), await make.agent_type(root)
        await make.member(owner, project, "viewer")
        for _ in range(size.agents):
            await make.agent(owner, project, kind)
    statements.clear()

    reply = (await http.post("/graphql", json={"query": DEEP}, headers=owner.headers)).json()

    found = reply["data"]["projects"]["nodes"]
    assert [len(project["agents"]["nodes"]) for project in found] == [size.agents] * size.projects
    # Who asks; the projects; their agents, members, metrics and events, and up to where those are settled; the types,
    # their agents, the revisions, the agents' projects, their events; the users, as members and as actors, whichever
    # are there first: actors are members here, so that they need no statement of their own where they come second.
    assert len(statements) in {13, 14}, "\n\n".join(statements)


@pytest.mark.parametrize("size", [1, 5])
async def test_nodes_are_read_by_their_kinds(size: int, http, make: Factory, scene: Scene, statements: list[str]):
    made = [await make.agent(scene.owner, scene.project, scene.kind) for _ in range(size)]
    ids = [str(agent.id) for agent in made] + [str((await make.project(scene.owner)).id) for _ in range(size)]
    statements.clear()

    body = {"query": NODES, "variables": {"ids": ids}}
    reply = (await http.post("/graphql", json=body, headers=scene.owner.headers)).json()

    assert None not in reply["data"]["nodes"]
    assert len(statements) == 5, statements  # who asks, the kinds, the agents, the projects, the types


@pytest.mark.parametrize("name", ["pause", "terminate", "spawn"])
async def test_what_one_statement_decides_is_one_round_trip(name: str, scene: Scene, round_trips: list[str]):
    new = {"agent_type_id": str(scene.kind.id), "name": "One"}
    verbs = {
        "pause": lambda: agents.pause(scene.operator, scene.agent.id),
        "terminate": lambda: agents.terminate(scene.operator, scene.agent.id),
        "spawn": lambda: agents.spawn(scene.operator, scene.project.id, Draft(SpawnAgent, new)),
    }
    round_trips.clear()

    await verbs[name]()

    assert len(round_trips) == 1, round_trips
    assert round_trips[0].startswith("WITH")


async def test_a_read_is_one_round_trip(guest: Guest, scene: Scene, round_trips: list[str]):
    round_trips.clear()

    await auth.identify(guest, scene.viewer.headers["Authorization"])
    await agents.get(scene.viewer, scene.agent.id)

    assert [text.split()[0] for text in round_trips] == ["SELECT", "SELECT"]
