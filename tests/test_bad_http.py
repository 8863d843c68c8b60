"""Requests that are wrong before anyone looks at what they ask: methods, media types, bodies, addresses."""

import json
from collections.abc import AsyncIterator, Callable, Iterable
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.types import ASGIApp, Message

from resolvers.domain.errors import REFUSALS
from resolvers.reading import MAX_BODY
from tests.factories import Factory, Scene
from tests.test_bad_input import rows, watch

JSON, PROBLEM = "application/json", "application/problem+json"
RULES = {code.value: rule for code, rule in REFUSALS.items()}
MEMBERS = {"type", "title", "status", "detail", "instance", "success", "errors"}
NOBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"


def problem(reply: httpx.Response, code: str, media: str = JSON) -> list[dict[str, Any]]:
    """Returns the entries of a problem, which must be shaped as the contract says."""
    body = reply.json()
    status = RULES[code].status
    assert (reply.status_code, reply.headers["Content-Type"], body.keys()) == (status, media, MEMBERS)
    assert (body["success"], body["status"]) == (False, status)
    sent = reply.request.url.raw_path.decode().partition("?")[0]
    assert body["instance"] == sent or "%" in sent
    assert all(isinstance(body[name], str) and body[name] for name in ("type", "title", "detail"))
    assert urlsplit(body["type"]).scheme
    for entry in body["errors"]:
        assert entry.keys() == {"code", "message", "field"}
        assert entry["code"] in RULES
        assert entry["message"]
    assert code in {entry["code"] for entry in body["errors"]}
    return body["errors"]


def error(reply: httpx.Response, code: str) -> None:
    """Checks what GraphQL answers before anything runs."""
    status = RULES[code].status
    assert (reply.status_code, reply.headers["Content-Type"]) == (status, JSON)
    assert reply.json().keys() == {"errors"}
    assert [entry.keys() for entry in reply.json()["errors"]] == [{"message", "extensions"}]
    assert reply.json()["errors"][0]["message"]
    assert reply.json()["errors"][0]["extensions"].keys() <= {"code", "limit"}
    assert reply.json()["errors"][0]["extensions"]["code"] == code


class Doorstep(NamedTuple):
    """One door before it is opened: where to knock, how, and what its refusals look like."""

    name: str
    url: str
    good: bytes
    refused: Callable[[httpx.Response, str], object]
    http: httpx.AsyncClient
    scene: Scene

    async def post(self, content: bytes | AsyncIterator[bytes], **headers: str | None) -> httpx.Response:
        """Sends a body; a header that is None is left out."""
        given = {"content-type": JSON} | {name.replace("_", "-"): value for name, value in headers.items()}
        sent = {name: value for name, value in given.items() if value is not None}
        return await self.http.post(self.url, content=content, headers=self.scene.owner.headers | sent)


@pytest.fixture(params=["rest", "graphql"])
def doorstep(request: pytest.FixtureRequest, http: httpx.AsyncClient, scene: Scene) -> Doorstep:
    watch(http)
    project = {"name": "Mine", "slug": "mine"}
    if request.param == "rest":
        return Doorstep("rest", "/api/v1/projects", json.dumps(project).encode(), problem, http, scene)
    document = "mutation($input: CreateProjectInput!) { createProject(input: $input) { project { name } } }"
    body = json.dumps({"query": document, "variables": {"input": project}}).encode()
    return Doorstep("graphql", "/graphql", body, error, http, scene)


@pytest.fixture(autouse=True)
def watched(http):
    watch(http)


BAD_BODIES = {
    "empty": b"", "blank": b" \n", "null": b"null", "number": b"5", "text": b'"x"', "list": b"[]", "true": b"true",
    "list of objects": b'[{"name": "a", "slug": "b"}]', "cut off": b'{"name": "a"', "two": b"{}{}", "comment": b"{} //",
    "trailing comma": b'{"name": "a",}', "single quotes": b"{'name': 'a'}", "bare word": b"{name: 1}",
    "form": b"name=a",
    "invalid UTF-8": b'{"name": "\xff\xfe", "query": "\xff"}', "overlong": b'{"name": "\xc0\x80"}',
    "surrogate in UTF-8": b'{"name": "\xed\xa0\x80", "slug": "mine"}', "line break in a text": b'{"name": "a\nb"}',
    "UTF-16": '{"name": "a", "slug": "mine", "query": "{viewer{id}}"}'.encode("utf-16"), "NUL": b"\x00",
    "UTF-32": '{"name": "a"}'.encode("utf-32"), "100,000 brackets": b"[" * 100_000, "20,000 objects": b'{"a":' * 20_000,
    "10,000 levels": b'{"name":' + b"[" * 10_000 + b"]" * 10_000 + b"}",
    "5,000 digits": b'{"name": ' + b"9" * 5_000 + b"}",
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_BODIES.values(), ids=BAD_BODIES)
async def test_a_body_that_is_no_json_object_is_malformed(body: bytes, doorstep: Doorstep):
    before = await rows(doorstep.scene.root.store)
    doorstep.refused(await doorstep.post(body), "MALFORMED_REQUEST")
    assert await rows(doorstep.scene.root.store) == before


async def test_a_sender_who_leaves_amid_the_body_meets_no_bug(
    doorstep: Doorstep, app: ASGIApp, caplog: pytest.LogCaptureFixture
):
    parts = [{"type": "http.request", "body": doorstep.good[:9], "more_body": True}, {"type": "http.disconnect"}]
    headers = {"content-type": JSON} | doorstep.scene.owner.headers
    raw = [(name.lower().encode(), value.encode()) for name, value in headers.items()]
    path = {"path": doorstep.url, "raw_path": doorstep.url.encode(), "query_string": b"", "root_path": ""}
    sent: list[Message] = []

    async def receive() -> Message:
        return parts.pop(0)

    async def send(message: Message) -> None:
        sent.append(message)

    await app({"type": "http", "method": "POST", "headers": raw, **path}, receive, send)

    assert sent[0]["status"] == 400
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == []


async def test_a_name_that_comes_twice_does_no_harm(doorstep: Doorstep):
    reply = await doorstep.post(b'{"name": "First", ' + doorstep.good[1:])
    # JSON leaves it open: the last one counts, or nothing does.
    if doorstep.name == "graphql" or reply.status_code == 400:
        assert "First" not in reply.text
    else:
        assert (reply.status_code, reply.json()["name"]) == (201, "Mine")


@pytest.mark.parametrize("more", [0, 1], ids=["256 KiB", "one byte more"])
@pytest.mark.parametrize("streamed", [False, True], ids=["with its length", "in pieces"])
async def test_a_body_of_256_kib_is_the_largest(more: int, streamed: bool, doorstep: Doorstep):  # noqa: FBT001
    body = doorstep.good.ljust(MAX_BODY + more)
    assert MAX_BODY == 256 * 1024

    async def pieces() -> AsyncIterator[bytes]:
        for start in range(0, len(body), 1_000):
            yield body[start : start + 1_000]

    reply = await doorstep.post(pieces() if streamed else body)
    if more:
        doorstep.refused(reply, "PAYLOAD_TOO_LARGE")
    else:
        assert reply.is_success
        assert '"Mine"' in reply.text


async def test_a_body_without_end_is_not_read_to_its_end(doorstep: Doorstep):
    read = 0

    async def endless() -> AsyncIterator[bytes]:
        nonlocal read
        for _ in range(1_000):
            read += 1
            yield b" " * 64 * 1024

    doorstep.refused(await doorstep.post(endless()), "PAYLOAD_TOO_LARGE")
    # Httpx's own transport reads ahead of nobody: it hands out what the server asks for.
    assert read < 20


@pytest.mark.parametrize("media", [
    None, "", ";", "text/plain", "text/json", "application/xml", "application/x-www-form-urlencoded",
    "application/jsonp", "multipart/form-data; boundary=x", "application/octet-stream", "application/graphql", "json",
    "*/*", "application/*",
])  # fmt: skip
async def test_only_json_is_read(media: str | None, doorstep: Doorstep):
    before = await rows(doorstep.scene.root.store)
    doorstep.refused(await doorstep.post(doorstep.good, content_type=media), "UNSUPPORTED_MEDIA_TYPE")
    assert await rows(doorstep.scene.root.store) == before


@pytest.mark.parametrize(
    "media", [JSON, "Application/JSON", f"{JSON}; charset=utf-8", f"{JSON};charset=UTF-8", f" {JSON} ;a=b"]
)
async def test_json_may_be_called_by_its_other_names(media: str, doorstep: Doorstep):
    assert (await doorstep.post(doorstep.good, content_type=media)).is_success


async def test_latin_1_is_never_read_as_something_else(doorstep: Doorstep):
    body = doorstep.good.replace(b"Mine", "Caf\u00e9".encode("latin-1"))
    before = await rows(doorstep.scene.root.store)
    reply = await doorstep.post(body, content_type=f"{JSON}; charset=latin-1")
    doorstep.refused(reply, "MALFORMED_REQUEST" if reply.status_code == 400 else "UNSUPPORTED_MEDIA_TYPE")
    assert await rows(doorstep.scene.root.store) == before


@pytest.mark.parametrize("accept", [
    "application/xml", "text/plain", "image/*", "text/csv, application/xml;q=0.9", f"{JSON};q=0", f"{JSON}; q=0.000",
    "*/*;q=0", "json", "application/jsonp", f"{JSON};q=0, application/xml",
])  # fmt: skip
async def test_who_takes_no_json_gets_none(accept: str, doorstep: Doorstep):
    before = await rows(doorstep.scene.root.store)
    doorstep.refused(await doorstep.post(doorstep.good, accept=accept), "NOT_ACCEPTABLE")
    assert await rows(doorstep.scene.root.store) == before


@pytest.mark.parametrize("accept", [
    JSON, "*/*", "application/*", "Application/JSON", f"{JSON};q=0.001", f"text/html, {JSON};q=0.9",
    "application/xml, */*;q=0.1", "", f"{JSON}; charset=utf-8", f"{JSON};q=1.0",
    "text/html,application/xhtml+xml, */*;q=0.8",
])  # fmt: skip
async def test_who_takes_json_gets_it(accept: str, doorstep: Doorstep):
    reply = await doorstep.post(doorstep.good, accept=accept)
    assert (reply.is_success, reply.headers["Content-Type"]) == (True, JSON)


ALLOWED = {
    "PUT /users/me": "GET HEAD PATCH", "DELETE /users/me": "GET HEAD PATCH", "POST /users/me": "GET HEAD PATCH",
    "GET /auth/login": "POST", "DELETE /auth/logout-all": "POST", "GET /users/me/password": "PATCH",
    "POST /users": "GET HEAD", "PUT /users/{id}": "GET HEAD PATCH DELETE",
    "PATCH /admin/users/{id}": "GET HEAD PUT DELETE", "GET /admin/users/bulk-action": "POST",
    "PUT /projects": "GET HEAD POST", "PUT /projects/{id}": "GET HEAD PATCH DELETE",
    "GET /projects/{id}/members/{id}": "PATCH DELETE", "PUT /projects/{id}/agents/{id}": "GET HEAD PATCH DELETE",
    "GET /projects/{id}/agents/{id}/pause": "POST", "PATCH /projects/{id}/agents/metrics": "GET HEAD",
    "DELETE /agent-types/slug/{id}": "GET HEAD", "GET /sessions/{id}": "DELETE",
    "TRACE /projects": "GET HEAD POST", "BREW /projects": "GET HEAD POST",
}  # fmt: skip


def methods(reply: httpx.Response) -> set[str]:
    return {word.strip() for word in reply.headers["Allow"].split(",")}


@pytest.mark.parametrize(("asked", "allowed"), ALLOWED.items(), ids=ALLOWED)
async def test_another_method_is_told_those_that_are_allowed(asked: str, allowed: str, http, scene: Scene):
    method, path = asked.split()
    before = await rows(scene.root.store)
    reply = await http.request(method, f"/api/v1{path.format(id=NOBODY)}", headers=scene.root.headers)
    problem(reply, "METHOD_NOT_ALLOWED")
    assert methods(reply) == {*allowed.split(), "OPTIONS"}
    assert await rows(scene.root.store) == before


@pytest.mark.parametrize("method", ["PUT", "PATCH", "DELETE", "TRACE", "BREW"])
async def test_graphql_is_told_its_methods_too(method: str, http, scene: Scene):
    reply = await http.request(method, "/graphql", headers=scene.root.headers)
    error(reply, "METHOD_NOT_ALLOWED")
    assert methods(reply) == {"GET", "HEAD", "OPTIONS", "POST"}


@pytest.mark.parametrize("path", [
    "/nope", "/api", "/api/v1", "/api/v1/", "/api/v1/nope", "/api/v2/projects", "/api/v1/projects/",
    "/api/v1/users/me/", "/API/v1/projects", "/api/v1//projects", "/api/v1/projects//agents", "/graphql/", "/graphql/x",
    "/api/v1/%00", "/api/v1/projects/slug/a/b", "/api/v1/../projects", "/.env", "/api/v1/users/me%2f", "/api/v1/%ff",
])  # fmt: skip
async def test_an_unknown_address_is_a_problem(path: str, http, scene: Scene):
    for method in ("GET", "POST", "DELETE"):
        reply = await http.request(method, path, headers=scene.root.headers)
        said = RULES["NOT_FOUND"].sentence
        assert problem(reply, "NOT_FOUND") == [{"code": "NOT_FOUND", "message": said, "field": None}]


ODD_WORDS = {
    "NUL": "%00", "NUL inside": "a%00b", "no UTF-8": "%ff%fe", "surrogate": "%ed%a0%80", "cut off": "%e2%82",
    "no hex": "%zz", "bare percent": "%", "line break": "a%0d%0ab", "dots": "..%2f..%2fetc", "encoded slash": "a%2fb",
    "blank": "%20", "long": "a" * 10_000, "emoji": "%F0%9F%91%8D", "quote": "'%20OR%201=1%20--",
    "braces": f"%7B{NOBODY}%7D", "colon": "a:b", "template": "{id}",
}  # fmt: skip


ADDRESSES = [
    "projects/{1}", "projects/slug/{1}", "agent-types/{1}", "agent-types/slug/{1}", "projects/{1}/agents/{1}",
    "users/{1}", "projects/{0.project.id}/agents/{1}",
]  # fmt: skip


@pytest.mark.parametrize("word", ODD_WORDS.values(), ids=ODD_WORDS)
async def test_an_odd_word_in_an_address_names_nothing(word: str, http, scene: Scene):
    for address in ADDRESSES:
        reply = await http.get(f"/api/v1/{address.format(scene, word)}", headers=scene.root.headers)
        problem(reply, "NOT_FOUND")


@pytest.mark.parametrize("word", ["%00", "a%0D%0Ab", "%F0%9F%91%8D", "a%20b", "a%3Fb", "a%23b", "a%2Fb"])
async def test_a_problem_names_the_address_as_it_was_sent(word: str, http, scene: Scene):
    reply = await http.get(f"/api/v1/users/{word}", headers=scene.root.headers)
    assert reply.json()["instance"].upper() == f"/api/v1/users/{word}".upper()


@pytest.mark.parametrize("path", ["users/me", "projects", "agent-types/{0.kind.id}", "projects/{0.project.id}/agents"])
async def test_head_is_get_without_the_body(path: str, http, scene: Scene):
    address = f"/api/v1/{path.format(scene)}"
    get, head = [await http.request(method, address, headers=scene.owner.headers) for method in ("GET", "HEAD")]
    assert (head.status_code, head.content) == (200, b"")
    own = {"x-request-id"}
    assert {k: v for k, v in head.headers.items() if k not in own} == {
        k: v for k, v in get.headers.items() if k not in own
    }
    assert (await http.head(address)).status_code == 401


class Refused(NamedTuple):
    """A request that is refused with a code, and the field that is to blame."""

    code: str
    method: str
    path: str
    body: Any = None
    headers: Iterable[tuple[str, str]] = ()
    who: str | None = "owner"
    field: str | None = None


PROBLEMS = [
    Refused("MALFORMED_REQUEST", "POST", "/projects", []),
    Refused("UNAUTHENTICATED", "GET", "/users/me", who=None),
    Refused("UNAUTHENTICATED", "POST", "/auth/login", {"email": "a@b.cd", "password": "x"}, who=None),
    Refused("FORBIDDEN", "GET", "/users"),
    Refused("FORBIDDEN", "PATCH", "/users/me/password", {"current_password": "x", "new_password": "Aa1!aaaaaaaa"},
            field="current_password"),
    Refused("NOT_FOUND", "GET", f"/projects/{NOBODY}"),
    Refused("NOT_FOUND", "GET", "/nope", who=None),
    Refused("METHOD_NOT_ALLOWED", "DELETE", "/projects"),
    Refused("UNSUPPORTED_MEDIA_TYPE", "POST", "/projects", {}, [("Content-Type", "text/plain")]),
    Refused("CONFLICT", "POST", "/projects", {"name": "x", "slug": "{0.project.slug}"}, field="slug"),
    Refused("VERSION_MISMATCH", "PATCH", "/projects/{0.project.id}", {"name": "x"}, [("If-Match", '"9"')]),
    Refused("PAYLOAD_TOO_LARGE", "POST", "/projects", {"name": "x" * MAX_BODY}),
    Refused("VALIDATION_FAILED", "POST", "/projects", {"name": "x", "slug": "NO"}, field="slug"),
    Refused("INVALID_TRANSITION", "POST", "/projects/{0.project.id}/agents/{0.agent.id}/resume"),
]  # fmt: skip


@pytest.mark.parametrize("media", [JSON, PROBLEM])
@pytest.mark.parametrize("refused", PROBLEMS, ids=[f"{row.code} {row.path[:20]}" for row in PROBLEMS])
async def test_every_refusal_has_one_shape(refused: Refused, media: str, http, scene: Scene):
    who = getattr(scene, refused.who).headers if refused.who else {}
    body = json.loads(json.dumps(refused.body).replace("{0.project.slug}", scene.project.slug))
    headers = {**who, "Accept": media, **({"Content-Type": JSON} if body is not None else {}), **dict(refused.headers)}
    content = None if body is None else json.dumps(body).encode()
    reply = await http.request(refused.method, "/api/v1" + refused.path.format(scene), content=content, headers=headers)
    entries = problem(reply, refused.code, media)
    assert [entry["field"] for entry in entries] == [refused.field]
    assert reply.headers.get("WWW-Authenticate") == ("Bearer" if refused.code == "UNAUTHENTICATED" else None)


async def test_not_acceptable_is_a_problem_all_the_same(http, scene: Scene):
    problem(await http.get("/api/v1/projects", headers=scene.owner.headers | {"Accept": "text/csv"}), "NOT_ACCEPTABLE")


@pytest.mark.parametrize(("accept", "media"), [
    (PROBLEM, PROBLEM), ("Application/Problem+JSON", PROBLEM), (f"{PROBLEM};q=0.5", PROBLEM),
    (f"{JSON}, {PROBLEM}", PROBLEM), (JSON, JSON), ("*/*", JSON), (f"{JSON}, {PROBLEM};q=0", JSON),
])  # fmt: skip
async def test_a_problem_is_called_one_when_asked(accept: str, media: str, http, scene: Scene):
    headers = scene.owner.headers | {"Accept": accept}
    problem(await http.get(f"/api/v1/projects/{NOBODY}", headers=headers), "NOT_FOUND", media)


async def test_too_many_requests_say_when_to_come_back(http, make: Factory):
    person = await make.user()
    wrong = {"email": person.email, "password": "wrong"}
    for _ in range(5):
        problem(await http.post("/api/v1/auth/login", json=wrong), "UNAUTHENTICATED")
    reply = await http.post("/api/v1/auth/login", json=wrong)
    problem(reply, "RATE_LIMITED")
    assert int(reply.headers["Retry-After"]) >= 1
