"""No input makes GraphQL answer with a bug: Hypothesis throws bytes, JSON and operations made from the schema at it.

ROSTER_FUZZ_EXAMPLES sets how many; `make test` takes a few, always the same ones.
"""

import json
import os
from typing import Any
from urllib.parse import quote, urlencode

import httpx
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from resolvers.domain.errors import Code
from tests.documents import any_json, filled_in, mostly, operations
from tests.factories import Factory, Person, Scene
from tests.test_bad_http import JSON
from tests.test_graphql_http import GRAPHQL

FEW = 200
EXAMPLES = int(os.environ.get("ROSTER_FUZZ_EXAMPLES", FEW))
PARTS = ("variables", "operationName", "extensions")
CODES = {code.value for code in Code} - {"INTERNAL"}

header = st.text(st.characters(min_codepoint=32, max_codepoint=126), max_size=30)
medias = mostly(st.sampled_from([JSON, GRAPHQL, f"{JSON}; charset=utf-8"]), header)
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

    def __init__(self, http: httpx.AsyncClient, make: Factory) -> None:
        self.http, self.make = http, make
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
        headers = {"Content-Type": media, "Accept": accept} | told
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
        sound(await self.http.get(f"/graphql?{query}", headers={"Accept": accept} | told))


def sound(reply: httpx.Response) -> None:
    """Checks that an answer is one, whatever it answers."""
    assert reply.status_code < 500, reply.text
    if reply.headers["Content-Type"].startswith("text/html"):
        return  # GraphiQL, for whoever asks for nothing
    assert reply.headers["Content-Type"] in {JSON, GRAPHQL}
    answer = reply.json()
    assert answer.keys() <= {"data", "errors", "extensions"}
    assert answer.keys() & {"data", "errors"}
    errors = answer.get("errors", [])
    assert {error["extensions"]["code"] for error in errors} <= CODES, errors
    assert all(error["message"] for error in errors)


@pytest.fixture
def target(http: httpx.AsyncClient, make: Factory) -> Target:
    return Target(http, make)


@some(0.1)
@given(wanted=who, body=bodies, media=medias, accept=medias)
async def test_bytes_never_meet_a_bug(target: Target, wanted: str | None, body: bytes, media: str, accept: str):
    await target.post(wanted, body, media, accept)


@some(0.1)
@given(wanted=who, body=any_json | st.fixed_dictionaries({"query": any_json}, optional=dict.fromkeys(PARTS, any_json)))
async def test_json_never_meets_a_bug(target: Target, wanted: str | None, body: Any):
    await target.post(wanted, body)


@some(0.65)
@given(wanted=who, operation=operations(), accept=medias)
async def test_operations_never_meet_a_bug(target: Target, wanted: str | None, operation: Any, accept: str):
    await target.post(wanted, operation, accept=accept)


@some(0.15)
@given(wanted=who, asked=operations() | any_json | bodies, accept=medias)
async def test_a_get_never_meets_a_bug(target: Target, wanted: str | None, asked: Any, accept: str):
    await target.get(wanted, asked, accept)
