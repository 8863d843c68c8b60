"""The twelve things that graphql-cop looks for, in our own words: the production profile shows none of them."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import pytest
from graphql import get_introspection_query

from gql_app.asgi import make_app
from resolvers.context import Guest
from schema.context import Profile
from tests.factories import Scene


@pytest.fixture
async def closed(everyone: Guest, guest: Guest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of the application as it is in production."""
    app = make_app(everyone, explorer=False, profile=Profile(closed=True))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client


async def ask(client: httpx.AsyncClient, query: str, scene: Scene | None = None) -> dict[str, Any]:
    """Asks, signed in or not; returns the body of the answer."""
    headers = scene.viewer.headers if scene else {}
    return (await client.post("/graphql", json={"query": query, "operationName": "cop"}, headers=headers)).json()


@pytest.mark.parametrize(
    ("query", "limit"),
    [
        ("query cop{" + "".join(f"a{n}:__typename " for n in range(101)) + "}", "aliases"),
        ("query cop{" + "__typename " * 500 + "}", "rootFields"),
    ],
    ids=["alias overloading", "field duplication"],
)
async def test_overloading_is_refused(query: str, limit: str, closed):
    body = await ask(closed, query)

    assert limit in [error["extensions"].get("limit") for error in body["errors"]]
    assert "data" not in body


async def test_directive_overloading_tells_a_few_errors(closed):
    assert len((await ask(closed, "query cop{__typename " + "@aa" * 10 + "}"))["errors"]) == 5


async def test_batching_is_refused(closed):
    reply = await closed.post("/graphql", json=[{"query": "query cop{__typename}"}] * 10)

    assert (reply.status_code, reply.json()["errors"][0]["extensions"]["limit"]) == (400, "batch")


CIRCLE = "query cop{__schema{types" + "{fields{type" * 5 + "{name}" + "}}" * 5 + "}}"


async def test_circular_introspection_is_refused_to_anyone(closed, scene: Scene):
    assert "data" not in await ask(closed, CIRCLE)
    assert "data" not in await ask(closed, CIRCLE, scene)


@pytest.mark.parametrize(
    "query",
    [
        "query cop{__schema{types{name fields{name}}}}",
        'query cop{__type(name:"User"){name}}',
        "query cop{...a} fragment a on Query{...{b:__schema{queryType{name}}}}",
        get_introspection_query().replace("IntrospectionQuery", "cop"),
    ],
    ids=["schema", "type", "fragment", "GraphiQL's own"],
)
async def test_introspection_is_for_those_who_are_signed_in(query: str, closed, http, scene: Scene):
    guest, member, developer = await ask(closed, query), await ask(closed, query, scene), await ask(http, query)

    assert [error["extensions"]["code"] for error in guest["errors"]] == ["UNAUTHENTICATED"]
    assert "data" not in guest
    assert member["data"] == developer["data"]
    assert "errors" not in member | developer


NEAR = {
    "field": "query cop{__schema{directive}}",
    "field of ours": "query cop{viewr{id}}",
    "argument": 'query cop{project(slugg:"x"){id}}',
    "type": "query cop{node(id:1){...on Agnt{id}}}",
    "enum": "query cop{projects(orderBy:{field:NAM,direction:ASC}){totalCount}}",
    "input field": "query cop{projects(where:{serch:1}){totalCount}}",
}


@pytest.mark.parametrize("query", NEAR.values(), ids=NEAR)
async def test_nothing_is_suggested(query: str, closed, http, scene: Scene):
    assert "Did you mean" not in str([await ask(closed, query), await ask(closed, query, scene)])
    assert "Did you mean" in str(await ask(http, query))


async def test_no_variable_is_suggested(closed, scene: Scene):
    query = "query cop($by:ProjectOrder){projects(orderBy:$by){totalCount}}"
    body = {"query": query, "variables": {"by": {"field": "NAM", "direction": "ASC"}}}

    reply = await closed.post("/graphql", json=body, headers=scene.viewer.headers)

    assert reply.json()["errors"]
    assert "Did you mean" not in reply.text


async def test_there_is_no_explorer(closed):
    for accept in ("text/html", "text/html,*/*"):
        reply = await closed.get("/graphql", headers={"Accept": accept})
        assert reply.status_code == 404
        assert "graphiql" not in reply.text.lower()


QUERY = {"query": "query cop{__typename}"}


@pytest.mark.parametrize("params", [QUERY, {"documentId": "sha256:0"}], ids=["query", "documentId"])
async def test_no_get_is_answered_that_another_site_can_have_sent(params: dict[str, str], closed, scene: Scene):
    reply = await closed.get("/graphql", params=params, headers=scene.viewer.headers)

    assert (reply.status_code, "data" in reply.json()) == (400, False)


async def test_a_get_that_no_other_site_can_have_sent_is_answered(closed):
    assert (await closed.get("/graphql", params=QUERY, headers={"GraphQL-Require-Preflight": "1"})).json()["data"]


async def test_any_get_is_answered_in_development(http):
    assert (await http.get("/graphql", params=QUERY)).json()["data"]


async def test_no_mutation_runs_by_get(closed):
    asked = {"params": {"query": "mutation cop{__typename}"}, "headers": {"GraphQL-Require-Preflight": "1"}}

    assert "data" not in (await closed.get("/graphql", **asked)).json()


async def test_no_form_is_taken(closed):
    reply = await closed.post("/graphql", data={"query": "query cop{__typename}"})

    assert (reply.status_code, "data" in reply.json()) == (415, False)


@pytest.mark.parametrize("query", ["query cop{__typename}", "qwerty cop{abc}"], ids=["trace mode", "unhandled errors"])
async def test_neither_traces_nor_exceptions_are_told(query: str, closed):
    body = await ask(closed, query)

    told = [body, *body.get("errors", ())]
    assert not {"tracing", "exception", "stacktrace"} & {name for part in told for name in part.get("extensions", ())}
