"""Bugs of ours: whoever asked gets an error id and nothing else, the log has the trace under that id."""

import json
import logging
from collections.abc import Awaitable, Callable
from typing import Any

import httpx
import msgspec
import pytest

from resolvers.domain.errors import Code
from resolvers.domain.projects import Project
from tests.factories import Scene
from tests.test_graphql_http import GRAPHQL

SECRET = "hunter2"
DSN = f"postgresql://roster:{SECRET}@db.internal/roster"
QUERY = "{ stats { totalUsers } }"
Ask = Callable[[httpx.AsyncClient, dict[str, str]], Awaitable[str]]


async def by_post(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    return (await http.post("/graphql", json={"query": QUERY}, headers=headers)).text


async def by_get(http: httpx.AsyncClient, headers: dict[str, str]) -> str:
    return (await http.get("/graphql", params={"query": QUERY}, headers=headers)).text


TRANSPORTS: dict[str, Ask] = {"POST": by_post, "GET": by_get}
INSIDE = {
    "a resolver": "schema.query.users.stats", "who asks": "schema.context.auth.identify",
    "an extension": "schema.problems.Problems.on_validate",
}  # fmt: skip
OUTSIDE = {"the context": "schema.http.Door.get_context", "the encoding": "schema.http.Door.encode_json"}
BUGS: list[Exception] = [RuntimeError(DSN), ValueError(DSN), KeyError(DSN)]


@pytest.fixture(params=BUGS, ids=lambda bug: type(bug).__name__)
def plant(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> Callable[[str], None]:
    """Plants a bug whose message is a secret."""

    def broken(*_args: object, **_more: object) -> None:
        raise request.param

    return lambda place: monkeypatch.setattr(place, broken)


@pytest.fixture
def masked(caplog: pytest.LogCaptureFixture) -> Callable[[str], dict[str, Any]]:
    """Checks that an answer tells of a bug by an id alone, under which the log has the trace; returns the answer."""

    def check(text: str) -> dict[str, Any]:
        assert SECRET not in text
        assert "db.internal" not in text
        answer = json.loads(text)
        [error] = answer["errors"]
        assert error["message"] == Code.INTERNAL.says
        assert error["extensions"].keys() == {"code", "errorId"}
        assert error["extensions"]["code"] == "INTERNAL"
        logged = [
            record for record in caplog.records if getattr(record, "error_id", "") == error["extensions"]["errorId"]
        ]
        assert [record.levelno for record in logged] == [logging.ERROR]
        assert DSN in str(logged[0].exc_info and logged[0].exc_info[1])
        return answer

    return check


@pytest.mark.parametrize("ask", TRANSPORTS.values(), ids=TRANSPORTS)
@pytest.mark.parametrize("place", [*INSIDE.values(), *OUTSIDE.values()], ids=[*INSIDE, *OUTSIDE])
async def test_a_bug_shows_nothing_but_an_error_id(place: str, ask: Ask, http, scene: Scene, *, plant, masked):
    plant(place)
    answer = masked(await ask(http, scene.root.headers))
    assert answer.get("data") in ({"stats": None}, None)


@pytest.mark.parametrize("place", OUTSIDE.values(), ids=OUTSIDE)
async def test_a_bug_around_graphql_is_a_failure_of_http(place: str, plant, masked, http, scene: Scene):
    plant(place)
    reply = await http.post("/graphql", json={"query": QUERY}, headers=scene.root.headers | {"Accept": GRAPHQL})
    assert (reply.status_code, reply.headers["Content-Type"]) == (500, GRAPHQL)
    assert masked(reply.text).keys() == {"errors"}


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
