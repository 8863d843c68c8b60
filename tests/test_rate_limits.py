"""Rate limits: just below and just above each, through both doors, and what the headers tell of them."""

import time
from collections.abc import AsyncIterator, Callable
from contextlib import AsyncExitStack

import httpx
import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from gql_app.asgi import make_app
from resolvers import counters
from resolvers.context import Guest
from resolvers.counters import Counters
from resolvers.domain.rates import Policy
from resolvers.rates import Rates
from tests.factories import PASSWORD, Factory, Person, Scene
from tests.test_limits import costly

VIEWER = {"query": "{viewer{id}}"}
LOGIN = "mutation($input: LoginInput!) { login(input: $input) { accessToken userErrors { code } } }"
REGISTER = "mutation($input: RegisterInput!) { register(input: $input) { user { id } userErrors { code } } }"
Limited = Callable[..., httpx.AsyncClient]


class Clock:
    """The time of day, which stands still."""

    now = 1_800_000_017.5  # 42.5 s before a minute ends


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    clock = Clock()
    monkeypatch.setattr(time, "time", lambda: clock.now)
    return clock


def limits(store: str | None = None, **said: str) -> Rates:
    policies = {name: Policy.parse(name.replace("_", "-"), text) for name, text in said.items()}
    return Rates(**policies, counters=Counters(store))


@pytest.fixture
async def limited(guest: Guest, clock: Clock) -> AsyncIterator[Limited]:
    """Makes clients, by their address, of one application with limits."""
    async with AsyncExitStack() as stack:
        apps = {}

        def client(ip: str = "192.0.2.1", **said: str) -> httpx.AsyncClient:
            if said or not apps:
                apps["last"] = make_app(msgspec.structs.replace(guest, rates=limits(**said)), explorer=True)
            transport = httpx.ASGITransport(apps["last"], raise_app_exceptions=False, client=(ip, 1))
            made = httpx.AsyncClient(transport=transport, base_url="http://roster.test")
            stack.push_async_callback(made.aclose)
            return made

        yield client


@pytest.fixture(params=["rest", "graphql"])
def way(request: pytest.FixtureRequest) -> str:
    return request.param


async def look(http: httpx.AsyncClient, way: str, who: Person | dict[str, str] | None = None) -> httpx.Response:
    """Asks for as little as there is."""
    headers = who.headers if isinstance(who, Person) else who or {}
    if way == "rest":
        return await http.get("/api/v1/users/me", headers=headers)
    return await http.post("/graphql", json=VIEWER, headers=headers)


def told(reply: httpx.Response) -> list[str | None]:
    return [reply.headers.get(name) for name in ("RateLimit-Policy", "RateLimit", "Retry-After")]


def code(reply: httpx.Response) -> str | None:
    """Returns the code of the first error, in the words of either door."""
    error = reply.json().get("errors", [{}])[0]
    return error.get("code") or error.get("extensions", {}).get("code")


@pytest.mark.parametrize("name", ["user", "address"])
async def test_a_limit_is_where_it_is_set_and_told(name: str, way: str, limited: Limited, scene: Scene):
    http, who = limited(**{name: "3/minute"}), scene.owner if name == "user" else None

    replies = [await look(http, way, who) for _ in range(5)]

    policy = f'"{name}";q=3;w=60'
    assert [told(reply) for reply in replies] == [
        [policy, f'"{name}";r=2;t=43', None],
        [policy, f'"{name}";r=1;t=43', None],
        [policy, f'"{name}";r=0;t=43', None],
        [policy, f'"{name}";r=0;t=43', "43"],
        [policy, f'"{name}";r=0;t=43', "43"],
    ]
    assert [reply.status_code == 429 for reply in replies] == [False] * 3 + [True] * 2
    assert [code(reply) == "RATE_LIMITED" for reply in replies] == [False] * 3 + [True] * 2
    assert "3 in 60 s are allowed; try again in 43 s." in replies[-1].text


async def test_after_the_wait_there_is_room_and_before_it_there_is_none(
    way: str, limited: Limited, scene: Scene, clock: Clock
):
    http = limited(user="3/minute")
    for _ in range(3):
        await look(http, way, scene.owner)
    wait = int((await look(http, way, scene.owner)).headers["Retry-After"])

    clock.now += wait - 1
    assert (await look(http, way, scene.owner)).headers["Retry-After"] == "1"
    clock.now += 1
    assert (await look(http, way, scene.owner)).status_code == 200
    again = await look(http, way, scene.owner)
    assert again.status_code == 429

    clock.now += int(again.headers["Retry-After"])
    assert (await look(http, way, scene.owner)).status_code == 200


async def test_both_doors_take_from_one_account(limited: Limited, scene: Scene):
    http = limited(user="4/minute")
    ways = ["rest", "graphql", "graphql", "rest", "graphql", "rest"]
    assert [(await look(http, way, scene.owner)).status_code for way in ways] == [200] * 4 + [429] * 2


async def test_users_and_addresses_take_nothing_from_each_other(way: str, limited: Limited, scene: Scene):
    here = limited(user="1/minute", address="1/minute")
    elsewhere = limited("192.0.2.2")
    for http, who in [(here, scene.owner), (here, scene.viewer), (here, None), (elsewhere, None)]:
        assert (await look(http, way, who)).status_code != 429
        assert (await look(http, way, who)).status_code == 429
    assert (await look(elsewhere, way, scene.owner)).status_code == 429


async def test_a_token_that_is_none_counts_for_the_address(way: str, limited: Limited):
    http, bad = limited(user="9/minute", address="2/minute"), {"Authorization": "Bearer none"}
    assert [code(await look(http, way, who)) for who in (bad, None, bad)] == ["UNAUTHENTICATED"] * 2 + ["RATE_LIMITED"]


async def test_a_network_of_addresses_is_one_client(way: str, limited: Limited):
    limited(address="2/minute")
    clients = [limited(f"2001:db8::{place}") for place in ("1", "a:b:c:d", "2")]
    replies = [await look(client, way) for client in clients]
    assert [reply.status_code == 429 for reply in replies] == [False, False, True]
    assert (await look(limited("2001:db8:0:1::1"), way)).status_code != 429


DOCUMENTS = {
    "one object": ("{viewer{id}}", 1, 1),
    "50": ("{agentTypes(first:50){nodes{id}}}", 50, 1),
    "51": ("{agentTypes(first:50){nodes{id}} viewer{id}}", 51, 2),
    "500": ("{projects(first:100){nodes{agents(first:4){nodes{id}}}}}", 500, 10),
    "as much as is allowed": (costly(5_000), 5_000, 100),
    "more than is allowed": (costly(5_001), 5_001, 1),
    "three mutations": ("mutation{a:cleanUpSessions{message} b:logoutAll{message} c:logoutAll{message}}", 3, 3),
}


@pytest.mark.parametrize("kind", DOCUMENTS)
async def test_an_operation_weighs_what_it_may_cost(kind: str, limited: Limited, scene: Scene):
    document, cost, units = DOCUMENTS[kind]
    reply = await limited(user="1000/minute").post("/graphql", json={"query": document}, headers=scene.owner.headers)

    assert reply.json()["extensions"]["cost"]["requested"] == cost
    assert told(reply)[1] == f'"user";r={1_000 - units};t=43'


async def test_what_weighs_more_than_is_left_does_not_run_and_takes_one(
    limited: Limited, scene: Scene, clock: Clock, statements: list[str]
):
    http, heavy = limited(user="11/minute"), {"query": DOCUMENTS["500"][0]}
    await look(http, "rest", scene.owner)
    assert told(await http.post("/graphql", json=heavy, headers=scene.owner.headers))[1:] == ['"user";r=0;t=43', None]
    clock.now += 60
    statements.clear()

    refused = await http.post("/graphql", json=heavy, headers=scene.owner.headers)
    [error] = refused.json()["errors"]

    # The 11 fade for 42.5 s more: 7 of them count now, and none once less than 60 / 11 s are left.
    assert told(refused)[1:] == ['"user";r=3;t=5', "38"]
    assert error["extensions"] == {"code": "RATE_LIMITED", "limit": "user", "retryAfter": 38}
    assert (refused.status_code, "data" in refused.json(), statements) == (429, False, [])
    clock.now += 38
    assert (await http.post("/graphql", json=heavy, headers=scene.owner.headers)).status_code == 200


async def test_what_weighs_more_than_all_is_let_in_when_all_is_left(limited: Limited, scene: Scene):
    http, heavy = limited(user="5/minute"), {"query": costly(5_000)}
    assert told(await http.post("/graphql", json=heavy, headers=scene.owner.headers))[1:] == ['"user";r=0;t=43', None]


BAD = {
    "no JSON": {"content": "{", "headers": {"Content-Type": "application/json"}},
    "no GraphQL": {"json": {"query": "{"}},
    "no such field": {"json": {"query": "{nothing}"}},
    "no media type": {"content": "x", "headers": {"Content-Type": "text/plain"}},
}


@pytest.mark.parametrize("kind", BAD)
async def test_what_is_none_of_graphql_counts_once_too(kind: str, limited: Limited):
    http = limited(address="2/minute")
    replies = [await http.post("/graphql", **BAD[kind]) for _ in range(3)]
    assert [reply.headers["RateLimit"] for reply in replies] == [f'"address";r={left};t=43' for left in (1, 0, 0)]
    assert [code(reply) == "RATE_LIMITED" for reply in replies] == [False, False, True]


async def test_limits_cost_no_statement(way: str, limited: Limited, http, scene: Scene, statements: list[str]):
    await look(http, way, scene.owner)
    without = len(statements)
    client = limited(user="2/minute", address="2/minute", sign_in="2/minute")

    for expected in (without, without, 0, 0):
        statements.clear()
        await look(client, way, scene.owner)
        assert len(statements) == expected, statements


@pytest.mark.parametrize("path", ["/health", "/ready", "/graphql/assets/none.js", "/"])
async def test_what_is_no_door_is_not_counted(path: str, limited: Limited):
    http = limited(address="1/day")
    replies = [await http.get(path) for _ in range(3)]
    assert [told(reply) for reply in replies] == [[None] * 3] * 3
    assert 429 not in [reply.status_code for reply in replies]


async def test_without_limits_nothing_is_refused_or_told(way: str, limited: Limited, scene: Scene):
    http = limited(user="none", address="none", sign_in="none")
    replies = [await look(http, way, who) for who in (scene.owner, None) for _ in range(20)]
    assert {reply.headers.get("RateLimit-Policy") for reply in replies} == {None}
    assert 429 not in [reply.status_code for reply in replies]


@pytest.mark.parametrize("verb", ["login", "register"])
async def test_signing_in_and_registering_have_a_limit_of_their_own(
    verb: str, way: str, limited: Limited, make: Factory, statements: list[str]
):
    http, person = limited(address="9/minute", sign_in="2/minute"), await make.user()

    async def ask(number: int) -> httpx.Response:
        new = {"email": f"new-{number}@example.com", "password": PASSWORD, "first_name": "Ada"}
        body = new if verb == "register" else {"email": person.email, "password": PASSWORD}
        if way == "rest":
            return await http.post(f"/api/v1/auth/{verb}", json=body)
        query = REGISTER if verb == "register" else LOGIN
        body = {name.replace("first_name", "firstName"): value for name, value in body.items()}
        return await http.post("/graphql", json={"query": query, "variables": {"input": body}})

    assert [code(await ask(number)) for number in range(2)] == [None, None]
    statements.clear()
    refused = await ask(3)

    assert (code(refused), statements) == ("RATE_LIMITED", [])
    assert told(refused) == [
        '"address";q=9;w=60, "sign-in";q=2;w=60',
        '"address";r=6;t=43, "sign-in";r=0;t=43',
        "43",
    ]
    assert (await look(http, way)).status_code != 429


@settings(max_examples=200, deadline=None)
@given(
    quota=some.integers(1, 40),
    window=some.sampled_from([1, 10, 60]),
    steps=some.lists(some.tuples(some.floats(0, 100), some.integers(1, 40)), max_size=30),
    units=some.integers(1, 40),
)
async def test_a_wait_is_as_long_as_it_must_be_and_no_longer(
    quota: int, window: int, steps: list[tuple[float, int]], units: int
):
    clock, policy, units = Clock(), Policy("user", quota, window), min(units, quota)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(time, "time", lambda: clock.now)
        counted = Counters()
        for pause, taken in steps:
            clock.now += pause
            await counted.add(policy, "someone", taken)
        fits, reading = await counted.add(policy, "someone", units)
        if fits:
            return
        wait = reading.wait(units)
        assert wait >= 1
        clock.now += wait - 1.001
        assert wait == 1 or not (await counted.add(policy, "someone", units))[0]
        clock.now += 1.001
        assert (await counted.add(policy, "someone", units))[0]


async def test_memory_holds_no_more_than_it_must(clock: Clock, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "MOST", 100)
    counted, policy = Counters(), Policy("address", 10, 60)
    for number in range(500):
        await counted.add(policy, str(number), 1)
    assert len(counted._own.storage) == len(counted._own.expirations) == 100

    clock.now += 121
    await counted.add(policy, "last", 1)
    assert len(counted._own.storage) == len(counted._own.expirations) == 1
    assert not counted._own.locks
    assert not counted._own.events


@pytest.mark.parametrize(
    ("text", "quota", "window"),
    [
        ("600/minute", 600, 60),
        ("1/second", 1, 1),
        ("50/10 seconds", 50, 10),
        ("5000/hour", 5_000, 3_600),
        ("9/2 days", 9, 172_800),
    ],
)
def test_a_limit_is_read_as_it_is_written(text: str, quota: int, window: int):
    assert Policy.parse("user", text) == ("user", quota, window)


@pytest.mark.parametrize(
    "text", ["", "0/minute", "-1/minute", "600", "600/week", "600 per minute", "6e2/minute", "NONE"]
)
def test_what_is_no_limit_is_refused(text: str):
    with pytest.raises(ValueError, match="must be like 600/minute or 50/10 seconds, or none"):
        Policy.parse("user", text)


async def test_limits_of_one_size_are_two_accounts(limited: Limited):
    http, body = limited(address="2/minute", sign_in="2/minute"), {"email": "nobody@example.com", "password": "wrong"}
    replies = [await http.post("/api/v1/auth/login", json=body) for _ in range(2)]
    assert [reply.status_code for reply in replies] == [401, 401]
    assert replies[1].headers["RateLimit"] == '"address";r=0;t=43, "sign-in";r=0;t=43'
