"""Failed logins are counted, by account and by address, and cost nothing but a wait."""

from datetime import timedelta
from itertools import pairwise

import httpx
import pytest
from sqlalchemy import func, insert, select, text, update

from resolvers.context import Guest
from resolvers.store.tables import login_failures
from resolvers.store.throttle import SWEEP, keys_of, sweep
from tests.doors import Door, GraphQLDoor, RestDoor
from tests.factories import PASSWORD, Factory, Person
from tests.test_bad_input import watch


@pytest.fixture(autouse=True)
def watched(http):
    watch(http)


@pytest.fixture
async def person(make: Factory) -> Person:
    return await make.user()


async def log_in(door: Door, email: str, password: str = "wrong") -> str | None:
    return (await door.ask("login", email=email, password=password)).code


async def fail(door: Door, email: str, times: int) -> None:
    for _ in range(times):
        assert await log_in(door, email) == "UNAUTHENTICATED"


async def raw(door: Door, email: str, password: str) -> httpx.Response:
    """Logs in and returns the whole reply, headers included."""
    if isinstance(door, RestDoor):
        return await door.http.post("/api/v1/auth/login", json={"email": email, "password": password})
    query = "mutation($input: LoginInput!) { login(input: $input) { accessToken userErrors { code message field } } }"
    variables = {"input": {"email": email, "password": password}}
    return await door.http.post("/graphql", json={"query": query, "variables": variables})


async def test_after_five_failures_one_has_to_wait(door: Door, person: Person):
    await fail(door, person.email, 5)
    assert await log_in(door, person.email, "wrong") == "RATE_LIMITED"
    assert await log_in(door, person.email, PASSWORD) == "RATE_LIMITED"


async def test_the_wait_is_told(door: Door, person: Person):
    await fail(door, person.email, 5)
    reply = await raw(door, person.email, PASSWORD)
    assert "RATE_LIMITED" in reply.text
    assert 1 <= int(reply.headers["Retry-After"]) <= 900


async def test_a_success_forgets_the_failures_before_it(door: Door, person: Person):
    for _ in range(3):
        await fail(door, person.email, 4)
        assert await log_in(door, person.email, PASSWORD) is None
    await fail(door, person.email, 5)
    assert await log_in(door, person.email, PASSWORD) == "RATE_LIMITED"


async def test_successes_are_free(door: Door, person: Person):
    assert [await log_in(door, person.email, PASSWORD) for _ in range(30)] == [None] * 30


async def test_after_the_wait_one_may_try_again(door: Door, person: Person, guest: Guest):
    await fail(door, person.email, 5)
    assert await log_in(door, person.email, PASSWORD) == "RATE_LIMITED"
    async with guest.store.write() as db:
        await db.execute(update(login_failures).values(blocked_until=func.now() - timedelta(seconds=1)))
    assert await log_in(door, person.email, PASSWORD) is None
    await fail(door, person.email, 4)


async def test_each_further_failure_doubles_the_wait(door: Door, person: Person, guest: Guest):
    waits = []
    for failures in (5, 1, 1, 1, 1):
        await fail(door, person.email, failures)
        reply = await raw(RestDoor(door.http), person.email, PASSWORD)
        waits.append(int(reply.headers.get("Retry-After", 0)))
        async with guest.store.write() as db:
            await db.execute(update(login_failures).values(blocked_until=func.now()))
    # The first waits are so short that they may be over before the question.
    assert all(1.5 * short < long for short, long in pairwise(waits[2:])), waits


async def test_an_unknown_address_looks_like_a_wrong_password(door: Door, person: Person):
    unknown = "nobody@example.com"
    for number in range(7):
        replies = [await raw(door, email, "wrong") for email in (person.email, unknown)]
        assert replies[0].json() == replies[1].json()
        assert [reply.status_code for reply in replies] == [replies[0].status_code] * 2
        assert ("RATE_LIMITED" in replies[0].text) == (number >= 5)


async def test_a_deactivated_account_looks_like_a_wrong_password(door: Door, person: Person, make: Factory):
    root = await make.superuser()
    wrong = (await raw(door, person.email, "wrong")).json()
    assert (await door.ask("deactivate_users", root, user_ids=[str(person.id)])).code is None
    assert (await raw(door, person.email, PASSWORD)).json() == wrong


async def test_an_account_is_the_same_in_any_case(door: Door, person: Person):
    name = person.email
    for email in (name, name.upper(), f" {name} ", name.title(), f"\t{name.upper()}\n"):
        await fail(door, email, 1)
    assert await log_in(door, name, PASSWORD) == "RATE_LIMITED"


async def test_one_account_does_not_lock_another(door: Door, person: Person, make: Factory):
    other = await make.user()
    await fail(door, person.email, 5)
    assert await log_in(door, person.email) == "RATE_LIMITED"
    assert await log_in(door, other.email, PASSWORD) is None


async def test_an_address_that_fails_everywhere_has_to_wait(door: Door, person: Person):
    for number in range(20):
        await fail(door, f"guess-{number}@example.com", 1)
    assert await log_in(door, person.email, PASSWORD) == "RATE_LIMITED"


async def test_both_doors_count_together(http, person: Person):
    rest, graphql = RestDoor(http), GraphQLDoor(http)
    await fail(rest, person.email, 3)
    await fail(graphql, person.email, 2)
    for door in (rest, graphql):
        assert await log_in(door, person.email, PASSWORD) == "RATE_LIMITED"


async def test_who_is_signed_in_stays_so(door: Door, person: Person):
    await fail(door, person.email, 5)
    assert await log_in(door, person.email) == "RATE_LIMITED"
    assert (await door.ask("me", person)).code is None
    assert (await door.ask("refresh", refresh_token=person.tokens.refresh_token)).code is None


async def test_a_bad_request_is_no_failure(door: Door, person: Person):
    for _ in range(6):
        assert await log_in(door, person.email, "x" * 1_001) == "VALIDATION_FAILED"
    assert await log_in(door, person.email, PASSWORD) is None


async def test_what_is_forgotten_is_swept_a_little_at_each_failure(door: Door, guest: Guest):
    over = func.now() - timedelta(hours=1, seconds=1)
    rows = [{"key": f"account:old-{number}@example.com", "failures": 1} for number in range(SWEEP + 5)]
    recent = {"key": "account:recent@example.com", "failures": 1, "blocked_until": func.now() - timedelta(minutes=59)}
    async with guest.store.write() as db:
        await db.execute(insert(login_failures).values([row | {"blocked_until": over} for row in rows]))
        await db.execute(insert(login_failures).values(recent))

    left = []
    for _ in range(2):
        await fail(door, "nobody@example.com", 1)
        async with guest.store.read() as db:
            left.append({str(key) for key in (await db.execute(select(login_failures.c.key))).scalars()})

    assert len({key for key in left[0] if "old-" in key}) == 5
    assert left[1] == {"account:recent@example.com", "account:nobody@example.com", "address:127.0.0.1"}


async def test_no_plan_sweeps_more_than_its_share(guest: Guest):
    over = func.now() - timedelta(hours=2)
    rows = [{"key": f"account:{number}", "failures": 1, "blocked_until": over} for number in range(SWEEP + 5)]
    async with guest.store.write() as db:
        await db.execute(insert(login_failures).values(rows))
        for way in ("hashjoin", "mergejoin", "hashagg", "material", "sort"):  # leaves a loop over the rows
            await db.execute(text(f"SET LOCAL enable_{way} = off"))
        assert (await db.execute(sweep())).changed == SWEEP


def test_a_client_with_a_network_of_addresses_is_one():
    first, second, other = (keys_of("a@example.com", f"2001:db8:{net}") for net in ("0:1::1", "0:1:ff::1", "0:2::1"))
    assert first == second != other
    assert keys_of("a@example.com", "::ffff:192.0.2.1") == keys_of("a@example.com", "192.0.2.1")
