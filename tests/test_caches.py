"""Parsing and validation are done once for each text, and errors are told as if they were done each time."""

import asyncio
import json
from collections.abc import AsyncIterator
from functools import partial
from typing import Any

import httpx
import pytest
import strawberry
from graphql import DocumentNode, parse
from strawberry.asgi import GraphQL
from strawberry.extensions import SchemaExtension
from strawberry.schema import schema as strawberry_schema
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL

from schema.build import schema as whole_schema
from schema.caches import Caches, Documents, size


@strawberry.type
class Query:
    @strawberry.field
    def one(self) -> int:
        return 1


@strawberry.type
class Subscription:
    @strawberry.subscription
    async def numbers(self) -> AsyncIterator[int]:
        yield 1
        yield 2


def make_schema(*extensions: Any) -> strawberry.Schema:
    return strawberry.Schema(Query, subscription=Subscription, extensions=extensions)


def make_app(*extensions: Any) -> GraphQL:
    protocols = GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL
    return GraphQL(make_schema(*extensions), subscription_protocols=protocols)


async def over_http(app: GraphQL, document: str, accept: str = "application/json") -> Any:
    transport = httpx.ASGITransport(app)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as http:
        reply = await http.post("/", json={"query": document}, headers={"Accept": accept})
    return reply.status_code, reply.text


async def over_sse(app: GraphQL, document: str) -> Any:
    return await over_http(app, document, "text/event-stream")


async def over_websocket(app: GraphQL, document: str) -> Any:
    inbox, outbox = asyncio.Queue(), asyncio.Queue()
    scope = {"type": "websocket", "path": "/", "query_string": b"", "headers": []}
    serving = asyncio.create_task(app({**scope, "subprotocols": ["graphql-transport-ws"]}, inbox.get, outbox.put))
    inbox.put_nowait({"type": "websocket.connect"})
    asked = {"id": "1", "type": "subscribe", "payload": {"query": document}}
    for message in ({"type": "connection_init"}, asked):
        inbox.put_nowait({"type": "websocket.receive", "text": json.dumps(message)})
    told = []
    while not told or told[-1]["type"] not in {"error", "complete", "websocket.close"}:
        sent = await outbox.get()
        told.append(json.loads(sent["text"]) if "text" in sent else sent)
    inbox.put_nowait({"type": "websocket.disconnect", "code": 1000})
    await serving
    return told


TRANSPORTS = {"http": over_http, "sse": over_sse, "websocket": over_websocket}
DOCUMENTS = {
    "a query": "{ one }",
    "a subscription": "subscription { numbers }",
    "a syntax error": "{ one",
    "a syntax error in a subscription": "subscription { numbers ",
    "an invalid query": "{ two }",
    "an invalid subscription": "subscription { letters }",
    "nothing": "#",
}


@pytest.mark.parametrize("transport", TRANSPORTS.values(), ids=TRANSPORTS)
async def test_every_transport_answers_as_it_does_without_caches(transport):
    plain, caching = make_app(), make_app(partial(Caches, Documents()))
    for document in (*DOCUMENTS.values(), *DOCUMENTS.values()):
        expected = await transport(plain, document)
        assert await transport(caching, document) == expected
        assert await transport(caching, document) == expected


class Noted(SchemaExtension):
    """Notes the documents that were run."""

    seen: list[DocumentNode | None]

    def __init__(self, seen: list[DocumentNode | None]) -> None:
        super().__init__()
        self.seen = seen

    def on_execute(self) -> None:
        self.seen.append(self.execution_context.graphql_document)


async def test_a_text_is_parsed_and_validated_once(monkeypatch):
    done: list[str] = []
    for name in ("parse", "validate_document"):
        real = getattr(strawberry_schema, name)

        def counted(*args: Any, name: str = name, real: Any = real, **more: Any) -> Any:
            done.append(name)
            return real(*args, **more)

        monkeypatch.setattr(strawberry_schema, name, counted)
    seen: list[DocumentNode | None] = []
    schema = make_schema(partial(Caches, Documents()), partial(Noted, seen))

    answers = [await schema.execute(document) for document in ("{ one }", "{ one }", "{ one } ")]

    assert [answer.data for answer in answers] == [{"one": 1}] * 3
    assert done == ["parse", "validate_document"] * 2
    assert seen[0] is seen[1]
    assert seen[0] is not seen[2]


@pytest.mark.parametrize("document", ["{ one", "{ two }", "{ one @skip }", "query($a: Nope) { one }"])
async def test_what_is_wrong_is_not_kept(document: str):
    documents = Documents()
    answer = await make_schema(partial(Caches, documents)).execute(document)
    assert answer.errors
    assert len(documents) == 0


class Refusing(SchemaExtension):
    """Refuses whatever is to be validated."""

    def on_validate(self) -> None:
        self.execution_context.pre_execution_errors = [strawberry_schema.GraphQLError("No.")]


@pytest.mark.parametrize("place", [0, 1], ids=["before", "after"])
async def test_what_another_extension_refuses_stays_refused(place: int):
    documents = Documents()
    await make_schema(partial(Caches, documents)).execute("{ one }")
    extensions: list[Any] = [partial(Caches, documents)]
    extensions.insert(place, Refusing)
    schema = make_schema(*extensions)
    for document in ("{ one }", "{ a: one }"):
        assert [error.message for error in (await schema.execute(document)).errors] == ["No."]
    assert len(documents) == 1


class Short(SchemaExtension):
    """Allows few tokens."""

    def on_operation(self) -> Any:
        self.execution_context.parse_options["max_tokens"] = 2
        yield


async def test_another_token_limit_is_another_document():
    documents = Documents()
    assert (await make_schema(partial(Caches, documents)).execute("{ one }")).data
    assert (await make_schema(Short, partial(Caches, documents)).execute("{ one }")).errors


def test_the_whole_schema_keeps_documents():
    assert any(isinstance(extension, Caches) for extension in whole_schema.get_extensions())


def test_the_least_recently_asked_for_goes_first():
    documents = Documents(most=2)
    first, second, third = (parse(f"{{ {name} }}") for name in "abc")
    documents.keep("a", first)
    documents.keep("b", second)
    assert documents.get("a") is first
    documents.keep("c", third)
    assert [documents.get(key) for key in "abc"] == [first, None, third]


@pytest.mark.parametrize("text", ["{ a }", "{ a } #" + "x" * 10_000], ids=["tokens", "text"])
def test_no_more_memory_is_taken_than_allowed(text: str):
    one = size(parse(text))
    documents = Documents(memory=3 * one, largest=one)
    for number in range(10):
        documents.keep(number, parse(text))
    assert len(documents) == 3
    documents.keep("too large", parse(text + " { a }"))
    assert len(documents) == 3
    assert documents.get("too large") is None


def test_one_key_is_counted_once():
    documents = Documents(memory=2 * size(parse("{ a }")))
    for key in "aaaab":
        documents.keep(key, parse("{ a }"))
    assert len(documents) == 2
