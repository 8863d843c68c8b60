"""Lists below lists: each parent has its own page, as if it were the only one."""

from collections.abc import Sequence
from typing import Any, NamedTuple
from uuid import UUID

import pytest

from resolvers import agents, events, members, metrics
from resolvers.domain.agents import Agent, AgentFilter, UpdateAgent
from resolvers.domain.drafts import Draft
from resolvers.domain.events import EventFilter, ProjectEventFilter
from resolvers.domain.lifecycle import Status
from resolvers.domain.paging import ConnectionList, Sort, pack_cursor
from resolvers.domain.projects import MemberFilter
from tests.factories import Factory, Person, Scene


class Fleets(NamedTuple):
    """What the agents of each project are that the owner of the scene sees."""

    scene: Scene
    by_project: dict[UUID, list[Agent]]


@pytest.fixture
async def fleets(make: Factory, scene: Scene) -> Fleets:
    """Projects with one agent, with none, with two and with five, of two types."""
    found, kinds = {scene.project.id: [scene.agent]}, [scene.kind, await make.agent_type(scene.root)]
    for size in (0, 2, 5):
        project = await make.project(scene.owner)
        found[project.id] = [
            await make.agent(
                scene.owner, project, kinds[n % 2], [Status.IDLE, Status.PAUSED][n % 2], name=f"Agent {n * 3 % 5}"
            )
            for n in range(size)
        ]
    return Fleets(scene, found)


@pytest.fixture
def run(http):
    """Runs a document for somebody and returns the whole reply."""

    async def send(document: str, who: Person, **variables: Any) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        return (await http.post("/graphql", json=body, headers=who.headers)).json()

    return send


def naive(things: Sequence[Agent], sort: Sort, after: Agent | None, before: Agent | None, size: int) -> list[Agent]:
    """Returns the part of a list that lies between two places, its first ones or (below 0) its last ones."""

    def place(agent: Agent) -> tuple[Any, UUID]:
        return getattr(agent, sort.field), agent.id

    def follows(one: Agent, other: Agent) -> bool:
        return place(one) < place(other) if sort.descending else place(one) > place(other)

    ordered = sorted(things, key=place, reverse=sort.descending)
    inside = [one for one in ordered if (after is None or follows(one, after))]
    inside = [one for one in inside if before is None or follows(before, one)]
    return inside[size:] if size < 0 else inside[:size]


PAGES = """query($first: Int, $after: String, $last: Int, $before: String, $orderBy: AgentOrder) {
  projects { nodes { id agents(first: $first, after: $after, last: $last, before: $before, orderBy: $orderBy) {
    nodes { id } totalCount pageInfo { hasNextPage hasPreviousPage startCursor endCursor } } } } }"""
NEWEST, BY_NAME = Sort("created_at", descending=True), Sort("name", descending=False)
BY_NAME_DOWN = Sort("name", descending=True)


@pytest.mark.parametrize("sort", [NEWEST, BY_NAME, BY_NAME_DOWN], ids=["newest", "name", "name down"])
@pytest.mark.parametrize("size", [2, 100, -2], ids=["first 2", "first 100", "last 2"])
@pytest.mark.parametrize("bound", [None, "after", "before"])
async def test_each_parent_has_the_page_that_it_would_have_alone(
    sort: Sort, size: int, bound: str | None, run, fleets: Fleets
):
    middle = sorted(max(fleets.by_project.values(), key=len), key=lambda agent: agent.name)[2]
    bounds = {"after": None, "before": None} | ({bound: middle} if bound else {})
    order = {"field": sort.field.upper(), "direction": "DESC" if sort.descending else "ASC"}
    cursor = {bound: pack_cursor(middle, sort)} if bound else {}

    reply = await run(
        PAGES, fleets.scene.owner, **{"last" if size < 0 else "first": abs(size)}, **cursor, orderBy=order
    )

    pages = {UUID(project["id"]): project["agents"] for project in reply["data"]["projects"]["nodes"]}
    assert pages.keys() == fleets.by_project.keys()
    for project, page in pages.items():
        expected = naive(fleets.by_project[project], sort, **bounds, size=size)
        wider = naive(fleets.by_project[project], sort, **bounds, size=-1000 if size < 0 else 1000)
        more = len(wider) > len(expected)
        assert [node["id"] for node in page["nodes"]] == [str(agent.id) for agent in expected]
        assert page["totalCount"] == len(fleets.by_project[project])
        ends = [pack_cursor(expected[n], sort) if expected else None for n in (0, -1)]
        assert page["pageInfo"] == {
            "hasNextPage": bound == "before" if size < 0 else more,
            "hasPreviousPage": more if size < 0 else bound == "after",
            "startCursor": ends[0],
            "endCursor": ends[1],
        }


@pytest.mark.parametrize(("where", "keeps"), [
    ({"status": ["PAUSED"]}, lambda agent, _: agent.status is Status.PAUSED),
    ({"search": "4"}, lambda agent, _: "4" in agent.name),
    ({"agentTypeId": True}, lambda agent, kind: agent.agent_type_id == kind.id),
], ids=["status", "search", "type"])  # fmt: skip
async def test_each_parents_list_is_filtered_and_counted(where: dict[str, Any], keeps, run, fleets: Fleets):
    kind = fleets.scene.kind
    where = where | ({"agentTypeId": str(kind.id)} if "agentTypeId" in where else {})
    document = """query($where: AgentFilterInput) { projects { nodes { id
      agents(where: $where, first: 1) { nodes { id } totalCount } } } }"""

    reply = await run(document, fleets.scene.owner, where=where)

    for project in reply["data"]["projects"]["nodes"]:
        kept = [agent for agent in fleets.by_project[UUID(project["id"])] if keeps(agent, kind)]
        first = [{"id": str(agent.id)} for agent in naive(kept, NEWEST, None, None, 1)]
        assert project["agents"] == {"nodes": first, "totalCount": len(kept)}


async def test_each_project_has_its_members(run, make: Factory, fleets: Fleets):
    owner = fleets.scene.owner
    small, *_, large = fleets.by_project
    late = [await make.member(owner, (await make.project(owner)), "viewer"), owner]
    document = "{ projects { nodes { id members(where: {role: VIEWER}) { totalCount nodes { user { id } } } } } }"

    reply = await run(document, owner)

    found = {project["id"]: project["members"] for project in reply["data"]["projects"]["nodes"]}
    assert found[str(small)]["nodes"] == [{"user": {"id": str(fleets.scene.viewer.id)}}]
    assert found[str(large)] == {"totalCount": 0, "nodes": []}
    assert [page["nodes"] for page in found.values()].count([{"user": {"id": str(late[0].id)}}]) == 1


async def test_each_agent_has_its_events(run, fleets: Fleets):
    document = """{ projects { nodes { agents { nodes { name status
      events(last: 1, where: {kind: [AGENT_SPAWNED, AGENT_PAUSED]}) { totalCount nodes { kind } } } } } } }"""

    reply = await run(document, fleets.scene.owner)

    found = [agent for project in reply["data"]["projects"]["nodes"] for agent in project["agents"]["nodes"]]
    assert len(found) == 8
    for agent in found:
        paused = agent["status"] == "PAUSED"
        last = {"kind": "AGENT_PAUSED" if paused else "AGENT_SPAWNED"}
        assert agent["events"] == {"totalCount": 1 + paused, "nodes": [last]}


async def test_each_project_has_its_events_by_one_statement(run, fleets: Fleets, statements: list[str]):
    document = (
        "{ projects { nodes { id events(last: 2, where: {kind: [AGENT_PAUSED]}) { totalCount nodes { data } } } } }"
    )
    statements.clear()

    reply = await run(document, fleets.scene.owner)

    assert len(statements) == 4  # who asks, the projects, up to where the log is settled, the events
    for project in reply["data"]["projects"]["nodes"]:
        paused = sum(agent.status is Status.PAUSED for agent in fleets.by_project[UUID(project["id"])])
        last = [{"data": {"from": "idle", "to": "paused", "version": 2}}] * min(paused, 2)
        assert project["events"] == {"totalCount": paused, "nodes": last}


async def test_each_type_has_those_agents_that_you_can_see(run, fleets: Fleets):
    scene = fleets.scene
    document = "{ agentTypes { nodes { id agents { totalCount nodes { id } } } } }"
    everything = [agent for some in fleets.by_project.values() for agent in some]

    for who, visible in ((scene.owner, everything), (scene.viewer, [scene.agent]), (scene.stranger, [])):
        for kind in (await run(document, who))["data"]["agentTypes"]["nodes"]:
            own = naive([agent for agent in visible if str(agent.agent_type_id) == kind["id"]], NEWEST, None, None, 20)
            expected = {"totalCount": len(own), "nodes": [{"id": str(agent.id)} for agent in own]}
            assert kind["agents"] == expected


async def test_each_project_has_its_metrics(run, fleets: Fleets):
    scene = fleets.scene
    spent = Draft(UpdateAgent, {"tokens_used": 7, "cost_incurred": "0.25"})
    await agents.update_one(scene.operator, scene.agent.id, spent)
    document = (
        "{ projects { nodes { id metrics { totalInstances pausedInstances totalTokensUsed totalCostIncurred } } } }"
    )

    reply = await run(document, scene.owner)

    for project in reply["data"]["projects"]["nodes"]:
        own = fleets.by_project[UUID(project["id"])]
        used = scene.agent in own
        assert project["metrics"] == {
            "totalInstances": len(own),
            "pausedInstances": sum(agent.status is Status.PAUSED for agent in own),
            "totalTokensUsed": 7 * used,
            "totalCostIncurred": "0.250000" if used else "0.000000",
        }


async def test_verbs_over_several_parents_pass_over_what_is_not_yours_to_see(make: Factory, scene: Scene):
    mine = await make.project(scene.stranger)
    agent = await make.agent(scene.stranger, mine, scene.kind)
    projects, both = [scene.project.id, mine.id], [scene.agent.id, agent.id]

    def listing(kind: type) -> ConnectionList:
        return ConnectionList(kind, {"total": True})

    assert (await agents.in_projects(scene.stranger, projects, listing(AgentFilter))).keys() == {mine.id}
    assert (await members.in_projects(scene.stranger, projects, listing(MemberFilter))).keys() == {mine.id}
    assert (await metrics.of_projects(scene.stranger, projects)).keys() == {mine.id}
    assert (await events.of_projects(scene.stranger, projects, listing(ProjectEventFilter))).keys() == {mine.id}
    assert (await events.of_agents(scene.stranger, both, listing(EventFilter))).keys() == {agent.id}


@pytest.mark.parametrize(("verbs", "edge"), [(agents, "agents"), (members, "members"), (events, "events")])
async def test_who_loses_a_project_halfway_reads_no_more_of_it(verbs, edge: str, run, scene: Scene, monkeypatch):
    pages = verbs._pages_of_projects
    strange = scene.stranger.who
    monkeypatch.setattr(verbs, "_pages_of_projects", lambda _, *rest, **more: pages(strange, *rest, **more))

    reply = await run(f"{{ projects {{ nodes {{ {edge} {{ totalCount }} }} }} }}", scene.owner)

    assert reply["data"] is None
    assert [error["extensions"]["code"] for error in reply["errors"]] == ["NOT_FOUND"]


async def test_bad_arguments_below_a_list_are_refused_before_anything_is_read(
    run, fleets: Fleets, statements: list[str]
):
    statements.clear()

    reply = await run('{ projects { nodes { agents(first: 0, after: "x") { nodes { id } } } } }', fleets.scene.owner)

    for error in reply["errors"]:
        assert error["extensions"]["code"] == "VALIDATION_FAILED"
        assert [fault["field"] for fault in error["extensions"]["errors"]] == [["first"], ["after"]]
    assert len(statements) == 2  # who asks, the projects


async def test_one_fragment_in_two_places_counts_only_where_that_is_asked(run, fleets: Fleets):
    document = """{ a: projects { nodes { ...F } } b: projects { nodes { ...F agents(first: 1) { totalCount } } } }
      fragment F on Project { id agents(first: 1) { nodes { id } } }"""

    reply = (await run(document, fleets.scene.owner))["data"]

    plain = [project["agents"] for project in reply["a"]["nodes"]]
    counted = [project["agents"] for project in reply["b"]["nodes"]]
    assert plain == [{"nodes": page["nodes"]} for page in counted]
    assert [page["totalCount"] for page in counted] == [
        len(fleets.by_project[UUID(project["id"])]) for project in reply["b"]["nodes"]
    ]


async def test_lists_below_a_mutation_hold_what_the_fields_before_have_done(run, scene: Scene):
    document = """mutation($i: PauseAgentInput!, $j: ResumeAgentInput!) {
      a: pauseAgent(input: $i) { agent { ...F } } b: resumeAgent(input: $j) { agent { ...F } } }
      fragment F on Agent { events { totalCount } }"""
    one = {"id": str(scene.agent.id)}

    reply = (await run(document, scene.operator, i=one, j=one))["data"]

    assert [reply[name]["agent"]["events"]["totalCount"] for name in "ab"] == [2, 3]
