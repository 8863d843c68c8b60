"""A project's events through GraphQL: a list that ends where nothing comes in between, with the cursors of the log."""

import asyncio
from typing import Any

import pytest
from sqlalchemy import insert, select

from resolvers import agents, events
from resolvers.domain.agents import Agent
from resolvers.domain.events import AGENT_KINDS
from resolvers.domain.ids import new_id
from resolvers.store import feed as feeds
from resolvers.store.tables import events as rows
from tests.factories import Factory, Person, Scene

EVENTS = """query($id: ID!, $first: Int, $after: String, $last: Int, $before: String, $where: ProjectEventFilterInput,
                  $orderBy: EventOrder) {
  project(id: $id) {
    events(first: $first, after: $after, last: $last, before: $before, where: $where, orderBy: $orderBy) {
      edges { cursor } nodes { cursor kind data } totalCount pageInfo { hasNextPage hasPreviousPage endCursor } } } }"""
NEWEST = {"field": "SEQUENCE", "direction": "DESC"}


@pytest.fixture
def run(http, scene: Scene):
    """Asks for a part of the events of the scene's project; returns the whole reply."""

    async def send(who: Person, **variables: Any) -> dict[str, Any]:
        body = {"query": EVENTS, "variables": {"id": str(scene.project.id), **variables}}
        return (await http.post("/graphql", json=body, headers=who.headers)).json()

    return send


@pytest.fixture
def listed(run, scene: Scene):
    """Returns a part of the events of the scene's project, as its viewer sees them."""

    async def read(**variables: Any) -> dict[str, Any]:
        return (await run(scene.viewer, **variables))["data"]["project"]["events"]

    return read


async def steps(scene: Scene, count: int) -> None:
    for number in range(count):
        await (agents.resume if number % 2 else agents.pause)(scene.operator, scene.agent.id)


def versions(part: dict[str, Any]) -> list[int]:
    return [event["data"]["version"] for event in part["nodes"]]


def an_event(scene: Scene) -> Any:
    values = {"id": new_id(), "kind": "agent.updated", "project_id": scene.project.id, "subject_id": scene.agent.id}
    return insert(rows).values(**values, data={"version": 0})


@pytest.mark.parametrize(("asked", "found"), [
    ({}, [1, 2, 3, 4, 5, 6]), ({"first": 2}, [1, 2]), ({"last": 2}, [5, 6]), ({"first": 2, "after": 1}, [3, 4]),
    ({"last": 2, "before": 3}, [2, 3]), ({"orderBy": NEWEST, "first": 2}, [6, 5]),
    ({"orderBy": NEWEST, "after": 2}, [2, 1]), ({"after": 5}, []),
], ids=str)  # fmt: skip
async def test_any_part_of_the_log_can_be_read(asked: dict[str, Any], found: list[int], listed, scene: Scene):
    await steps(scene, 5)
    cursors = [event["cursor"] for event in (await listed())["nodes"]]
    asked = asked | {name: cursors[asked[name]] for name in ("after", "before") if name in asked}

    part = await listed(**asked)

    assert (versions(part), part["totalCount"]) == (found, 6)
    assert [edge["cursor"] for edge in part["edges"]] == [event["cursor"] for event in part["nodes"]]
    assert part["pageInfo"]["endCursor"] == (part["nodes"][-1]["cursor"] if found else None)


async def test_the_log_is_filtered_by_kind_and_by_agent(listed, make: Factory, scene: Scene):
    other = await make.agent(scene.operator, scene.project, scene.kind)
    await make.agent(scene.root, await make.project(scene.root), scene.kind)  # of no concern here
    await steps(scene, 2)
    cases = [
        ({}, ["AGENT_SPAWNED", "AGENT_SPAWNED", "AGENT_PAUSED", "AGENT_RESUMED"]),
        ({"kind": ["AGENT_PAUSED"]}, ["AGENT_PAUSED"]),
        ({"kind": ["PROJECT_CREATED"]}, []),
        ({"agentId": str(other.id)}, ["AGENT_SPAWNED"]),
        ({"agentId": str(scene.agent.id), "kind": ["AGENT_SPAWNED"]}, ["AGENT_SPAWNED"]),
        ({"agentId": str(new_id())}, []),
    ]
    for where, kinds in cases:
        part = await listed(where=where)
        assert ([event["kind"] for event in part["nodes"]], part["totalCount"]) == (kinds, len(kinds)), where


async def test_strangers_read_nothing(run, scene: Scene):
    assert (await run(scene.stranger))["data"] == {"project": None}
    assert (await run(scene.stranger, after="x"))["data"] == {"project": None}  # rights before validity


@pytest.mark.parametrize("text", ["", "x", "-1", "1.5", "9" * 19, "9" * 5_000, "\u0661", " 1", "WyJzZXF1ZW5jZSJd"])
@pytest.mark.parametrize("word", ["after", "before"])
async def test_what_is_no_cursor_is_refused(word: str, text: str, run, scene: Scene):
    [error] = (await run(scene.viewer, **{word: text}))["errors"]
    assert error["extensions"]["code"] == "VALIDATION_FAILED"
    assert [fault["field"] for fault in error["extensions"]["errors"]] == [[word]]


# Going on where the list ends


async def test_nothing_comes_later_before_what_was_listed(listed, make: Factory, scene: Scene):
    # The open transaction holds the lower place: who was told of the later event alone would never see it.
    other = await make.agent(scene.operator, scene.project, scene.kind)
    async with scene.owner.store.write() as db:
        await db.execute(an_event(scene))
        await agents.pause(scene.operator, other.id)
        asked = [asyncio.create_task(listed(**more)) for more in ({}, {"last": 1}, {"orderBy": NEWEST, "first": 1})]
        await asyncio.sleep(0.3)
        assert not any(task.done() for task in asked)
    whole, last, newest = [[event["kind"] for event in (await task)["nodes"]] for task in asked]
    assert whole == ["AGENT_SPAWNED", "AGENT_SPAWNED", "AGENT_UPDATED", "AGENT_PAUSED"]
    assert last == newest == whole[-1:]


async def test_who_writes_for_long_makes_readers_come_again(monkeypatch, run, scene: Scene):
    monkeypatch.setattr(feeds, "SETTLE_PATIENCE", 0.05)
    async with scene.owner.store.write() as db:
        await db.execute(an_event(scene))
        [error] = (await run(scene.viewer))["errors"]
    assert (error["extensions"]["code"], error["extensions"]["retryAfter"]) == ("UNAVAILABLE", 1)


async def logged(scene: Scene) -> list[str]:
    """Returns the cursors of all that happened to agents of the project."""
    of_agents = rows.c.kind.in_(AGENT_KINDS), rows.c.project_id == scene.project.id
    async with scene.owner.store.read() as db:
        found = await db.execute(select(rows.c.sequence).where(*of_agents).order_by(rows.c.sequence))
        return [str(place) for place in found.scalars()]


async def test_who_pages_to_the_end_and_then_listens_misses_nothing_and_hears_nothing_twice(
    listed, make: Factory, scene: Scene
):
    fleet = [await make.agent(scene.operator, scene.project, scene.kind) for _ in range(5)]

    async def work(agent: Agent) -> None:
        while len(scene.viewer.feed._seats) < 4:
            await agents.pause(scene.operator, agent.id)
            await agents.resume(scene.operator, agent.id)

    async def page_then_listen() -> list[str]:
        found, after, more = [], None, True
        while more:
            part = await listed(first=50, after=after)
            found += [event["cursor"] for event in part["nodes"]]
            after, more = part["pageInfo"]["endCursor"], part["pageInfo"]["hasNextPage"]
        async with events.follow(scene.viewer, scene.project.id, after=after) as following:
            async for event in following:
                found.append(event.cursor)
                if event.kind == "agent.terminated":
                    break
        return found

    async with asyncio.timeout(30):
        readers = [asyncio.create_task(page_then_listen()) for _ in range(4)]
        await asyncio.gather(*map(work, fleet))
        await agents.terminate(scene.operator, scene.agent.id)
        assert await asyncio.gather(*readers) == [await logged(scene)] * 4


async def test_a_cursor_is_the_same_place_in_every_list_and_stream(http, run, listed, scene: Scene):
    await steps(scene, 3)
    path, headers = f"/api/v1/projects/{scene.project.id}/events", scene.viewer.headers
    place = (await listed(first=2))["pageInfo"]["endCursor"]
    through_rest = (await http.get(path, params={"after": place, "limit": 1}, headers=headers)).json()
    of_agent = (
        f'query($after: String) {{ agent(id: "{scene.agent.id}") {{ events(after: $after) {{ nodes {{ data }} }} }} }}'
    )

    assert [event["data"]["version"] for event in through_rest["data"]] == [3]
    assert versions(await listed(after=through_rest["pagination"]["after"])) == [4]
    body = {"query": of_agent, "variables": {"after": place}}
    reply = (await http.post("/graphql", json=body, headers=headers)).json()
    assert versions(reply["data"]["agent"]["events"]) == [3, 4]
    async with events.follow(scene.viewer, scene.project.id, after=place) as following:
        assert (await anext(aiter(following))).data["version"] == 3
