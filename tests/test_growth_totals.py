"""Totals from counters, and lists in parts: they are what one would count and sort by hand."""

from itertools import product
from typing import NamedTuple

import pytest

from resolvers import agent_types, agents, projects, users
from resolvers.domain.agent_types import AgentType, AgentTypeFilter
from resolvers.domain.agents import Agent, AgentFilter
from resolvers.domain.lifecycle import Status
from resolvers.domain.paging import ConnectionList, NumberedList, Page, pack_cursor
from resolvers.domain.projects import ProjectFilter
from resolvers.domain.users import UserFilter
from tests.factories import Factory, Scene


class Fleet(NamedTuple):
    """Agents of two types in two projects, of which the viewer of the scene sees one."""

    scene: Scene
    other: AgentType
    agents: list[Agent]


@pytest.fixture
async def fleet(make: Factory, scene: Scene) -> Fleet:
    places = [scene.project, await make.project(scene.owner)]
    kinds = [scene.kind, await make.agent_type(scene.root)]
    statuses = [Status.IDLE, Status.WORKING, Status.PAUSED, Status.TERMINATED]
    made = [await make.agent(scene.owner, *what) for what in product(places, kinds, statuses)]
    return Fleet(scene, kinds[1], [scene.agent, *made])


STATUSES = [None, ["idle"], ["idle", "paused"], ["idle", "idle", "terminated"], ["waiting"], []]


@pytest.mark.parametrize("kind", ["any", "other"])
@pytest.mark.parametrize("statuses", STATUSES, ids=str)
async def test_agents_are_listed_and_counted_as_by_hand(statuses: list[str] | None, kind: str, fleet: Fleet):
    scene = fleet.scene
    raw: dict[str, object] = {} if statuses is None else {"status": statuses}
    if kind == "other":
        raw["agent_type_id"] = str(fleet.other.id)
    fitting = [agent for agent in fleet.agents if fits(agent, raw)]

    for who, types in ((scene.viewer, False), (scene.owner, True), (scene.viewer, True), (scene.root, True)):
        mine = [agent for agent in fitting if who is not scene.viewer or agent.project_id == scene.project.id]
        parents = [scene.kind.id, fleet.other.id] if types else [scene.project.id]
        read = agents.of_types if types else agents.in_projects
        found = await read(who, parents, ConnectionList(AgentFilter, {"where": raw, "total": True}))
        for parent in parents:
            own = [agent for agent in mine if parent in {agent.agent_type_id, agent.project_id}]
            assert [agent.id for agent in found[parent].items] == [agent.id for agent in newest_first(own)]
            assert found[parent].total == len(own)


def fits(agent: Agent, raw: dict[str, object]) -> bool:
    kind = raw.get("agent_type_id", str(agent.agent_type_id))
    return str(agent.agent_type_id) == kind and agent.status in raw.get("status", [agent.status])


def newest_first(some: list[Agent]) -> list[Agent]:
    return sorted(some, key=lambda agent: (agent.created_at, agent.id), reverse=True)


async def test_agents_of_several_statuses_come_page_by_page(fleet: Fleet):
    scene, raw = fleet.scene, {"status": ["idle", "working", "paused"]}
    own = [agent for agent in fleet.agents if agent.project_id == scene.project.id and fits(agent, raw)]
    ids = [agent.id for agent in newest_first(own)]

    async def part(**asked: object) -> Page[Agent]:
        listing = ConnectionList(AgentFilter, {"where": raw, **asked})
        return (await agents.in_projects(scene.viewer, [scene.project.id], listing))[scene.project.id]

    pages = [{**raw, "page": page, "limit": "3"} for page in ("1", "2", "3")]
    numbered = [await agents.search(scene.viewer, scene.project.id, NumberedList(AgentFilter, page)) for page in pages]
    first = await part(first=3)
    cursor = pack_cursor(first.items[-1], first.sort)
    second, back = await part(first=3, after=cursor), await part(last=2, before=cursor)

    assert [agent.id for page in numbered for agent in page.items] == ids
    assert [page.has_next for page in numbered] == [True, True, False]
    assert [agent.id for agent in first.items + second.items] == ids[:6]
    assert [agent.id for agent in back.items] == ids[:2]


async def test_projects_types_and_users_are_counted_as_by_hand(make: Factory, scene: Scene):
    await projects.archive(scene.owner, (await make.project(scene.owner)).id)
    await agent_types.deactivate(scene.root, (await make.agent_type(scene.root)).id)
    await users.deactivate(scene.root, scene.stranger.id)
    await users.delete(scene.root, scene.operator.id)
    lists = [
        *((projects, ProjectFilter, raw) for raw in ({}, {"status": "active"}, {"status": "archived"})),
        *((agent_types, AgentTypeFilter, raw) for raw in ({}, {"is_active": "true"}, {"is_active": "false"})),
        *((users, UserFilter, raw) for raw in ({}, {"is_active": "false"}, {"is_superuser": "false"})),
        (users, UserFilter, {"is_active": "true", "is_superuser": "true"}),
    ]

    for verbs, kind, raw in lists:
        page = await verbs.search(scene.root, NumberedList(kind, raw))
        assert page.total == len(page.items) > 0


async def test_stats_are_what_there_is(make: Factory, fleet: Fleet):
    scene = fleet.scene
    await users.deactivate(scene.root, scene.stranger.id)
    await projects.archive(scene.owner, (await make.project(scene.owner)).id)

    told = await users.stats(scene.root)

    assert (told.total_users, told.active_users, told.superusers, told.active_sessions) == (5, 4, 1, 4)
    assert (told.total_agent_types, told.active_agent_types) == (2, 2)
    assert (told.total_projects, told.active_projects) == (3, 2)
    assert (told.total_agents, told.active_agents) == (17, 4)


async def test_a_member_of_nothing_counts_nothing(scene: Scene):
    page = await projects.search(scene.stranger, NumberedList(ProjectFilter, {}))

    assert (page.items, page.total) == ([], 0)
