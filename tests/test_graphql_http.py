"""GraphQL over HTTP where the audits do not look: what an answer is called, its status, and how its kinds are sent."""

from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import pytest

from tests.factories import Factory, Scene
from tests.test_bad_http import JSON, error
from tests.test_bad_input import watch

EVENTS = "text/event-stream"
GRAPHQL = "application/graphql-response+json"
Send = Callable[..., Awaitable[httpx.Response]]


@pytest.fixture(params=["POST", "GET"])
def send(request: pytest.FixtureRequest, http: httpx.AsyncClient) -> Send:
    """Sends an operation by either method."""
    watch(http)

    async def by(query: str, accept: str = JSON, **headers: str) -> httpx.Response:
        given: dict[str, Any] = {"params" if request.param == "GET" else "json": {"query": query}}
        return await http.request(request.param, "/graphql", headers=headers | {"Accept": accept}, **given)

    return by


LIKED = {
    "": JSON, "*/*": JSON, "application/*": JSON, JSON: JSON, GRAPHQL: GRAPHQL, GRAPHQL.upper(): GRAPHQL,
    f"{GRAPHQL}; charset=utf-8": GRAPHQL, f"{GRAPHQL}, {JSON}": GRAPHQL, f"{JSON}, {GRAPHQL}": JSON,
    f"{GRAPHQL}, {JSON};q=0.9": GRAPHQL, f"{GRAPHQL};q=0.8, {JSON};q=0.9": JSON, f"{GRAPHQL};q=0.5, */*;q=0.1": GRAPHQL,
    f"{GRAPHQL}, */*": GRAPHQL, f"*/*, {JSON};q=0": GRAPHQL, f"{GRAPHQL};q=0, application/*": JSON,
    "text/html, */*;q=0.8": JSON, f"text/html, {GRAPHQL};q=0.5": GRAPHQL,
}  # fmt: skip


@pytest.mark.parametrize(("accept", "media"), LIKED.items())
async def test_an_answer_is_called_what_the_client_likes_best(accept: str, media: str, send: Send):
    reply = await send("{ __typename }", accept)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, media)
    assert reply.json()["data"] == {"__typename": "Query"}


NEVER_RAN = {
    "no GraphQL": ("{", "MALFORMED_REQUEST"), "unknown field": ("{ nope }", "VALIDATION_FAILED"),
    "variable left out": ("query($a: ID!) { node(id: $a) { id } }", "VALIDATION_FAILED"),
    "two operations, no name": ("query a { __typename } query b { __typename }", "VALIDATION_FAILED"),
}  # fmt: skip


@pytest.mark.parametrize(("query", "code"), NEVER_RAN.values(), ids=NEVER_RAN)
@pytest.mark.parametrize(("accept", "status"), [(JSON, 200), (GRAPHQL, 400)])
async def test_what_never_ran_fails_where_the_media_type_can_say_so(
    accept: str, status: int, query: str, code: str, send: Send
):
    reply = await send(query, accept)
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, accept)
    assert reply.json().keys() - {"extensions"} == {"errors"}
    assert {entry["extensions"]["code"] for entry in reply.json()["errors"]} == {code}


@pytest.mark.parametrize("accept", [JSON, GRAPHQL])
async def test_what_ran_has_its_data_even_if_they_are_null(accept: str, send: Send):
    reply = await send("{ viewer { id } }", accept)
    assert (reply.status_code, reply.headers["Content-Type"]) == (200, accept)
    assert reply.json()["data"] is None
    assert reply.json()["errors"][0]["extensions"]["code"] == "UNAUTHENTICATED"


async def test_a_refused_request_is_answered_in_the_same_media_type(http: httpx.AsyncClient):
    reply = await http.post("/graphql", content="[", headers={"Content-Type": JSON, "Accept": GRAPHQL})
    assert (reply.status_code, reply.headers["Content-Type"]) == (400, GRAPHQL)
    assert reply.json()["errors"][0]["extensions"] == {"code": "MALFORMED_REQUEST"}


@pytest.mark.parametrize("query", ["subscription { nope }", "subscription a { __typename } query b { __typename }"])
async def test_a_subscription_needs_a_way_to_send_more_than_one_answer(
    query: str, http: httpx.AsyncClient, make: Factory
):
    person = await make.user()
    asked: dict[str, Any] = {"query": query, "operationName": "a"} if " a " in query else {"query": query}
    for given in ({"json": asked, "method": "POST"}, {"params": asked, "method": "GET"}):
        reply = await http.request(url="/graphql", headers=person.headers | {"Accept": JSON}, **given)
        error(reply, "NOT_ACCEPTABLE")
        assert "text/event-stream" in reply.json()["errors"][0]["message"]


async def test_a_query_by_get_is_answered_like_one_by_post(send: Send, scene: Scene):
    reply = await send(f'{{ project(slug: "{scene.project.slug}") {{ name }} }}', **scene.viewer.headers)
    assert reply.json()["data"] == {"project": {"name": scene.project.name}}
