"""Rate limits on sockets and event streams: what is asked there counts, and what comes does not."""

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from websockets.asyncio.client import ClientConnection

from gql_app.asgi import make_app
from resolvers import agents
from resolvers.context import Guest
from tests.conftest import listens
from tests.factories import Scene
from tests.test_limits import costly
from tests.test_rate_limits import VIEWER, Clock, limits
from tests.test_socket import EVENTS, ask, closed, heard, opened, say, signed_in

Server = Callable[..., AbstractAsyncContextManager[str]]


@pytest.fixture
def served(guest: Guest, monkeypatch: pytest.MonkeyPatch) -> Server:
    """Listens with an application that has limits; the time of day stands still."""
    monkeypatch.setattr(time, "time", lambda: Clock.now)

    @asynccontextmanager
    async def serve(**said: str) -> AsyncIterator[str]:
        own = msgspec.structs.replace(guest, rates=limits(**said))
        # Its end would close the store that all tests share.
        async with listens(make_app(own, explorer=False), lifespan="off") as url:
            yield url

    return serve


async def run(socket: ClientConnection, name: str, query: str, **variables: object) -> dict[str, Any]:
    """Runs an operation that has one answer."""
    await say(socket, "subscribe", id=name, payload=ask(query, **variables))
    answer = await heard(socket)
    if answer["type"] == "next":
        assert (await heard(socket))["type"] == "complete"
    return answer


async def left(url: str, scene: Scene) -> str:
    """Takes one unit; returns what is left."""
    async with httpx.AsyncClient() as http:
        return (await http.get(f"{url}/api/v1/users/me", headers=scene.owner.headers)).headers["RateLimit"]


async def test_each_operation_on_a_socket_counts(served: Server, scene: Scene, statements: list[str]):
    async with served(user="4/minute") as url, signed_in(url, scene.owner) as socket:
        for name in "abc":
            assert (await run(socket, name, VIEWER["query"]))["payload"]["data"]
        statements.clear()
        refused = await run(socket, "d", VIEWER["query"])

        assert (refused["type"], refused["id"], statements) == ("error", "d", [])
        expected = {"code": "RATE_LIMITED", "limit": "user", "retryAfter": 43}
        assert [error["extensions"] for error in refused["payload"]] == [expected]
        assert await left(url, scene) == '"user";r=0;t=43'


@pytest.mark.parametrize(
    ("query", "units"), [("{viewer{id}}", 1), (costly(5_000), 100), ("{nothing}", 1), ("{", 1), (costly(5_001), 1)],
    ids=["light", "heavy", "invalid", "no GraphQL", "too much"],
)  # fmt: skip
async def test_an_operation_weighs_on_a_socket_what_it_weighs_elsewhere(
    query: str, units: int, served: Server, scene: Scene
):
    async with served(user="1000/minute") as url, signed_in(url, scene.owner) as socket:
        await run(socket, "1", query)
        assert await left(url, scene) == f'"user";r={998 - units};t=43'


async def test_what_weighs_more_than_is_left_is_told_on_a_socket(served: Server, scene: Scene):
    async with served(user="50/minute") as url, signed_in(url, scene.owner) as socket:
        await run(socket, "1", VIEWER["query"])
        refused = await run(socket, "2", costly(5_000))
        assert "RATE_LIMITED" in str(refused["payload"])
        assert "viewer" in (await run(socket, "3", VIEWER["query"]))["payload"]["data"]


async def test_who_connects_too_often_is_to_try_again_later(served: Server, scene: Scene, statements: list[str]):
    async with served(user="2/minute") as url:
        for _ in range(2):
            async with signed_in(url, scene.owner):
                pass
        statements.clear()
        async with opened(url) as socket:
            await say(socket, "connection_init", payload=scene.owner.headers)
            assert await closed(socket) == 1013
            assert "try again in 43 s" in socket.close_reason
        assert not statements


async def test_who_is_not_let_in_counts_for_the_address(served: Server):
    async with served(address="2/minute") as url:
        for expected in (4403, 4403, 1013):
            async with opened(url) as socket:
                await say(socket, "connection_init", payload={"Authorization": "Bearer none"})
                assert await closed(socket) == expected


async def test_events_of_a_subscription_count_for_nothing(served: Server, scene: Scene):
    async with served(user="3/minute") as url, signed_in(url, scene.owner) as socket:
        await say(socket, "subscribe", id="1", payload=ask(EVENTS, id=str(scene.project.id)))
        await run(socket, "2", VIEWER["query"])
        while not any(seat.began for seat in scene.owner.feed._seats):  # noqa: ASYNC110 — no event tells of it
            await asyncio.sleep(0.01)
        for _ in range(3):
            await agents.pause(scene.owner, scene.agent.id)
            assert (await heard(socket))["type"] == "next"
            await agents.resume(scene.owner, scene.agent.id)
            assert (await heard(socket))["type"] == "next"
        assert (await run(socket, "3", VIEWER["query"]))["type"] == "error"


async def test_an_event_stream_counts_once(served: Server, scene: Scene):
    body = {"query": EVENTS, "variables": {"id": str(scene.project.id)}}
    headers = scene.owner.headers | {"Accept": "text/event-stream"}
    async with served(user="2/minute") as url, httpx.AsyncClient(base_url=url, timeout=10) as http:
        async with http.stream("POST", "/graphql", json=body, headers=headers) as stream:
            assert stream.headers["RateLimit"] == '"user";r=1;t=43'
        assert await left(url, scene) == '"user";r=0;t=43'
        refused = await http.post("/graphql", json=body, headers=headers)
        assert (refused.status_code, refused.headers["Retry-After"]) == (429, "43")


async def test_a_heavy_query_as_an_event_stream_counts_as_heavy(served: Server, scene: Scene):
    headers = scene.owner.headers | {"Accept": "text/event-stream"}
    async with served(user="150/minute") as url, httpx.AsyncClient(base_url=url, timeout=10) as http:
        replies = [await http.post("/graphql", json={"query": costly(5_000)}, headers=headers) for _ in range(2)]
        assert ["RATE_LIMITED" in reply.text for reply in replies] == [False, True]
        assert await left(url, scene) == '"user";r=48;t=43'
