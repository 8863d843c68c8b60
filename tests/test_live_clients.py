"""Live events as frontends get them: with the clients graphql-ws and graphql-sse, from real servers."""

import asyncio
import json
from asyncio.subprocess import Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest

from resolvers import agents, auth, members
from tests.factories import Factory, Scene
from tests.node_tools import Node
from tests.processes import ROOT, Place, Server

QUERY = """subscription($projectId: ID!, $agentId: ID, $after: String) {
  agentEvents(projectId: $projectId, agentId: $agentId, after: $after) { kind cursor data actor { email } } }"""
pytestmark = pytest.mark.parametrize("way", ["ws", "sse"])


class Follower:
    """A client in Node, and what it has said."""

    def __init__(self, process: Process) -> None:
        self.said: list[dict[str, Any]] = []
        self._process = process

    async def until(self, holds: Callable[[dict[str, Any]], object]) -> dict[str, Any]:
        """Reads on until the client says something."""
        async with asyncio.timeout(30):
            while line := await self._process.stdout.readline():
                self.said.append(json.loads(line))
                if holds(self.said[-1]):
                    return self.said[-1]
        raise AssertionError((await self._process.stderr.read()).decode())

    async def hears(self, version: int) -> None:
        """Reads on until an event with this version of the agent has come."""
        await self.until(lambda line: version in [event["data"]["version"] for event in events_of([line])])

    @property
    def versions(self) -> list[int]:
        return [event["data"]["version"] for event in events_of(self.said)]

    def sign_in_with(self, token: str) -> None:
        self._process.stdin.write(json.dumps({"token": token}).encode() + b"\n")


def events_of(lines: list[dict[str, Any]]) -> list[dict[str, Any]]:
    return [line["data"]["agentEvents"] for line in lines if line["what"] == "next" and line.get("data")]


def codes(line: dict[str, Any]) -> list[str]:
    errors = line.get("errors") or line.get("error")
    return [error["extensions"]["code"] for error in errors] if isinstance(errors, list) else []


def is_signed_out(line: dict[str, Any]) -> bool:
    """Tells whether a client was told to sign in: by a socket's end, or by an error."""
    return line.get("code") == 4403 or codes(line) == ["UNAUTHENTICATED"]


@asynccontextmanager
async def following(node: Node, way: str, address: str, token: str, **variables: str) -> AsyncIterator[Follower]:
    words = ("follow.mjs", way, f"{address}/graphql", token, QUERY, json.dumps(variables))
    async with node.start(*words) as process:
        yield Follower(process)


@asynccontextmanager
async def busy(scene: Scene) -> AsyncIterator[None]:
    """A while in which the scene's agent is moved without a pause."""

    async def work() -> None:
        while True:
            await agents.pause(scene.operator, scene.agent.id)
            await agents.resume(scene.operator, scene.agent.id)

    working = asyncio.create_task(work())
    yield
    working.cancel()
    await asyncio.wait([working])


async def test_a_client_hears_what_happens_and_who_did_it(way: str, node: Node, address: str, scene: Scene):
    token = scene.viewer.tokens.access_token
    async with following(node, way, address, token, projectId=str(scene.project.id), after="0") as client:
        await client.hears(1)
        await agents.pause(scene.operator, scene.agent.id)
        await agents.resume(scene.operator, scene.agent.id)
        await client.hears(3)
        assert [event["kind"] for event in events_of(client.said)] == ["AGENT_SPAWNED", "AGENT_PAUSED", "AGENT_RESUMED"]
        assert events_of(client.said)[-1]["actor"] == {"email": scene.operator.email}


async def test_a_client_that_signs_in_again_goes_on_where_it_was(
    way: str, node: Node, address: str, scene: Scene, make: Factory
):
    token = scene.viewer.tokens.access_token
    async with following(node, way, address, token, projectId=str(scene.project.id), after="0") as client:
        await client.hears(1)
        await auth.logout_all(scene.viewer)
        await client.until(is_signed_out)
        await agents.pause(scene.operator, scene.agent.id)
        again = await make.signed_in(scene.viewer.email)
        client.sign_in_with(again.tokens.access_token)
        await client.hears(2)
        assert client.versions == [1, 2]


async def test_a_token_that_expires_amid_events_ends_the_stream_and_loses_none(
    way: str, node: Node, address: str, scene: Scene
):
    variables = {"projectId": str(scene.project.id), "after": "0"}
    async with busy(scene), following(node, way, address, "none", **variables) as client:
        await client.until(is_signed_out)  # so it is there, and will soon try again
        client.sign_in_with(scene.viewer.token(seconds=3))
        await client.until(lambda line: line["what"] == "next" and line.get("data"))
        await client.until(is_signed_out)
        last = client.versions[-1]
        client.sign_in_with(scene.viewer.tokens.access_token)
        await client.hears(last + 50)
    assert client.versions == list(range(1, len(client.versions) + 1))


async def test_who_is_put_out_of_a_project_is_told_so_once(way: str, node: Node, address: str, scene: Scene):
    token = scene.viewer.tokens.access_token
    async with following(node, way, address, token, projectId=str(scene.project.id), after="0") as client:
        await client.hears(1)
        await members.remove(scene.owner, scene.project.id, scene.viewer.id)
        await agents.pause(scene.operator, scene.agent.id)
        await client.until(lambda line: codes(line) == ["NOT_FOUND"])
        assert client.versions == [1]


@pytest.fixture
def place(tmp_path: Path, prepared: Path):
    with Place(tmp_path) as place:
        yield place.settle(prepared)


class Operator:
    """Someone who works with one agent through REST, on whichever server."""

    def __init__(self, server: Server) -> None:
        self.token = server.login().json()["access_token"]
        self.headers = {"Authorization": f"Bearer {self.token}"}
        kind = {"name": "A type", "slug": "a-type", "personality_prompt": "Do.", "primary_model": "m"}
        made = self.post(server, "agent-types", kind)
        self.project = self.post(server, "projects", {"name": "A project", "slug": "a-project"})["id"]
        agent = self.post(server, f"projects/{self.project}/agents", {"agent_type_id": made["id"], "name": "An agent"})
        self.agent, self.version = f"projects/{self.project}/agents/{agent['id']}", 1

    def post(self, server: Server, path: str, body: object = None) -> Any:
        reply = httpx.post(f"{server.address}/api/v1/{path}", json=body, headers=self.headers)
        return reply.raise_for_status().json()

    def steps(self, server: Server, count: int) -> int:
        """Takes this many steps; returns the version of the last."""
        for _ in range(count):
            self.version = self.post(server, f"{self.agent}/{'pause' if self.version % 2 else 'resume'}")["version"]
        return self.version


async def test_nothing_is_lost_or_repeated_while_servers_come_and_go(way: str, node: Node, place: Place):
    one, two = place.serve(**ROOT), place.serve(**ROOT)
    port = one.address.rpartition(":")[2]
    operator = Operator(one)
    async with following(node, way, one.address, operator.token, projectId=operator.project, after="0") as client:
        await client.hears(operator.steps(two, 3))
        one.kill()
        operator.steps(two, 4)
        again = place.serve("--port", port, **ROOT)
        operator.steps(again, 2)
        await client.hears(operator.steps(two, 2))
        assert again.stop() == 0
        operator.steps(two, 3)
        last = place.serve("--port", port, **ROOT)
        await client.hears(operator.steps(last, 1))
    assert client.versions == list(range(1, operator.version + 1))


async def test_who_listens_does_not_hold_up_the_stop(way: str, node: Node, place: Place):
    server = place.serve(**ROOT, stop_seconds=600)
    operator = Operator(server)
    async with following(node, way, server.address, operator.token, projectId=operator.project, after="0") as client:
        await client.hears(1)
        assert await asyncio.to_thread(server.stop) == 0
        assert "Traceback" not in server.err
        assert "complete" not in [line["what"] for line in client.said]
