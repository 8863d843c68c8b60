"""What the REST door really sends, on every route, against what the OpenAPI document says that it sends."""

import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import msgspec
import pytest
from jsonschema import Draft202012Validator

from gql_app.asgi import make_app
from gql_app.middleware import GUARDS
from resolvers import agents
from resolvers.context import Guest
from resolvers.store.engine import Store
from rest_shim import examples
from tests.factories import Factory, Person, Scene
from tests.test_openapi import DOCUMENT, OPERATIONS, Around, each_operation, resolved
from tests.test_rate_limits import limits

# What any server says of any body, and what this one says of every reply, whatever the address.
COMMON = {"content-type", "content-length", "content-encoding", *(name.decode() for name in GUARDS)}
NOWHERE = "postgresql://nobody@127.0.0.1:1/nothing"
STREAM = {"Accept": "text/event-stream"}


def declared(operation: dict[str, Any], reply: httpx.Response) -> dict[str, Any] | None:
    found = operation["responses"].get(str(reply.status_code))
    return found and resolved(found)


def faults(operation: dict[str, Any], reply: httpx.Response) -> list[str]:
    """What a reply has that is not declared of its operation, and what it lacks."""
    told, status = declared(operation, reply), reply.status_code
    if told is None:
        return [f"{status} itself"]
    headers = {name.lower(): resolved(header) for name, header in told.get("headers", {}).items()}
    wrong = [f"{status} sends {name}" for name in {*reply.headers} - headers.keys() - COMMON]
    wrong += [
        f"{status} lacks {name}" for name, it in headers.items() if it.get("required") and name not in reply.headers
    ]
    wrong += [
        f"{status} has another {name}" for name, it in headers.items()
        if name in reply.headers and not fits(it["schema"], reply.headers[name])
    ]  # fmt: skip
    return wrong + body_faults(told.get("content", {}), reply)


def body_faults(content: dict[str, Any], reply: httpx.Response) -> list[str]:
    media = reply.headers.get("content-type")
    if not reply.content:
        return [f"{reply.status_code} is empty"] if content and reply.request.method != "HEAD" else []
    if media not in content:
        return [f"{reply.status_code} is {media}"]
    is_fit = media.startswith("text/") or fits(content[media]["schema"], reply.json())
    return [] if is_fit else [f"{reply.status_code} has another body"]


def fits(schema: dict[str, Any], value: object) -> bool:
    return Draft202012Validator({"components": DOCUMENT["components"], **schema}).is_valid(value)


class Replay:
    """Sends the examples of one operation, with the ids of things that there are, and looks at whatever comes back."""

    def __init__(self, name: str, around: Around, other: Person) -> None:
        self.method, path, self.operation = OPERATIONS[name]
        self.name, self.around, self.wrong = name, around, set[str]()
        self.address, self.who = around.address(path), around.scene.root
        known = {
            str(examples.BEN_ID): str(other.id), str(examples.TYPE_ID): str(around.scene.kind.id),
            examples.ADA.email: self.who.email, examples.TOKENS.refresh_token: self.who.tokens.refresh_token,
        }  # fmt: skip
        self.body = self._body(known)

    def _body(self, known: dict[str, str]) -> bytes | None:
        if "requestBody" not in self.operation:
            return None
        text = json.dumps(self.operation["requestBody"]["content"]["application/json"]["example"])
        for example, real in known.items():
            text = text.replace(example, real)
        return text.encode()

    async def ask(
        self, http: httpx.AsyncClient, who: Person | None = None, *, query: str = "", method: str = "", **headers: str
    ) -> httpx.Response:
        """Asks with these headers; notes what of the reply is not declared."""
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        own = {"Content-Type": "application/json"} if self.body else {}
        own |= who.headers if who else {}
        sent = {"headers": own | named, "content": self.body}
        reply = await http.request(method or self.method, self.address + query, **sent)
        self.wrong |= set(faults(self.operation, reply))
        return reply

    def takes(self, header: str) -> bool:
        """Tells whether a header of a request is declared."""
        return header in [resolved(parameter)["name"] for parameter in self.operation["parameters"]]

    @property
    def statuses(self) -> set[str]:
        return {*self.operation["responses"]}


@pytest.fixture
async def replay(request: pytest.FixtureRequest, scene: Scene, make: Factory) -> Replay:
    """The operation that the test is about."""
    name = request.getfixturevalue("name")
    if name == "resumeAgent":
        await agents.pause(scene.operator, scene.agent.id)
    return Replay(name, Around(scene, await make.user()), await make.user())


@asynccontextmanager
async def served(guest: Guest, **said: str) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with such limits."""
    app = make_app(msgspec.structs.replace(guest, rates=limits(**said)), explorer=False)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client


@pytest.fixture
async def roomy(guest: Guest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application whose limits are far away, but told."""
    async with served(guest, user="9999/minute", address="9999/minute", sign_in="9999/minute") as client:
        yield client


@each_operation
async def test_the_example_of_a_request_is_answered_as_declared(name: str, replay: Replay, roomy):
    reply = await replay.ask(roomy, replay.who)

    assert replay.wrong == set()
    assert str(reply.status_code) == min(replay.statuses)
    assert "RateLimit" in reply.headers
    assert replay.takes("X-Request-ID")
    assert (await replay.ask(roomy, X_Request_ID="of-mine")).headers["X-Request-ID"] == "of-mine"


@each_operation
async def test_a_key_is_declared_where_it_is_heeded(name: str, replay: Replay, roomy):
    replies = [await replay.ask(roomy, replay.who, Idempotency_Key="once") for _ in range(2)]

    assert replay.wrong == set()
    assert ("Idempotency-Replayed" in replies[1].headers) is replay.takes("Idempotency-Key")


@each_operation
async def test_conditions_are_declared_where_they_are_heeded(name: str, replay: Replay, roomy):
    stale = await replay.ask(roomy, replay.who, If_Match='"999"')
    first = await replay.ask(roomy, replay.who)
    tag = first.headers.get("ETag", '"1"')
    known = [await replay.ask(roomy, replay.who, If_None_Match=given) for given in (tag, "*")]

    assert replay.wrong == set()
    assert (stale.status_code == 412) is replay.takes("If-Match") is ("412" in replay.statuses)
    reads = replay.method == "GET" and "ETag" in first.headers
    assert {reply.status_code == 304 for reply in known} == {reads}
    assert reads is replay.takes("If-None-Match") is ("304" in replay.statuses)


@pytest.mark.parametrize("name", [name for name, (method, *_) in OPERATIONS.items() if method == "GET"])
async def test_a_stream_is_declared_where_there_is_one(name: str, replay: Replay, roomy):
    reply = await replay.ask(roomy, replay.who, method="HEAD", Last_Event_ID="1", **STREAM)
    streams = reply.headers["Content-Type"] == "text/event-stream"

    assert replay.wrong == set()
    content = resolved(replay.operation["responses"]["200"])["content"]
    assert streams is replay.takes("Last-Event-ID") is ("text/event-stream" in content)


@each_operation
async def test_what_is_beyond_a_limit_is_refused_as_declared(name: str, replay: Replay, guest: Guest):
    async with served(guest, user="1/minute", address="1/minute", sign_in="1/minute") as tight:
        for who in (replay.who, None):
            await replay.ask(tight, who)
            refused = await replay.ask(tight, who)
            assert (refused.status_code, "Retry-After" in refused.headers) == (429, True)
    assert replay.wrong == set()


@each_operation
async def test_a_lost_database_and_a_bug_are_told_as_declared(name: str, replay: Replay, guest: Guest):
    for store, status in ((Store(NOWHERE, 1), 503), (None, 500)):
        broken = msgspec.structs.replace(guest, store=store)
        async with served(broken, user="9/minute", address="9/minute", sign_in="9/minute") as http:
            assert (await replay.ask(http, replay.who)).status_code == status
    assert replay.wrong == set()


WRONGS: dict[str, dict[str, str]] = {
    "no such word": {"query": "?nothing=1"}, "no JSON": {"Accept": "text/html"}, "no tag": {"If_Match": "x"},
    "another type": {"Content_Type": "text/plain"}, "no token": {"Authorization": "Bearer x"},
    "a problem": {"Accept": "application/problem+json", "query": "?nothing=1"},
}  # fmt: skip


@each_operation
async def test_whoever_asks_and_however_wrongly_is_answered_as_declared(name: str, replay: Replay, roomy):
    scene = replay.around.scene
    for who in (None, scene.stranger, scene.viewer, scene.operator, scene.owner):
        await replay.ask(roomy, who)
    for wrong in WRONGS.values():
        await replay.ask(roomy, replay.who, **wrong)
    assert replay.wrong == set()
