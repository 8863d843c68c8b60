"""Safe retries: what is repeated with the same key is done once, and answered as it was the first time."""

import asyncio
from datetime import timedelta

import httpx
import pytest
from sqlalchemy import func, select, text, update

from resolvers import agents, members
from resolvers.idempotency import KEPT, SWEEP
from resolvers.store.tables import agents as agent_rows
from resolvers.store.tables import events as event_rows
from resolvers.store.tables import idempotency_keys, users
from tests.factories import Person, Scene

REPLAYED = "idempotency-replayed"


class Desk:
    """Someone who sends requests with keys, through REST."""

    def __init__(self, http: httpx.AsyncClient, scene: Scene) -> None:
        self.http, self.scene = http, scene

    async def post(self, path: str, key: str | None, body: object = None, who: Person | None = None) -> httpx.Response:
        headers = {**(who or self.scene.operator).headers, **({"Idempotency-Key": key} if key is not None else {})}
        return await self.http.post(f"/api/v1/{path}", json=body, headers=headers)

    async def spawn(self, key: str | None, name: str = "One", who: Person | None = None) -> httpx.Response:
        body = {"agent_type_id": str(self.scene.kind.id), "name": name}
        return await self.post(f"projects/{self.scene.project.id}/agents", key, body, who)

    async def step(self, key: str | None, step: str = "pause") -> httpx.Response:
        return await self.post(f"projects/{self.scene.project.id}/agents/{self.scene.agent.id}/{step}", key)

    async def count(self, table) -> int:
        async with self.scene.root.store.read() as db:
            return (await db.execute(select(func.count()).select_from(table))).scalar()


@pytest.fixture
def desk(http: httpx.AsyncClient, scene: Scene) -> Desk:
    return Desk(http, scene)


def code_of(reply: httpx.Response) -> tuple[int, str, str | None]:
    [error] = reply.json()["errors"]
    return reply.status_code, error["code"], error["field"]


async def test_what_is_repeated_is_done_once_and_answered_byte_for_byte(desk: Desk):
    first = await desk.spawn("a")
    await agents.pause(desk.scene.operator, first.json()["id"])  # it has changed since
    again = await desk.spawn("a")
    assert (again.status_code, again.content) == (201, first.content)
    same = ("location", "etag", "content-type")
    assert [again.headers[name] for name in same] == [first.headers[name] for name in same]
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    assert await desk.count(agent_rows) == 2


async def test_moving_is_repeated_too(desk: Desk):
    first, again = await desk.step("a"), await desk.step("a")
    assert (again.status_code, again.content) == (200, first.content)
    assert (await desk.step("b")).status_code == 422
    assert (await desk.step("a", "resume")).status_code == 200  # another verb, another scope


MADE = {
    "projects": {"name": "P", "slug": "p"},
    "agent-types": {"name": "T", "slug": "t", "personality_prompt": "P.", "primary_model": "m"},
    "admin/users": {"email": "new@example.com", "password": "Correct-Horse-42", "first_name": "New"},
}


@pytest.mark.parametrize("path", MADE)
async def test_everything_that_is_made_is_made_once(path: str, desk: Desk):
    first, again = [await desk.post(path, "a", MADE[path], desk.scene.root) for _ in range(2)]
    assert (first.status_code, again.status_code, again.content) == (201, 201, first.content)
    assert code_of(await desk.post(path, "b", MADE[path], desk.scene.root))[:2] == (409, "CONFLICT")


async def test_a_member_is_added_once(desk: Desk):
    body = {"user_id": str(desk.scene.stranger.id), "role": "viewer"}
    path = f"projects/{desk.scene.project.id}/members"
    first, again = [await desk.post(path, "a", body, desk.scene.owner) for _ in range(2)]
    assert (first.status_code, again.content) == (201, first.content)


async def test_another_payload_under_the_same_key_is_refused(desk: Desk):
    await desk.spawn("a")
    assert code_of(await desk.spawn("a", "Two")) == (422, "IDEMPOTENCY_KEY_REUSED", "idempotency_key")
    assert await desk.count(agent_rows) == 2


async def test_keys_of_others_and_of_other_verbs_are_others(desk: Desk):
    replies = [await desk.spawn("a", who=who) for who in (desk.scene.operator, desk.scene.owner)]
    replies.append(await desk.post("projects", "a", MADE["projects"]))
    assert [reply.status_code for reply in replies] == [201] * 3
    assert not any(REPLAYED in reply.headers for reply in replies)


async def test_a_refusal_is_not_kept(desk: Desk):
    assert (await desk.spawn("a", "")).status_code == 422
    assert (await desk.spawn("a", "Good")).status_code == 201
    assert (await desk.step("b", "resume")).status_code == 422
    await desk.step("c", "pause")
    assert (await desk.step("b", "resume")).status_code == 200


@pytest.mark.parametrize("key", ["", "two words", "a" * 256, "a\tb", "\x7f"])
async def test_what_is_no_key_is_refused_after_rights_and_changes_nothing(key: str, desk: Desk):
    before = await desk.count(event_rows)
    assert code_of(await desk.spawn(key)) == (422, "VALIDATION_FAILED", "idempotency_key")
    assert code_of(await desk.spawn(key, who=desk.scene.stranger))[:2] == (404, "NOT_FOUND")
    assert code_of(await desk.spawn(key, who=desk.scene.viewer))[:2] == (403, "FORBIDDEN")
    assert (await desk.count(agent_rows), await desk.count(event_rows)) == (1, before)


@pytest.mark.parametrize("key", ["a" * 255, '"8e03978e-40d5-43dd-bc93-6894a57f9324"', "~!"])
async def test_a_key_may_look_like_this(key: str, desk: Desk):
    assert (await desk.spawn(key)).content == (await desk.spawn(key)).content


async def test_an_answer_is_kept_for_a_day(desk: Desk):
    first = await desk.spawn("a")
    async with desk.scene.root.store.write() as db:
        old = idempotency_keys.c.created_at - KEPT + timedelta(minutes=1)
        await db.execute(update(idempotency_keys).values(created_at=old))
    assert (await desk.spawn("a")).content == first.content
    async with desk.scene.root.store.write() as db:
        old = idempotency_keys.c.created_at - timedelta(minutes=2)
        await db.execute(update(idempotency_keys).values(created_at=old))
    anew = await desk.spawn("a", "Another payload")
    assert anew.status_code == 201
    assert (await desk.spawn("a", "Another payload")).content == anew.content


async def test_expired_keys_are_swept(desk: Desk):
    for number in range(SWEEP + 5):
        await desk.spawn(f"old-{number}")
    async with desk.scene.root.store.write() as db:
        await db.execute(update(idempotency_keys).values(created_at=func.now() - KEPT))
    for number, left in enumerate((5, 0)):
        await desk.spawn(f"new-{number}")
        assert await desk.count(idempotency_keys) == left + number + 1


async def test_of_many_at_once_one_is_done_and_the_others_are_told_so(desk: Desk):
    replies = await asyncio.gather(*(desk.spawn("a") for _ in range(20)))
    assert {reply.status_code for reply in replies} <= {201, 409}
    done = [reply for reply in replies if reply.status_code == 201]
    assert len({reply.content for reply in done}) == 1
    assert [REPLAYED in reply.headers for reply in done].count(False) == 1
    assert {code_of(reply)[1] for reply in replies if reply.status_code == 409} <= {"CONFLICT"}
    assert await desk.count(agent_rows) == 2


async def test_who_comes_while_the_first_is_at_it_is_told_to_wait(desk: Desk):
    async with desk.scene.root.store.write() as db:
        await db.execute(text("LOCK TABLE agents IN ACCESS EXCLUSIVE MODE"))
        first = asyncio.create_task(desk.spawn("a"))
        while True:
            waiting = await db.execute(text("SELECT count(*) FROM pg_locks WHERE NOT granted"))
            if waiting.scalar():
                break
            await asyncio.sleep(0.02)
        second = await desk.spawn("a")
        assert code_of(second) == (409, "CONFLICT", "idempotency_key")
        assert second.headers["retry-after"] == "1"
    assert (await first).status_code == 201
    assert (await desk.spawn("a")).content == (await first).content


async def test_a_lost_race_is_undone(monkeypatch, desk: Desk):
    # Had the first one ended just between the look and the lock, the second would do the work again.
    await desk.spawn("a")
    missed = text("SELECT true AS mine, NULL AS answer")
    monkeypatch.setattr("resolvers.idempotency._claim", lambda *_, **__: missed)
    assert code_of(await desk.spawn("a"))[:2] == (409, "CONFLICT")
    assert await desk.count(agent_rows) == 2


SPAWN = """mutation($key: String, $project: ID!, $type: ID!, $name: String!) {
  spawnAgent(input: {idempotencyKey: $key, projectId: $project, agentTypeId: $type, name: $name}) {
    agent { id name } userErrors { code field } } }"""


async def test_graphql_has_the_same_keys(desk: Desk):
    async def spawn(key: str | None, name: str = "One") -> httpx.Response:
        scene = desk.scene
        names = {"key": key, "project": str(scene.project.id), "type": str(scene.kind.id), "name": name}
        body = {"query": SPAWN, "variables": names}
        return await desk.http.post("/graphql", json=body, headers=scene.operator.headers)

    first, again, other = await spawn("a"), await spawn("a"), await spawn("a", "Two")
    assert again.json()["data"] == first.json()["data"]
    assert (REPLAYED in first.headers, again.headers[REPLAYED]) == (False, "true")
    reused = {"code": "IDEMPOTENCY_KEY_REUSED", "field": ["idempotencyKey"]}
    assert other.json()["data"]["spawnAgent"] == {"agent": None, "userErrors": [reused]}
    assert (await spawn(None)).json()["data"] != (await spawn(None)).json()["data"]
    through_rest = await desk.spawn("a")
    assert through_rest.json()["id"] == first.json()["data"]["spawnAgent"]["agent"]["id"]


async def test_who_may_see_it_no_more_gets_no_old_answer(desk: Desk):
    await desk.spawn("a")
    await members.remove(desk.scene.owner, desk.scene.project.id, desk.scene.operator.id)
    assert code_of(await desk.spawn("a"))[:2] == (404, "NOT_FOUND")
    await desk.post("admin/users", "a", MADE["admin/users"], desk.scene.root)
    async with desk.scene.root.store.write() as db:
        await db.execute(update(users).values(is_superuser=False))
    assert code_of(await desk.post("admin/users", "a", MADE["admin/users"], desk.scene.root))[:2] == (403, "FORBIDDEN")


async def test_no_password_is_kept_in_a_way_that_can_be_guessed(desk: Desk):
    await desk.post("admin/users", "a", MADE["admin/users"], desk.scene.root)
    async with desk.scene.root.store.read() as db:
        [row] = await db.execute(select(idempotency_keys))
    assert len(row.fingerprint) == 32
    assert b"Horse" not in row.answer
