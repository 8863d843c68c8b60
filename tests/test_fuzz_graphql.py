"""No input makes GraphQL answer with a bug: Hypothesis throws bytes, JSON and operations made from the schema at it.

ROSTER_FUZZ_EXAMPLES sets how many; `make test` takes a few, always the same ones.
"""

import json
import os
from contextlib import suppress
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from websockets import ConnectionClosed

from resolvers.domain.errors import Code
from tests.documents import any_json, filled_in, mostly, operations
from tests.factories import Factory, Person, Scene
from tests.test_bad_http import JSON
from tests.test_graphql_http import EVENTS, GRAPHQL
from tests.test_socket import heard, say, signed_in

FEW = 200
EXAMPLES = int(os.environ.get("ROSTER_FUZZ_EXAMPLES", FEW))
PARTS = ("variables", "operationName", "extensions")
CODES = {code.value for code in Code} - {"INTERNAL"}

header = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
medias = mostly(st.sampled_from([JSON, GRAPHQL, f"{JSON}; charset=utf-8", EVENTS]), header)
who = mostly(st.sampled_from(["root", "owner", "operator", "viewer", "stranger", None]), header)
bodies = st.binary(max_size=300) | st.sampled_from([b"{", b"[", b'{"query":', b'"', b"\xff"]).map(
    lambda part: part * 999
)


def some(part: float) -> settings:
    """Returns the settings of a test that throws its part of all examples."""
    unheeded = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.data_too_large]
    return settings(
        max_examples=int(EXAMPLES * part), deadline=None, database=None, derandomize=EXAMPLES == FEW,
        suppress_health_check=unheeded,
    )  # fmt: skip


class Target:
    """GraphQL over a database that is made anew once in a while, since what is thrown at it also changes it."""

    LASTS = 20

    def __init__(self, http: httpx.AsyncClient, address: str, make: Factory) -> None:
        self.http, self.address, self.make = http, address, make
        self.thrown = 0

    async def known(self, wanted: str | None, thrown: Any) -> tuple[dict[str, str], bytes]:
        """Returns the headers of who asks, and what is thrown with the ids of things that there are."""
        if self.thrown % self.LASTS == 0:
            self.scene = await Scene.build(self.make)
        self.thrown += 1
        scene = self.scene
        person = getattr(scene, wanted or "", None)
        told = {} if wanted is None else {"Authorization": wanted}
        if isinstance(person, Person):
            told = person.headers
        names = {
            "@agent": str(scene.agent.id), "@project": str(scene.project.id), "@kind": str(scene.kind.id),
            "@user": str(scene.viewer.id), "@slug": scene.project.slug, "@email": scene.viewer.email,
            "@refresh": scene.viewer.tokens.refresh_token,
        }  # fmt: skip
        return told, thrown if isinstance(thrown, bytes) else filled_in(thrown, names)

    async def post(self, wanted: str | None, thrown: Any, media: str = JSON, accept: str = JSON) -> None:
        """Posts bytes, or JSON."""
        told, body = await self.known(wanted, thrown)
        headers = {"Content-Type": media, "Accept": JSON if b"subscription" in body else accept} | told
        sound(await self.http.post("/graphql", content=body, headers=headers))

    async def get(self, wanted: str | None, thrown: Any, accept: str) -> None:
        """Asks by GET: bytes as the whole query string, a dictionary as its words, anything else as the query."""
        told, body = await self.known(wanted, thrown)
        if isinstance(thrown, bytes):
            query = quote(body, safe="=&+%")
        else:
            asked = json.loads(body)
            words = asked if isinstance(asked, dict) else {"query": asked}
            query = urlencode(
                {word: value if isinstance(value, str) else json.dumps(value) for word, value in words.items()}
            )
        headers = {"Accept": JSON if b"subscription" in body else accept} | told
        sound(await self.http.get(f"/graphql?{query}", headers=headers))

    async def say(self, operation: Any) -> None:
        """Asks over a WebSocket; a subscription, which need not end, is ended at once."""
        _, body = await self.known(None, {"type": "subscribe", "id": "1", "payload": operation})
        awaited = {"pong", "complete"}
        # Whoever asked before may have signed everyone out.
        async with signed_in(self.address, await self.make.superuser()) as socket:
            with suppress(ConnectionClosed):
                await socket.send(body.decode())
                if b"subscription" in body:
                    awaited.discard("complete")
                    await say(socket, "complete", id="1")
                await say(socket, "ping")
                while awaited:
                    message = await heard(socket)
                    awaited -= {"complete"} if message["type"] == "error" else {message["type"]}
                    if message["type"] == "next":
                        fitting(message["payload"])
                    elif message["type"] == "error":
                        fitting({"errors": message["payload"]})
        assert socket.close_code not in {1006, 1011}, socket.close_reason


def sound(reply: httpx.Response) -> None:
    """Checks that an answer is one, whatever it answers."""
    assert reply.status_code < 500, reply.text
    kind = reply.headers["Content-Type"].partition(";")[0]
    if kind == EVENTS:
        for line in filter(lambda line: line.startswith("data: {"), reply.text.splitlines()):
            fitting(json.loads(line.removeprefix("data: ")))
    elif kind != "text/html":  # GraphiQL, for whoever asks for nothing
        assert kind in {JSON, GRAPHQL}
        fitting(reply.json())


def fitting(answer: dict[str, Any]) -> None:
    """Checks the shape of what GraphQL answers, and that it tells of no bug."""
    assert answer.keys() <= {"data", "errors", "extensions"}
    assert answer.keys() & {"data", "errors"}
    errors = answer.get("errors", [])
    assert {error["extensions"]["code"] for error in errors} <= CODES, errors
    assert all(error["message"] for error in errors)


@pytest.fixture
def target(http: httpx.AsyncClient, address: str, make: Factory) -> Target:
    return Target(http, address, make)


@some(0.1)
@given(wanted=who, body=bodies, media=medias, accept=medias)
async def test_bytes_never_meet_a_bug(target: Target, wanted: str | None, body: bytes, media: str, accept: str):
    await target.post(wanted, body, media, accept)


@some(0.1)
@given(wanted=who, body=any_json | st.fixed_dictionaries({"query": any_json}, optional=dict.fromkeys(PARTS, any_json)))
async def test_json_never_meets_a_bug(target: Target, wanted: str | None, body: Any):
    await target.post(wanted, body)


@some(0.55)
@given(wanted=who, operation=operations(), accept=medias)
async def test_operations_never_meet_a_bug(target: Target, wanted: str | None, operation: Any, accept: str):
    await target.post(wanted, operation, accept=accept)


@some(0.15)
@given(wanted=who, asked=operations() | any_json | bodies, accept=medias)
async def test_a_get_never_meets_a_bug(target: Target, wanted: str | None, asked: Any, accept: str):
    await target.get(wanted, asked, accept)


@some(0.1)
@given(operation=operations() | any_json)
async def test_a_socket_never_meets_a_bug(target: Target, operation: Any):
    await target.say(operation)
