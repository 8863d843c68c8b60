"""The edge: addresses behind proxies, headers that guard, other origins, compression, HEAD and OPTIONS."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import httpx
import pytest
from starlette.routing import Route
from websockets.asyncio.client import connect
from websockets.exceptions import InvalidStatus

from gql_app.asgi import make_app
from gql_app.edge import EXPOSED, Edge
from resolvers.context import Guest
from rest_shim.routes import ENDPOINTS
from tests.conftest import listens
from tests.factories import PASSWORD, Factory, Scene
from tests.processes import ROOT, Place

API = "/api/v1"
NOBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"
ELSEWHERE = "https://app.example.com"
GUARDS = {
    "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'",
    "Referrer-Policy": "no-referrer",
    "X-Content-Type-Options": "nosniff",
}


@asynccontextmanager
async def beyond(guest: Guest, *, peer: str = "127.0.0.1", **edge: tuple[str, ...]) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with such an edge, which connects from an address."""
    transport = httpx.ASGITransport(
        make_app(guest, explorer=True, edge=Edge(**edge)), raise_app_exceptions=False, client=(peer, 1234)
    )
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client


def login(who: str, password: str = PASSWORD) -> dict[str, str]:
    return {"email": who, "password": password}


# Whose address it is

PROXIES = ("10.0.0.0/8", "192.0.2.1", "fd00::/8")


@pytest.mark.parametrize(("peer", "chain", "seen"), [
    ("10.1.2.3", ["203.0.113.7"], "203.0.113.7"),
    ("192.0.2.1", ["203.0.113.7"], "203.0.113.7"),
    ("fd00::5", ["203.0.113.7"], "203.0.113.7"),
    ("::ffff:10.1.2.3", ["203.0.113.7"], "203.0.113.7"),
    ("10.1.2.3", ["203.0.113.7, 10.9.9.9"], "203.0.113.7"),
    ("10.1.2.3", ["203.0.113.7, 10.9.9.9, 192.0.2.1"], "203.0.113.7"),
    # What the client made up stands before what the first trusted proxy added.
    ("10.1.2.3", ["198.51.100.9, 203.0.113.7"], "203.0.113.7"),
    ("10.1.2.3", ["127.0.0.1, 10.0.0.1, 203.0.113.7"], "203.0.113.7"),
    ("10.1.2.3", ["198.51.100.9", "203.0.113.7"], "203.0.113.7"),
    ("10.1.2.3", ["203.0.113.7:4711"], "203.0.113.7"),
    ("10.1.2.3", ["[2001:DB8::7]:4711"], "2001:db8::7"),
    ("10.1.2.3", ["2001:db8:0:0::7"], "2001:db8::7"),
    ("10.1.2.3", ["::ffff:203.0.113.7"], "203.0.113.7"),
    ("10.1.2.3", [], "10.1.2.3"),
    ("10.1.2.3", ["10.7.7.7"], "10.7.7.7"),
    # Nobody else is believed, and nothing that is no address.
    ("198.51.100.9", ["203.0.113.7"], "198.51.100.9"),
    ("192.0.2.2", ["203.0.113.7"], "192.0.2.2"),
    ("198.51.100.9", ["10.1.2.3"], "198.51.100.9"),
    ("10.1.2.3", ["unknown"], "10.1.2.3"),
    ("10.1.2.3", [""], "10.1.2.3"),
    ("10.1.2.3", ["203.0.113.7, nonsense"], "10.1.2.3"),
    ("10.1.2.3", ["x" * 5_000], "10.1.2.3"),
    ("10.1.2.3", ["203.0.113.7\u00ff"], "10.1.2.3"),
    ("10.1.2.3", [","], "10.1.2.3"),
], ids=str)  # fmt: skip
async def test_an_address_is_believed_from_trusted_proxies_alone(
    peer: str, chain: list[str], seen: str, guest: Guest, make: Factory
):
    person = await make.user()
    told = [(b"X-Forwarded-For", part.encode("latin-1")) for part in chain]
    async with beyond(guest, peer=peer, proxies=PROXIES) as http:
        tokens = (await http.post(f"{API}/auth/login", json=login(person.email), headers=told)).json()
        headers = {"Authorization": f"Bearer {tokens['access_token']}"}
        sessions = (await http.get(f"{API}/sessions/me", headers=headers)).json()["sessions"]
    assert [one["ip_address"] for one in sessions if one["is_current"]] == [seen]


@pytest.mark.parametrize("proxies", [(), ("10.0.0.0/8",)], ids=["none trusted", "others trusted"])
async def test_who_fails_to_sign_in_hides_behind_no_header(proxies: tuple[str, ...], guest: Guest):
    async with beyond(guest, peer="198.51.100.9", proxies=proxies) as http:
        for number in range(20):
            wrong, spoofed = login(f"person-{number}@example.org"), {"X-Forwarded-For": f"203.0.113.{number}"}
            assert (await http.post(f"{API}/auth/login", json=wrong, headers=spoofed)).status_code == 401
        last = {"X-Forwarded-For": "203.0.113.99", "Forwarded": "for=203.0.113.99", "X-Real-IP": "203.0.113.99"}
        reply = await http.post(f"{API}/auth/login", json=login("one-more@example.org"), headers=last)
    assert reply.status_code == 429


async def test_clients_of_one_proxy_are_told_apart(guest: Guest):
    async with beyond(guest, peer="10.1.2.3", proxies=PROXIES) as http:
        for number in range(25):
            own = {"X-Forwarded-For": f"203.0.113.{number}"}
            reply = await http.post(f"{API}/auth/login", json=login(f"person-{number}@example.org"), headers=own)
            assert reply.status_code == 401


# What guards a reply


@pytest.mark.parametrize(("method", "path", "status", "cache"), [
    ("GET", "/", 307, "no-store"), ("GET", "/health", 200, "no-store"), ("GET", "/ready", 200, "no-store"),
    ("GET", "/nope", 404, "no-store"), ("DELETE", "/health", 405, "no-store"), ("OPTIONS", "/health", 204, "no-store"),
    ("GET", "/api/v1/users/me", 200, "private, no-cache"), ("GET", "/api/v1/projects", 200, "private, no-cache"),
    ("GET", "/api/v1/projects?nonsense=1", 422, "no-store"), ("GET", "/api/v1/projects/nope", 404, "no-store"),
    ("POST", "/api/v1/auth/login", 415, "no-store"), ("OPTIONS", "/api/v1/projects", 204, "no-store"),
    ("POST", "/api/v1/auth/logout-all", 200, "no-store"), ("GET", "/api/v1/openapi.json", 200, "no-cache"),
    ("GET", "/graphql?query={viewer{id}}", 200, "private, no-cache"), ("PUT", "/graphql", 405, "no-store"),
    ("GET", "/graphql/assets/nope", 404, "no-store"), ("GET", "/broken", 500, "no-store"),
])  # fmt: skip
async def test_every_reply_is_guarded(method: str, path: str, status: int, cache: str, guest: Guest, scene: Scene):  # noqa: PLR0917
    app = make_app(guest, explorer=True)
    inner = app
    while hasattr(inner, "app"):
        inner = inner.app

    async def broken(_request):
        raise RuntimeError

    inner.router.routes.append(Route("/broken", broken))
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as http:
        reply = await http.request(method, path, headers=scene.viewer.headers)
    assert (reply.status_code, reply.headers["Cache-Control"]) == (status, cache)
    assert {name: reply.headers.get(name) for name in GUARDS} == GUARDS
    assert "X-Request-ID" in reply.headers


async def test_a_page_has_a_policy_of_its_own(http):
    page = await http.get("/graphql", headers={"Accept": "text/html"})
    assert page.headers["Content-Type"].startswith("text/html")
    assert "script-src 'self'" in page.headers["Content-Security-Policy"]
    assert page.headers.get_list("Content-Security-Policy") == [page.headers["Content-Security-Policy"]]
    assert page.headers["Cache-Control"] == "no-cache"


SIGN_IN = "mutation($input: LoginInput!) { login(input: $input) { accessToken refreshToken } }"


async def test_tokens_are_kept_nowhere(http, make: Factory):
    person = await make.user()
    rest = await http.post(f"{API}/auth/login", json=login(person.email))
    body = {"query": SIGN_IN, "variables": {"input": login(person.email)}}
    graphql = await http.post("/graphql", json=body)
    assert graphql.json()["data"]["login"]["accessToken"]
    assert [rest.headers["Cache-Control"], graphql.headers["Cache-Control"]] == ["no-store"] * 2


# Other origins


def allowed(reply: httpx.Response) -> dict[str, str]:
    return {name: value for name, value in reply.headers.items() if name.startswith("access-control")}


def preflight(method: str, *headers: str, origin: str = ELSEWHERE) -> dict[str, str]:
    asked = {"Access-Control-Request-Headers": ", ".join(headers)} if headers else {}
    return {"Origin": origin, "Access-Control-Request-Method": method, **asked}


async def test_no_other_origin_may_ask_unless_it_is_set(http, scene: Scene):
    asked = await http.get(f"{API}/users/me", headers=scene.viewer.headers | {"Origin": ELSEWHERE})
    before = await http.options(f"{API}/users/me", headers=preflight("PATCH"))
    assert (asked.status_code, before.status_code) == (200, 204)
    assert allowed(asked) == allowed(before) == {}


@pytest.mark.parametrize("path", [f"{API}/users/me", f"{API}/projects/{NOBODY}", "/nope", f"{API}/projects?x=1"])
async def test_an_origin_that_is_set_reads_replies_and_refusals(path: str, guest: Guest, scene: Scene):
    async with beyond(guest, origins=(ELSEWHERE,)) as http:
        for who in (scene.viewer.headers, {}):
            reply = await http.get(path, headers=who | {"Origin": ELSEWHERE})
            assert reply.headers["Access-Control-Allow-Origin"] == ELSEWHERE
            assert set(reply.headers["Access-Control-Expose-Headers"].split(", ")) == set(EXPOSED)
            assert "Access-Control-Allow-Credentials" not in reply.headers
            assert "Origin" in reply.headers["Vary"]
        other = await http.get(path, headers={"Origin": "https://evil.example.com"})
        assert "Access-Control-Allow-Origin" not in other.headers
        assert "Origin" in (await http.get(path)).headers["Vary"]


async def test_a_browser_that_asks_first_is_told_what_it_may_send(guest: Guest):
    given = ("authorization", "content-type", "if-match", "idempotency-key", "last-event-id", "x-request-id")
    async with beyond(guest, origins=(ELSEWHERE,)) as http:
        for path in (f"{API}/users/me", "/graphql"):
            reply = await http.options(path, headers=preflight("PATCH", *given))
            assert (reply.status_code, reply.headers["Access-Control-Allow-Origin"]) == (200, ELSEWHERE)
            assert "PATCH" in reply.headers["Access-Control-Allow-Methods"]
            assert {name: reply.headers.get(name) for name in GUARDS} == GUARDS
        for wrong in (preflight("PATCH", origin="https://app.example.com.evil"), preflight("PATCH", "x-other")):
            assert (await http.options(f"{API}/users/me", headers=wrong)).status_code == 400


async def test_any_origin_may_be_set(guest: Guest, scene: Scene):
    async with beyond(guest, origins=("*",)) as http:
        reply = await http.get(f"{API}/users/me", headers=scene.viewer.headers | {"Origin": "https://any.example"})
        assert reply.headers["Access-Control-Allow-Origin"] == "*"


@pytest.mark.parametrize(("origins", "origin", "opens"), [
    ((), None, True), ((), "http://{0}", True), ((), ELSEWHERE, False), ((ELSEWHERE,), ELSEWHERE, True),
    ((ELSEWHERE,), "https://evil.example.com", False), ((ELSEWHERE,), "http://{0}", True),
    ((ELSEWHERE,), "null", False), (("*",), "https://any.example", True),
], ids=str)  # fmt: skip
async def test_sockets_open_from_the_same_origins(
    origins: tuple[str, ...], origin: str | None, opens: bool, guest: Guest, scene: Scene  # noqa: FBT001
):  # fmt: skip
    app = make_app(guest, explorer=True, edge=Edge(origins=origins, proxies=("127.0.0.1",)))
    async with listens(app, lifespan="off") as url:
        place = url.removeprefix("http://")
        told = {"origin": origin.format(place) if origin else None, "additional_headers": scene.viewer.headers}
        opening = connect(f"ws://{place}/graphql", subprotocols=["graphql-transport-ws"], **told)
        if not opens:
            with pytest.raises(InvalidStatus) as refused:
                await opening
            assert refused.value.response.status_code == 403
            return
        async with opening as ws:
            await ws.send(json.dumps({"type": "connection_init"}))
            assert json.loads(await ws.recv())["type"] == "connection_ack"


# Compression


@pytest.fixture
async def many(make: Factory, scene: Scene) -> str:
    """The address of a list that is worth compressing."""
    for number in range(8):
        await make.agent(scene.operator, scene.project, scene.kind, name=f"Agent {number}")
    return f"{API}/projects/{scene.project.id}/agents"


@pytest.mark.parametrize(("accept", "encoding"), [
    ("gzip", "gzip"), ("br, gzip;q=0.5", "gzip"), ("identity", None), ("gzip;q=0", None), ("", None), ("br", None),
])  # fmt: skip
async def test_large_lists_are_compressed_for_who_takes_it(accept: str, encoding: str | None, many: str, http, scene):
    plain, asked = [
        await http.get(many, headers=scene.viewer.headers | {"Accept-Encoding": coding})
        for coding in ("identity", accept)
    ]
    assert asked.headers.get("Content-Encoding") == encoding
    assert asked.json() == plain.json()
    if encoding:
        assert int(asked.headers["Content-Length"]) < int(plain.headers["Content-Length"]) / 3
        assert "Accept-Encoding" in asked.headers["Vary"]
        head = await http.head(many, headers=scene.viewer.headers | {"Accept-Encoding": accept})
        assert head.headers["Content-Length"] == asked.headers["Content-Length"]


async def test_large_answers_of_graphql_are_compressed_but_never_tokens(many: str, http, make: Factory, scene: Scene):
    wide = " ".join(f"a{number}: viewer {{ id email firstName lastName createdAt }}" for number in range(12))
    query = await http.post("/graphql", json={"query": f"{{ {wide} }}"}, headers=scene.viewer.headers)
    assert query.headers["Content-Encoding"] == "gzip"
    fields = " ".join(f"a{number}: accessToken" for number in range(12))
    document = f"mutation($input: LoginInput!) {{ login(input: $input) {{ {fields} }} }}"
    [person] = await make.users({"first_name": "Ada " * 50, "last_name": "Moreno " * 30})
    body = {"query": document, "variables": {"input": login(person.email)}}
    tokens = await http.post("/graphql", json=body)
    assert len(tokens.content) > 2000
    rest = await http.post(f"{API}/auth/login", json=login(person.email))
    assert len(rest.content) > 1024
    for reply in (tokens, rest):
        assert "Content-Encoding" not in reply.headers


async def test_what_has_a_tag_stays_as_the_tag_says(http, make: Factory, scene: Scene):
    kind = await make.agent_type(scene.root, personality_prompt="Review. " * 1_000)
    reply = await http.get(f"{API}/agent-types/{kind.id}", headers=scene.viewer.headers)
    assert len(reply.content) > 8_000
    assert "Content-Encoding" not in reply.headers


async def test_a_stream_is_never_compressed(address: str, scene: Scene):
    headers = scene.viewer.headers | {"Accept": "text/event-stream", "Accept-Encoding": "gzip"}
    url = f"{address}{API}/projects/{scene.project.id}/events?after=0"
    async with httpx.AsyncClient() as client, client.stream("GET", url, headers=headers) as reply:
        async with asyncio.timeout(10):
            got = ""
            async for text in reply.aiter_text():
                got += text
                if "agent.spawned" in got:
                    break
        assert "Content-Encoding" not in reply.headers


# Methods


IDS = dict.fromkeys(("id", "project_id", "user_id"), NOBODY) | {"slug": "none"}
PATHS = [*dict.fromkeys(f"{API}{endpoint.path.format(**IDS)}" for endpoint in ENDPOINTS)]
PATHS += ["/", "/health", "/ready", "/graphql", f"{API}/openapi.json"]


@pytest.mark.parametrize("path", PATHS)
async def test_every_address_says_what_it_takes_and_heads_what_it_gets(path: str, http, scene: Scene):
    told = await http.options(path)
    assert (told.status_code, told.content) == (204, b"")
    methods = set(told.headers["Allow"].split(", "))
    assert "OPTIONS" in methods
    assert ("HEAD" in methods) == ("GET" in methods)
    assert set((await http.request("BREW", path)).headers["Allow"].split(", ")) == methods
    if "GET" in methods:
        head, get = [await http.request(method, path, headers=scene.root.headers) for method in ("HEAD", "GET")]
        assert (head.status_code, head.content) == (get.status_code, b"")
        assert (
            head.headers["Content-Type" if get.content else "Content-Length"]
            == get.headers["Content-Type" if get.content else "Content-Length"]
        )


async def test_a_trailing_slash_is_another_address(http, scene: Scene):
    for path in (f"{API}/projects/", f"{API}/users/me/", "/graphql/", "/health/"):
        assert (await http.get(path, headers=scene.viewer.headers)).status_code == 404


# The process


@pytest.mark.parametrize("workers", [1, 2], ids=["one process", "two workers"])
def test_the_settings_reach_the_edge(workers: int, tmp_path: Path, prepared: Path):
    with Place(tmp_path) as place:
        settings = {"cors_origins": ELSEWHERE, "trusted_proxies": "127.0.0.0/8, ::1"}
        server = place.settle(prepared).serve("--workers", workers, **ROOT, **settings)
        server.http.headers.update({"X-Forwarded-For": "198.51.100.9, 203.0.113.7", "Origin": ELSEWHERE})
        reply = server.http.get("/api/v1/sessions/me", headers=server.sign_in())
        assert reply.headers["Access-Control-Allow-Origin"] == ELSEWHERE
        assert [one["ip_address"] for one in reply.json()["sessions"] if one["is_current"]] == ["203.0.113.7"]
