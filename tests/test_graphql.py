"""What GraphQL has of its own: nodes, connections, edges, and how errors look."""

import asyncio

import pytest

from resolvers.domain.lifecycle import Status
from tests.factories import Factory, Scene


@pytest.fixture
def run(http):
    """Runs a document and returns the whole reply."""

    async def send(document: str, who=None, **variables):
        body = {"query": document, "variables": variables}
        return (await http.post("/graphql", json=body, headers=who.headers if who else {})).json()

    return send


async def fleet(make: Factory, scene: Scene, size: int):
    project = await make.project(scene.owner)
    return project, [
        await make.agent(scene.owner, project, scene.kind, name=f"Agent {number}") for number in range(size)
    ]


PAGE = """query($id: ID, $first: Int, $after: String, $last: Int, $before: String, $orderBy: AgentOrder) {
  project(id: $id) { agents(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    edges { cursor node { name } } nodes { name } totalCount
    pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } }"""


@pytest.mark.parametrize("order", [None, {"field": "NAME", "direction": "ASC"}, {"field": "NAME", "direction": "DESC"}])
@pytest.mark.parametrize("backwards", [False, True], ids=["forwards", "backwards"])
async def test_walking_a_connection_meets_everything_once(order, backwards, run, make: Factory, scene: Scene):
    project, agents = await fleet(make, scene, 7)
    names = sorted(agent.name for agent in agents)
    expected = names if order and order["direction"] == "ASC" else names[::-1]

    met, place = [], {}
    while True:
        size = {"last": 3} if backwards else {"first": 3}
        reply = await run(PAGE, scene.owner, id=str(project.id), orderBy=order, **size, **place)
        page = reply["data"]["project"]["agents"]
        part = [node["name"] for node in page["nodes"]]
        assert part == [edge["node"]["name"] for edge in page["edges"]]
        assert page["totalCount"] == 7
        met = part + met if backwards else met + part
        info = page["pageInfo"]
        assert info["startCursor"] == page["edges"][0]["cursor"]
        if not info["hasPreviousPage" if backwards else "hasNextPage"]:
            break
        place = {"before": info["startCursor"]} if backwards else {"after": info["endCursor"]}

    assert met == expected


async def test_new_agents_do_not_shift_a_walk(run, make: Factory, scene: Scene):
    project, _ = await fleet(make, scene, 4)
    first = (await run(PAGE, scene.owner, id=str(project.id), first=2))["data"]["project"]["agents"]
    await make.agent(scene.owner, project, scene.kind, name="Latecomer")

    after = first["pageInfo"]["endCursor"]
    second = (await run(PAGE, scene.owner, id=str(project.id), first=2, after=after))["data"]["project"]["agents"]

    assert [node["name"] for node in second["nodes"]] == ["Agent 1", "Agent 0"]


async def test_an_empty_connection_has_no_cursors(run, make: Factory, scene: Scene):
    project = await make.project(scene.owner)

    page = (await run(PAGE, scene.owner, id=str(project.id)))["data"]["project"]["agents"]

    none = {"hasNextPage": False, "hasPreviousPage": False, "startCursor": None, "endCursor": None}
    assert page == {"edges": [], "nodes": [], "totalCount": 0, "pageInfo": none}


async def test_the_total_is_counted_only_when_asked_for(run, scene: Scene, statements: list[str]):
    await run("{ projects { nodes { id } } }", scene.owner)
    assert "count(*)" not in statements[-1]

    spread = "{ projects { ...a } } fragment a on ProjectConnection { ... { totalCount } }"
    assert (await run(spread, scene.owner))["data"] == {"projects": {"totalCount": 1}}
    assert "count(*)" in statements[-1]


async def test_nodes_are_whatever_has_the_id_and_yours_to_see(run, make: Factory, scene: Scene):
    ids = [scene.agent.id, scene.kind.id, scene.project.id, scene.viewer.id]
    document = "query($ids: [ID!]!) { nodes(ids: $ids) { __typename id } }"
    asked = [*map(str, ids), "nonsense"]

    seen = await run(document, scene.viewer, ids=asked)
    unseen = await run(document, scene.stranger, ids=asked)

    kinds = ["Agent", "AgentType", "Project", "User"]
    assert seen["data"]["nodes"] == [
        *({"__typename": kind, "id": str(given)} for kind, given in zip(kinds, ids, strict=True)), None,
    ]  # fmt: skip
    assert [node and node["__typename"] for node in unseen["data"]["nodes"]] == [None, "AgentType", None, None, None]
    one = await run("query($id: ID!) { node(id: $id) { id } }", scene.viewer, id=str(scene.agent.id))
    assert one["data"]["node"] == {"id": str(scene.agent.id)}


async def test_at_most_a_hundred_nodes(run, scene: Scene):
    reply = await run("query($ids: [ID!]!) { nodes(ids: $ids) { id } }", scene.viewer, ids=["x"] * 101)

    assert reply["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"


EDGES = """query($id: ID!) { agent(id: $id) {
  agentType { slug agents { nodes { id } totalCount } }
  project { slug viewerRole members { nodes { role user { id } } } }
  runsOn { revision } metrics { totalInstances idleInstances } events { nodes { kind actor { id } data } } } }"""


async def test_edges_lead_from_an_agent_to_all_around_it(run, scene: Scene):
    agent = (await run(EDGES, scene.viewer, id=str(scene.agent.id)))["data"]["agent"]

    assert agent["agentType"] == {
        "slug": scene.kind.slug, "agents": {"nodes": [{"id": str(scene.agent.id)}], "totalCount": 1},
    }  # fmt: skip
    assert (agent["project"]["slug"], agent["project"]["viewerRole"]) == (scene.project.slug, "VIEWER")
    roles = {(member["role"], member["user"]["id"]) for member in agent["project"]["members"]["nodes"]}
    assert roles == {
        ("OWNER", str(scene.owner.id)), ("OPERATOR", str(scene.operator.id)), ("VIEWER", str(scene.viewer.id)),
    }  # fmt: skip
    assert agent["metrics"] == {"totalInstances": 1, "idleInstances": 1}
    assert [(event["kind"], event["actor"]["id"]) for event in agent["events"]["nodes"]] == [
        ("AGENT_SPAWNED", str(scene.operator.id))
    ]


async def test_a_types_agents_are_those_that_you_can_see(run, make: Factory, scene: Scene):
    mine = await make.project(scene.stranger)
    agent = await make.agent(scene.stranger, mine, scene.kind)
    document = "query($id: ID) { agentType(id: $id) { agents { nodes { id } totalCount } instanceCount } }"

    kind = (await run(document, scene.stranger, id=str(scene.kind.id)))["data"]["agentType"]

    assert kind == {"agents": {"nodes": [{"id": str(agent.id)}], "totalCount": 1}, "instanceCount": 2}


async def test_sibling_objects_are_read_together(run, make: Factory, scene: Scene, statements: list[str]):
    agents = [await make.agent(scene.owner, scene.project, scene.kind) for _ in range(5)]
    statements.clear()
    fields = " ".join(
        f'a{agent.version}{n}: agent(id: "{agent.id}") {{ agentType {{ id }} }}' for n, agent in enumerate(agents)
    )

    await run(f"{{ {fields} }}", scene.owner)

    assert len(statements) == 3  # who asks, the agents, their types


@pytest.mark.parametrize("field", ["agentType", "project"])
async def test_an_id_or_a_slug_but_not_both(field: str, run, scene: Scene):
    for args in ("", '(id: "x", slug: "y")'):
        document = f"{{ {field}{args} {{ id }} }}" if args else f"{{ {field} {{ id }} }}"
        assert (await run(document, scene.owner))["errors"][0]["extensions"]["code"] == "VALIDATION_FAILED"
    assert (await run(f'{{ {field}(slug: "nope") {{ id }} }}', scene.owner))["data"] == {field: None}


async def test_a_bad_token_does_not_hinder_signing_in(http, make: Factory):
    person = await make.user()
    document = "mutation($i: LoginInput!) { login(input: $i) { accessToken userErrors { code } } }"
    body = {"query": document, "variables": {"i": {"email": person.email, "password": "Correct-Horse-42"}}}

    reply = await http.post("/graphql", json=body, headers={"Authorization": "Bearer stale"})

    assert reply.json()["data"]["login"]["accessToken"]


async def test_a_bug_shows_an_error_id_and_nothing_else(http, run, scene: Scene, monkeypatch, caplog):
    secret = "postgresql://roster:hunter2@db/roster"

    def broken(*_args):
        raise RuntimeError(secret)

    monkeypatch.setattr("schema.types.agents.records.metrics_of", broken)
    monkeypatch.setattr("resolvers.metrics.metrics_of", broken)
    reply = await http.get(
        f"/api/v1/projects/{scene.project.id}/agents/{scene.agent.id}/metrics", headers=scene.owner.headers
    )
    graphql = await run(
        "query($id: ID!) { agent(id: $id) { metrics { idleInstances } } }", scene.owner, id=str(scene.agent.id)
    )

    error = graphql["errors"][0]
    assert error["extensions"].keys() == {"code", "errorId"}
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (500, "INTERNAL")
    assert secret not in reply.text + str(graphql)
    logged = {getattr(record, "error_id", None) for record in caplog.records}
    assert {error["extensions"]["errorId"], reply.json()["error_id"]} <= logged


async def test_the_explorer_is_there_for_browsers(http):
    page = await http.get("/graphql", headers={"Accept": "text/html"})

    assert page.headers["content-type"].startswith("text/html")
    assert "graphiql" in page.text.lower()


STEPS = """mutation($pause: PauseAgentInput!, $archive: ArchiveProjectInput!, $end: TerminateAgentInput!) {
  a: pauseAgent(input: $pause) { agent { project { status } } }
  b: archiveProject(input: $archive) { project { status } }
  c: terminateAgent(input: $end) { agent { project { status } } } }"""


async def test_fields_of_a_mutation_see_what_the_ones_before_have_done(run, scene: Scene):
    agent, project = {"id": str(scene.agent.id)}, {"id": str(scene.project.id)}

    reply = (await run(STEPS, scene.owner, pause=agent, archive=project, end=agent))["data"]

    places = [reply["a"]["agent"]["project"], reply["b"]["project"], reply["c"]["agent"]["project"]]
    assert [place["status"] for place in places] == ["ACTIVE", "ARCHIVED", "ARCHIVED"]


async def test_readers_at_work_do_not_disturb_one_another(run, make: Factory, scene: Scene):
    agents = [await make.agent(scene.operator, scene.project, scene.kind, Status.WORKING) for _ in range(3)]
    document = "query($id: ID!) { agent(id: $id) { status project { agents { totalCount } } } }"

    replies = await asyncio.gather(*(run(document, scene.viewer, id=str(agent.id)) for agent in agents * 5))

    assert {str(reply) for reply in replies} == {str(replies[0])}
