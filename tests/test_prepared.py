"""What came before runs past parsing and validation, and is answered as if it came for the first time."""

import gc
from typing import Any

import httpx
import pytest
from strawberry.schema import schema as strawberry_schema

from resolvers.domain.ids import new_id
from schema.build import documents
from schema.caches import NAMES
from tests.factories import Scene

GRAPHQL = "application/graphql-response+json"
AGENT = "query One($id: ID!) { agent(id: $id) { id name status agentType { name } } }"
LIST = "query($n: Int) { projects(first: $n) { nodes { id } } }"
TWO = "query A { viewer { id } } query B { stats { totalUsers } }"
SPAWN = "mutation($input: SpawnAgentInput!) { spawnAgent(input: $input) { agent { name } userErrors { code field } } }"
ASKED: dict[str, dict[str, Any]] = {
    "a query": {"query": "{ viewer { email } }"},
    "nothing to see": {"query": AGENT, "variables": {"id": "00000000-0000-0000-0000-000000000000"}},
    "a variable missing": {"query": AGENT},
    "a variable of another kind": {"query": AGENT, "variables": {"id": {}}},
    "variables of no use": {"query": "{ viewer { email } }", "variables": {"x": 1}},
    "variables that are none": {"query": "{ viewer { email } }", "variables": []},
    "extensions that are none": {"query": "{ viewer { email } }", "extensions": 5},
    "one of two": {"query": TWO, "operationName": "A"},
    "another of two": {"query": TWO, "operationName": "B"},
    "neither of two": {"query": TWO},
    "an unknown one of two": {"query": TWO, "operationName": "C"},
    "a name that is none": {"query": TWO, "operationName": 5},
    "an empty name": {"query": "{ viewer { email } }", "operationName": ""},
    "too many items": {"query": LIST, "variables": {"n": 101}},
    "far too many items": {"query": LIST, "variables": {"n": 100_000}},
    "fewer items": {"query": LIST, "variables": {"n": 2}},
    "no number": {"query": LIST, "variables": {"n": None}},
    "a refused mutation": {
        "query": SPAWN,
        "variables": {"input": {"projectId": "x", "agentTypeId": "y", "name": "Ada"}},
    },
    "introspection": {"query": "{ __schema { queryType { name } } viewer { email } }"},
    "what only superusers see": {"query": "{ stats { totalUsers } viewer { email } }"},
    "a subscription": {"query": 'subscription { agentEvents(projectId: "x") { id } }'},
}


def told(reply: httpx.Response) -> Any:
    ours = {name: value for name, value in reply.headers.items() if name not in {"x-request-id", "ratelimit"}}
    return reply.status_code, ours, reply.text


@pytest.mark.parametrize("accept", ["*/*", GRAPHQL])
@pytest.mark.parametrize("who", ["root", "stranger", "nobody"])
@pytest.mark.parametrize("asked", ASKED.values(), ids=ASKED)
async def test_the_third_answer_is_like_the_first(asked: dict, who: str, accept: str, http, scene: Scene):
    headers = {"Accept": accept} | (getattr(scene, who).headers if who != "nobody" else {})
    unheard = {**asked, "query": f"{asked['query']} # {new_id()}"}
    first, *more = [told(await http.post("/graphql", json=unheard, headers=headers)) for _ in range(3)]
    assert more == [first, first]


async def test_what_came_before_is_neither_parsed_nor_validated_nor_looked_at_by_extensions(
    http, scene: Scene, monkeypatch: pytest.MonkeyPatch
):
    asked = {"json": {"query": AGENT, "variables": {"id": str(scene.agent.id)}}, "headers": scene.root.headers}
    first = await http.post("/graphql", **asked)
    for name in ("parse", "validate_document", "SchemaExtensionsRunner"):
        monkeypatch.delattr(strawberry_schema, name)

    again = await http.post("/graphql", **asked)

    assert first.json()["data"]["agent"]["id"] == str(scene.agent.id)
    assert again.json() == first.json()


async def test_names_that_clients_make_up_take_no_memory(http, scene: Scene):
    for number in range(100):
        asked = {"query": "query A { viewer { id } }", "operationName": f"Name{number}"}
        await http.post("/graphql", json=asked, headers=scene.root.headers)
    assert max(len(kept.operations) for kept in documents._kept.values()) <= NAMES


LISTED = """query($id: ID!) { project(id: $id) { name metrics { totalInstances }
                    agents { totalCount nodes { name agentType { agents { nodes { id } } } project { slug } } } } }"""
PAUSED = "mutation($id: ID!) { pauseAgent(input: {id: $id}) { agent { project { name } } userErrors { code } } }"


@pytest.mark.parametrize("query", [AGENT, LISTED, PAUSED, "{ projects { totalCount } viewer { email } }"])
async def test_an_operation_leaves_nothing_to_a_garbage_collection(query: str, http, scene: Scene):
    # To free fifty thousand objects at once holds up every request for a tenth of a second.
    asked = {"query": query, "variables": {"id": str(scene.project.id if query is LISTED else scene.agent.id)}}
    for _ in range(4):
        await http.post("/graphql", json=asked, headers=scene.owner.headers)
    gc.collect()
    gc.disable()
    gc.set_debug(gc.DEBUG_SAVEALL)
    try:
        reply = await http.post("/graphql", json=asked, headers=scene.owner.headers)
        gc.collect()
        left = {type(one) for one in gc.garbage}
    finally:
        gc.set_debug(0)
        gc.garbage.clear()
        gc.enable()
    assert reply.status_code == 200
    assert [kind for kind in left if kind.__module__.partition(".")[0] in {"schema", "resolvers", "graphql"}] == []
