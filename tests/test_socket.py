"""The protocol graphql-transport-ws, message by message, and what is no message of it."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from typing import Any

import pytest
from websockets import ConnectionClosed, InvalidStatus, Origin, Subprotocol
from websockets.asyncio.client import ClientConnection, connect

from resolvers import agents
from resolvers.domain.limits import OPERATIONS
from schema import socket as sockets
from tests.factories import Person, Scene

PROTOCOL = Subprotocol("graphql-transport-ws")
EVENTS = "subscription($id: ID!) { agentEvents(projectId: $id) { kind cursor } }"


@asynccontextmanager
async def opened(address: str, **more: Any) -> AsyncIterator[ClientConnection]:
    more = {"subprotocols": [PROTOCOL], "ping_interval": None} | more
    async with asyncio.timeout(20), connect(address.replace("http", "ws") + "/graphql", **more) as socket:
        yield socket


async def say(socket: ClientConnection, kind: str, **more: object) -> None:
    await socket.send(json.dumps({"type": kind, **more}))


async def heard(socket: ClientConnection) -> dict[str, Any]:
    return json.loads(await socket.recv(decode=True))


@asynccontextmanager
async def signed_in(address: str, who: Person, **more: Any) -> AsyncIterator[ClientConnection]:
    async with opened(address, **more) as socket:
        await say(socket, "connection_init", payload=who.headers)
        assert await heard(socket) == {"type": "connection_ack"}
        yield socket


async def closed(socket: ClientConnection) -> int:
    """Waits until the server closes the socket; returns the code that it gives."""
    with suppress(ConnectionClosed):
        while True:
            await socket.recv()
    return socket.close_code


def ask(query: str, **variables: object) -> dict[str, Any]:
    return {"query": query, "variables": variables}


async def test_queries_and_mutations_run_too_and_each_with_rights_of_now(address: str, scene: Scene):
    async with signed_in(address, scene.operator) as socket:
        await say(socket, "subscribe", id="1", payload=ask("{ viewer { email } }"))
        assert (await heard(socket))["payload"]["data"] == {"viewer": {"email": scene.operator.email}}
        assert await heard(socket) == {"type": "complete", "id": "1"}
        pause = "mutation($id: ID!) { pauseAgent(input: {id: $id}) { agent { status } userErrors { code } } }"
        for expected in ({"agent": {"status": "PAUSED"}, "userErrors": []}, {"agent": None, "userErrors": [
            {"code": "INVALID_TRANSITION"}
        ]}):  # fmt: skip
            await say(socket, "subscribe", id="1", payload=ask(pause, id=str(scene.agent.id)))
            assert (await heard(socket))["payload"]["data"]["pauseAgent"] == expected
            assert (await heard(socket))["type"] == "complete"


async def test_the_header_of_the_handshake_signs_in_as_well(address: str, scene: Scene):
    async with opened(address, additional_headers=scene.viewer.headers) as socket:
        await say(socket, "connection_init")
        assert await heard(socket) == {"type": "connection_ack"}


@pytest.mark.parametrize("payload", [{}, {"Authorization": "Bearer x"}, {"Authorization": 5}, {"Authorization": None}])
async def test_who_is_not_signed_in_is_not_let_in(payload: dict[str, object], address: str):
    async with opened(address) as socket:
        await say(socket, "connection_init", payload=payload)
        assert await closed(socket) == 4403


BAD = {
    "null": "null", "a number": "5", "a list": "[]", "no JSON": "{", "nested": "[" * 100_000, "no type": "{}",
    "another type": '{"type": "start"}', "a type that is none": '{"type": 5}', "no id": '{"type": "complete"}',
    "an empty id": '{"type": "complete", "id": ""}', "an id that is none": '{"type": "complete", "id": 5}',
    "no payload": '{"type": "subscribe", "id": "1"}',
    "a payload that is none": '{"type": "subscribe", "id": "1", "payload": 5}',
    "no query": '{"type": "subscribe", "id": "1", "payload": {}}',
    "a query and an id": '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "documentId": "x"}}',
    "bytes": b'{"type": "ping"}',
    "a query that is none": '{"type": "subscribe", "id": "1", "payload": {"query": 5}}',
    "variables that are none": '{"type": "subscribe", "id": "1", "payload": {"query": "{a}", "variables": []}}',
}  # fmt: skip


@pytest.mark.parametrize("message", BAD.values(), ids=BAD)
@pytest.mark.parametrize("moment", ["signed in", "before"])
async def test_what_is_no_message_closes_the_socket(message: str | bytes, moment: str, address: str, scene: Scene):
    async with opened(address) if moment == "before" else signed_in(address, scene.viewer) as socket:
        await socket.send(message)
        assert await closed(socket) == 4400


async def test_a_message_that_is_too_large_closes_the_socket(address: str, scene: Scene):
    async with signed_in(address, scene.viewer) as socket:
        await say(socket, "subscribe", id="1", payload=ask("#" * 300_000))
        assert await closed(socket) == 1009


async def test_asking_before_signing_in_closes_the_socket(address: str):
    async with opened(address) as socket:
        await say(socket, "subscribe", id="1", payload=ask("{ viewer { id } }"))
        assert await closed(socket) == 4401


@pytest.mark.parametrize("second", [
    {"type": "connection_init"}, {"type": "subscribe", "id": "1", "payload": ask(EVENTS, id="x")},
], ids=["init", "an id in use"])  # fmt: skip
async def test_what_may_be_said_once_closes_the_socket_the_second_time(second: dict, address: str, scene: Scene):
    async with signed_in(address, scene.viewer) as socket:
        if second["type"] == "subscribe":
            await say(socket, "subscribe", id="1", payload=ask(EVENTS, id=str(scene.project.id)))
        await socket.send(json.dumps(second))
        assert await closed(socket) == (4429 if second["type"] == "connection_init" else 4409)


@pytest.mark.parametrize("protocols", [None, ["graphql-ws"]], ids=["none", "the legacy one"])
async def test_other_protocols_are_refused(protocols: list[Subprotocol] | None, address: str):
    async with opened(address, subprotocols=protocols) as socket:
        assert await closed(socket) == 4406


async def test_pages_of_other_hosts_are_kept_out(address: str):
    with pytest.raises(InvalidStatus, match="403"):
        async with opened(address, origin=Origin("https://elsewhere.example")):
            pass


async def test_so_many_subscriptions_and_no_more(address: str, scene: Scene):
    async with signed_in(address, scene.viewer) as socket:
        for number in range(OPERATIONS.value + 1):
            await say(socket, "subscribe", id=str(number), payload=ask(EVENTS, id=str(scene.project.id)))
        told = await heard(socket)
        assert (told["type"], told["id"]) == ("error", str(OPERATIONS.value))
        assert told["payload"][0]["extensions"] == {"code": "VALIDATION_FAILED", "limit": "operations"}
        await say(socket, "complete", id="3")
        await say(socket, "subscribe", id="again", payload=ask(EVENTS, id=str(scene.project.id)))
        while len([seat for seat in scene.viewer.feed._seats if seat.began]) < OPERATIONS.value:  # noqa: ASYNC110
            await asyncio.sleep(0.02)
        await agents.pause(scene.operator, scene.agent.id)
        ids = {(await heard(socket))["id"] for _ in range(OPERATIONS.value)}
        assert ids == {str(number) for number in range(OPERATIONS.value)} - {"3"} | {"again"}
    while scene.viewer.feed._seats:  # noqa: ASYNC110 — leaving is told to nobody
        await asyncio.sleep(0.02)


@pytest.mark.parametrize(("query", "code"), [
    ("subscription {", "MALFORMED_REQUEST"), ("subscription { nope }", "VALIDATION_FAILED"),
    ('subscription { agentEvents(projectId: "x") { id } }', "NOT_FOUND"), ("{ nope }", "VALIDATION_FAILED"),
    ('subscription { agentEvents(projectId: "%s", after: "x") { id } }', "VALIDATION_FAILED"),
    ("query A { viewer { id } } query B { viewer { id } }", "VALIDATION_FAILED"),
])  # fmt: skip
async def test_a_refusal_has_its_code_and_leaves_the_socket_open(query: str, code: str, address: str, scene: Scene):
    async with signed_in(address, scene.viewer) as socket:
        await say(socket, "subscribe", id="1", payload=ask(query.replace("%s", str(scene.project.id))))
        told = await heard(socket)
        errors = told["payload"] if told["type"] == "error" else told["payload"]["errors"]
        assert [error["extensions"]["code"] for error in errors] == [code]
        await say(socket, "ping")
        while (await heard(socket))["type"] != "pong":
            pass


async def test_the_server_gives_a_sign_of_life(monkeypatch, address: str, scene: Scene):
    monkeypatch.setattr(sockets, "PING_SECONDS", 0.05)
    async with signed_in(address, scene.viewer) as socket:
        assert await heard(socket) == {"type": "ping"}
        await say(socket, "pong")
        assert await heard(socket) == {"type": "ping"}
