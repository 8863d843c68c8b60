"""Bugs of ours: whoever asked gets an error id and nothing else, the log has the trace under that id."""

import json
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any

import httpx
import msgspec
import pytest
from websockets import ConnectionClosed

from resolvers.domain.errors import Code
from resolvers.domain.ids import new_id
from resolvers.domain.projects import Project
from tests.factories import Person, Scene
from tests.test_graphql_http import EVENTS, GRAPHQL
from tests.test_socket import closed, heard, opened, say, signed_in

SECRET = "hunter2"
DSN = f"postgresql://roster:{SECRET}@db.internal/roster"
QUERY = "{ stats { totalUsers } }"
Plant = Callable[[str], None]


class Way:
    """Each transport: plants a bug once the way is open, asks, and returns what came back."""

    def __init__(self, http: httpx.AsyncClient, address: str, who: Person) -> None:
        self.http, self.address, self.who = http, address, who

    async def post(self, plant: Callable[[], None]) -> str:
        plant()
        unheard = f"{QUERY} # {new_id()}"
        return (await self.http.post("/graphql", json={"query": unheard}, headers=self.who.headers)).text

    async def again(self, plant: Callable[[], None]) -> str:
        asked = {"json": {"query": QUERY}, "headers": self.who.headers}
        assert "errors" not in (await self.http.post("/graphql", **asked)).json()
        plant()
        return (await self.http.post("/graphql", **asked)).text

    async def get(self, plant: Callable[[], None]) -> str:
        plant()
        return (await self.http.get("/graphql", params={"query": QUERY}, headers=self.who.headers)).text

    async def events(self, plant: Callable[[], None]) -> str:
        plant()
        headers = self.who.headers | {"Accept": EVENTS}
        reply = await self.http.post("/graphql", json={"query": QUERY}, headers=headers)
        [line] = [line for line in reply.text.splitlines() if line.startswith("data: {")]
        return line.removeprefix("data: ")

    async def socket(self, plant: Callable[[], None]) -> str:
        async with signed_in(self.address, self.who) as socket:
            plant()
            await say(socket, "subscribe", id="1", payload={"query": QUERY})
            message = await heard(socket)
        return json.dumps(message["payload"] if message["type"] == "next" else {"errors": message["payload"]})


Ask = Callable[[Way, Callable[[], None]], Awaitable[str]]
WAYS: dict[str, Ask] = {"POST": Way.post, "GET": Way.get, "server-sent events": Way.events, "WebSocket": Way.socket}
INSIDE = {
    "a resolver": "schema.query.users.stats", "who asks": "schema.context.auth.identify",
    "an extension": "schema.problems.Problems.on_validate",
}  # fmt: skip
OUTSIDE = {"the context": "schema.http.Door.get_context", "the encoding": "schema.http.Door.encode_json"}
AROUND_A_SOCKET = {
    "the context": "schema.http.Door.get_context", "signing in": "schema.context.auth.identify",
    "sending": "schema.socket.Socket.send_json", "reading": "schema.socket.Socket.iter_json",
}  # fmt: skip


@pytest.fixture
def way(http: httpx.AsyncClient, address: str, scene: Scene) -> Way:
    return Way(http, address, scene.root)


@pytest.fixture(params=[RuntimeError, ValueError, KeyError])
def plant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Plant:
    """Plants a bug whose message is a secret."""

    def broken(*_args: object, **_more: object) -> None:
        raise request.param(DSN)

    return lambda place: monkeypatch.setattr(place, broken)


@pytest.fixture
def logged(caplog: pytest.LogCaptureFixture) -> Callable[[str], None]:
    """Checks that the log has one trace under an error id, and that it is of what was planted."""

    def check(error_id: str) -> None:
        [record] = [record for record in caplog.records if getattr(record, "error_id", "") == error_id]
        assert record.levelno == logging.ERROR
        assert record.exc_info
        assert DSN in str(record.exc_info[1])

    return check


@pytest.fixture
def masked(logged) -> Callable[[str], dict[str, Any]]:
    """Checks that an answer tells of a bug by an id alone, under which the log has the trace; returns the answer."""

    def check(text: str) -> dict[str, Any]:
        assert SECRET not in text
        assert "db.internal" not in text
        answer = json.loads(text)
        [error] = answer["errors"]
        assert error["message"] == Code.INTERNAL.says
        assert error["extensions"].keys() == {"code", "errorId"}
        assert error["extensions"]["code"] == "INTERNAL"
        logged(error["extensions"]["errorId"])
        return answer

    return check


@pytest.mark.parametrize("ask", WAYS.values(), ids=WAYS)
@pytest.mark.parametrize("place", INSIDE.values(), ids=INSIDE)
async def test_a_bug_shows_nothing_but_an_error_id(place: str, ask: Ask, way: Way, plant: Plant, masked):
    answer = masked(await ask(way, lambda: plant(place)))
    assert not any((answer.get("data") or {}).values())


@pytest.mark.parametrize("place", [INSIDE["a resolver"], INSIDE["who asks"], "schema.prepared.Prepared.run"])
async def test_a_bug_in_what_came_before_shows_no_more(place: str, way: Way, plant: Plant, masked):
    answer = masked(await way.again(lambda: plant(place)))
    assert not any((answer.get("data") or {}).values())


@pytest.mark.parametrize("ask", [Way.post, Way.get], ids=["POST", "GET"])
@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
async def test_a_bug_around_graphql_shows_no_more(place: str, ask: Ask, way: Way, plant: Plant, masked):
    assert masked(await ask(way, lambda: plant(place))).keys() == {"errors"}


@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
async def test_a_bug_around_graphql_is_a_failure_of_http(place: str, plant: Plant, masked, http, scene: Scene):
    plant(place)
    reply = await http.post("/graphql", json={"query": QUERY}, headers=scene.root.headers | {"Accept": GRAPHQL})
    assert (reply.status_code, reply.headers["Content-Type"]) == (500, GRAPHQL)
    masked(reply.text)


@pytest.mark.parametrize("place", AROUND_A_SOCKET.values(), ids=AROUND_A_SOCKET)
async def test_a_bug_around_a_socket_closes_it_with_an_error_id(
    place: str, plant: Plant, logged, address: str, scene: Scene
):
    plant(place)
    async with opened(address) as socket:
        with suppress(ConnectionClosed):  # it may be closed before anything is said
            await say(socket, "connection_init", payload=scene.root.headers)
        assert await closed(socket) == 1011
    assert SECRET not in socket.close_reason
    logged(socket.close_reason.split()[-1])


async def test_a_bug_in_what_a_socket_tells_of_an_operation_closes_it_too(
    plant: Plant, logged, address: str, scene: Scene
):
    async with signed_in(address, scene.root) as socket:
        plant("schema.socket.Socket.send_json")
        await say(socket, "subscribe", id="1", payload={"query": QUERY})
        assert await closed(socket) == 1011
    assert SECRET not in socket.close_reason
    logged(socket.close_reason.split()[-1])


@pytest.mark.parametrize("odd", [DSN, None, [DSN]], ids=["a text", "null", "a list"])
@pytest.mark.parametrize("field", ["version", "status"])
async def test_a_value_that_does_not_fit_the_schema_is_a_bug_too(field, odd, http, scene: Scene, monkeypatch):
    async def by_slug(*_args: object) -> Project:
        return msgspec.structs.replace(scene.project, **{field: odd})

    monkeypatch.setattr("schema.query.projects.get_by_slug", by_slug)
    query = f'{{ project(slug: "x") {{ {field} }} }}'
    reply = await http.post("/graphql", json={"query": query}, headers=scene.root.headers)
    [error] = reply.json()["errors"]
    assert error["extensions"].keys() == {"code", "errorId"}
    assert SECRET not in reply.text


async def test_an_argument_that_only_shows_itself_to_be_bad_when_it_runs_is_no_bug(http, scene: Scene):
    query = 'query($id: ID = "x") { node(id: $id) { id } }'
    reply = await http.post("/graphql", json={"query": query, "variables": {"id": None}}, headers=scene.root.headers)
    assert [error["extensions"] for error in reply.json()["errors"]] == [{"code": "VALIDATION_FAILED"}]
