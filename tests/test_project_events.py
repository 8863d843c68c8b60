"""A project's events through REST: as a list in the order of the log, and as they happen, as curl gets them."""

import asyncio
import json
import socket
from asyncio.subprocess import DEVNULL, PIPE, Process
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, suppress
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import httpx
import pytest
from sqlalchemy import text

from resolvers import agents, auth, members
from resolvers.domain.ids import new_id
from resolvers.store import feed as feeds
from rest_shim import stream
from tests.factories import Factory, Person, Scene
from tests.processes import ROOT, Place
from tests.test_live_clients import Operator, busy

API = "/api/v1"
STREAM = {"Accept": "text/event-stream"}
NOBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"
INSERT = (
    "INSERT INTO events (id, kind, project_id, subject_id, data) VALUES (:id, 'agent.updated', :project, :it, '{}')"
)


def path_of(scene: Scene) -> str:
    return f"{API}/projects/{scene.project.id}/events"


async def steps(scene: Scene, count: int) -> None:
    for number in range(count):
        await (agents.resume if number % 2 else agents.pause)(scene.operator, scene.agent.id)


async def listed(http: httpx.AsyncClient, who: Person, scene: Scene, **params: object) -> httpx.Response:
    return await http.get(path_of(scene), params=params, headers=who.headers)


# As a list


async def test_the_log_is_read_in_parts_and_in_its_order(http, make: Factory, scene: Scene):
    await steps(scene, 6)
    await make.agent(scene.root, await make.project(scene.root), scene.kind)  # of no concern here
    reply, found, sizes = await listed(http, scene.viewer, scene, limit=3), [], []
    while True:
        found += reply.json()["data"]
        sizes.append(reply.json()["pagination"]["page_size"])
        if not reply.json()["pagination"]["has_next"]:
            break
        [link] = reply.headers["Link"].split(", ")
        assert link == f'<{path_of(scene)}?limit=3&after={found[-1]["cursor"]}>; rel="next"'
        reply = await http.get(link[1 : link.index(">")], headers=scene.viewer.headers)
    assert sizes == [3, 3, 1]
    assert reply.json()["pagination"] == {"page_size": 1, "has_next": False, "after": found[-1]["cursor"]}
    assert "Link" not in reply.headers
    assert [event["kind"] for event in found] == ["agent.spawned"] + ["agent.paused", "agent.resumed"] * 3
    end = await listed(http, scene.viewer, scene, after=found[-1]["cursor"])
    assert end.json() == {"data": [], "pagination": {"page_size": 0, "has_next": False, "after": found[-1]["cursor"]}}
    await steps(scene, 1)
    more = await listed(http, scene.viewer, scene, after=end.json()["pagination"]["after"])
    assert [event["kind"] for event in more.json()["data"]] == ["agent.paused"]


async def test_the_log_is_filtered_by_kind_and_by_agent(http, make: Factory, scene: Scene):
    other = await make.agent(scene.operator, scene.project, scene.kind)
    await steps(scene, 2)
    cases = [
        ({"kind": "agent.paused"}, ["agent.paused"]),
        ({"kind": ["agent.paused", "agent.resumed"]}, ["agent.paused", "agent.resumed"]),
        ({"kind": "project.created"}, []),
        ({"agent_id": other.id}, ["agent.spawned"]),
        ({"agent_id": NOBODY}, []),
        ({"agent_id": scene.agent.id, "kind": "agent.spawned", "limit": 1}, ["agent.spawned"]),
    ]
    for asked, kinds in cases:
        reply = await listed(http, scene.viewer, scene, **asked)
        assert [event["kind"] for event in reply.json()["data"]] == kinds, asked


@pytest.mark.parametrize(("field", "value"), [
    ("after", "x"), ("after", "-1"), ("after", "9" * 19), ("after", ""), ("limit", "0"), ("limit", "101"),
    ("limit", "x"), ("kind", "nonsense"), ("page", "1"), ("sort", "kind"), ("after", ["1", "2"]),
], ids=str)  # fmt: skip
async def test_a_word_that_does_not_fit_is_refused_after_rights_are(field: str, value: object, http, scene: Scene):
    reply = await listed(http, scene.viewer, scene, **{field: value})
    assert (reply.status_code, [error["field"] for error in reply.json()["errors"]]) == (422, [field])
    assert (await listed(http, scene.stranger, scene, **{field: value})).status_code == 404


@pytest.mark.parametrize("last", ["x", "", "1"])
async def test_a_list_passes_the_last_event_id_over(last: str, http, scene: Scene):
    headers = scene.viewer.headers | {"Last-Event-ID": last}
    told, usual = await http.get(path_of(scene), headers=headers), await listed(http, scene.viewer, scene)
    assert (told.status_code, told.json()) == (200, usual.json())
    assert len(usual.json()["data"]) == 1


async def test_nothing_comes_later_before_what_was_listed(http, make: Factory, scene: Scene):
    # The open transaction holds the lower place: who was told of the later event alone would never see it.
    other = await make.agent(scene.operator, scene.project, scene.kind)
    async with scene.owner.store.write() as db:
        row = {"id": new_id(), "project": scene.project.id, "it": scene.agent.id}
        await db.execute(text(INSERT), row)
        await agents.pause(scene.operator, other.id)
        asked = asyncio.create_task(listed(http, scene.viewer, scene))
        await asyncio.sleep(0.3)
        assert not asked.done()
    kinds = [event["kind"] for event in (await asked).json()["data"]]
    assert kinds == ["agent.spawned", "agent.spawned", "agent.updated", "agent.paused"]


async def test_who_writes_for_long_makes_readers_come_again(monkeypatch, http, scene: Scene):
    monkeypatch.setattr(feeds, "SETTLE_PATIENCE", 0.05)
    async with scene.owner.store.write() as db:
        await db.execute(text(INSERT), {"id": new_id(), "project": scene.project.id, "it": scene.agent.id})
        reply = await listed(http, scene.viewer, scene)
        assert (reply.status_code, reply.headers["Retry-After"]) == (503, "1")
        assert "written" in reply.json()["detail"]


async def test_strangers_read_nothing(http, scene: Scene):
    assert (await listed(http, scene.stranger, scene)).status_code == 404
    assert (await http.get(path_of(scene))).status_code == 401


# As they happen


class Refused(NamedTuple):
    """A stream that is refused with a status."""

    status: int
    who: str | None = "viewer"
    params: dict[str, object] = {}
    headers: dict[str, str] = {}


@pytest.mark.parametrize("refused", [
    Refused(401, None), Refused(404, "stranger"), Refused(404, params={"agent_id": NOBODY}),
    Refused(404, params={"agent_id": "x"}), Refused(422, params={"after": "x"}),
    Refused(404, "stranger", params={"after": "x"}), Refused(422, headers={"Last-Event-ID": "x"}),
    Refused(422, params={"after": ["1", "2"]}), Refused(422, params={"kind": "agent.paused"}),
    Refused(422, params={"limit": "1"}), Refused(406, headers={"Accept": "text/csv"}),
], ids=lambda row: f"{row.status} {row.who} {row.params or row.headers}")  # fmt: skip
async def test_what_is_refused_is_a_problem_and_no_broken_stream(refused: Refused, http, scene: Scene):
    headers = STREAM | refused.headers | (getattr(scene, refused.who).headers if refused.who else {})
    async with asyncio.timeout(10):
        reply = await http.get(path_of(scene), params=refused.params, headers=headers)
    assert (reply.status_code, reply.headers["Content-Type"]) == (refused.status, "application/json")
    assert reply.json()["status"] == refused.status


async def test_head_of_a_stream_ends(http, scene: Scene):
    reply = await http.head(path_of(scene), headers=scene.viewer.headers | STREAM)
    assert (reply.status_code, reply.headers["Content-Type"], reply.content) == (200, "text/event-stream", b"")
    assert (await http.head(path_of(scene), headers=scene.stranger.headers | STREAM)).status_code == 404
    assert not scene.viewer.feed._seats


Block = dict[str, str]


class Curl:
    """A `curl -N`, and the blocks that it has printed; a comment has the name ''."""

    def __init__(self, process: Process) -> None:
        self.process = process
        self.blocks: list[Block] = []

    async def block(self) -> Block | None:
        block: Block = {}
        while line := await self.process.stdout.readline():
            if line == b"\n":
                self.blocks.append(block)
                return block
            name, _, value = line.decode().rstrip("\n").partition(":")
            block[name] = value.removeprefix(" ")
        return None

    async def until(self, holds: Callable[[Block], object]) -> Block:
        """Reads on until a block comes for which this holds."""
        async with asyncio.timeout(30):
            while block := await self.block():
                if holds(block):
                    return block
        raise AssertionError((await self.process.stderr.read()).decode())

    async def opened(self) -> None:
        await self.until(lambda block: "retry" in block)

    async def hears(self, version: int) -> None:
        await self.until(lambda block: block.get("event", "end") != "end" and version in self.versions)

    async def ends(self) -> int:
        async with asyncio.timeout(30):
            while await self.block():
                pass
            return await self.process.wait()

    @property
    def told(self) -> list[Any]:
        return [json.loads(block["data"]) for block in self.blocks if block.get("event", "end") != "end"]

    @property
    def versions(self) -> list[int]:
        return [event["data"]["version"] for event in self.told]

    @property
    def place(self) -> str:
        """The last id that it was told, as EventSource keeps it."""
        return [block["id"] for block in self.blocks if "id" in block][-1]


@asynccontextmanager
async def curl(url: str, token: str, *options: str) -> AsyncIterator[Curl]:
    words = ["-sSN", "-H", "Accept: text/event-stream", "-H", f"Authorization: Bearer {token}", *options, url]
    process = await asyncio.create_subprocess_exec("curl", *words, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
    try:
        yield Curl(process)
    finally:
        with suppress(ProcessLookupError):
            process.kill()
        await process.communicate()


def after(place: str) -> tuple[str, str]:
    return "-H", f"Last-Event-ID: {place}"


async def test_curl_hears_what_happens(address: str, http, scene: Scene):
    url, token = f"{address}{path_of(scene)}", scene.viewer.tokens.access_token
    async with curl(url, token) as client:
        await client.opened()  # from here on nothing escapes it
        await steps(scene, 2)
        await client.hears(3)
    paused, resumed = client.blocks[1:]
    assert [paused["event"], resumed["event"]] == ["agent.paused", "agent.resumed"]
    told = json.loads(paused["data"])
    assert (told["cursor"], told["actor_id"], told["kind"]) == (paused["id"], str(scene.operator.id), "agent.paused")
    assert (await listed(http, scene.viewer, scene)).json()["data"][1:] == client.told


async def test_curl_that_is_cut_goes_on_without_loss_or_repeat(address: str, scene: Scene):
    url, token = f"{address}{path_of(scene)}", scene.viewer.tokens.access_token
    async with curl(url, token) as first:
        await first.opened()  # and is cut before it has heard anything
    await steps(scene, 3)
    heard, place = [], first.place
    for upto in (2, 4):
        async with curl(f"{url}?after=0", token, *after(place)) as client:  # the header knows better than the address
            await client.hears(upto)
        heard, place = heard + client.versions, client.place
    assert heard == [2, 3, 4]


async def test_curl_can_begin_with_the_first_event_and_with_one_agent(address: str, make: Factory, scene: Scene):
    other = await make.agent(scene.operator, scene.project, scene.kind)
    await steps(scene, 1)
    await agents.pause(scene.operator, other.id)
    url = f"{address}{path_of(scene)}?after=0&agent_id={other.id}"
    async with curl(url, scene.viewer.tokens.access_token) as client:
        await client.hears(2)
    assert {event["subject_id"] for event in client.told} == {str(other.id)}
    assert client.versions == [1, 2]


async def test_a_quiet_stream_gives_signs_of_life(monkeypatch, address: str, scene: Scene):
    monkeypatch.setattr(stream, "KEEPALIVE_SECONDS", 0.05)
    async with curl(f"{address}{path_of(scene)}", scene.viewer.tokens.access_token) as client:
        for _ in range(3):
            await client.until(lambda block: "" in block)
        await steps(scene, 1)
        await client.hears(2)
    async with asyncio.timeout(10):
        while scene.viewer.feed._seats:  # noqa: ASYNC110 — leaving is told to nobody
            await asyncio.sleep(0.02)


@pytest.mark.parametrize(("way", "code"), [
    ("put out", "NOT_FOUND"), ("logged out", "UNAUTHENTICATED"), ("expired", "UNAUTHENTICATED"),
])  # fmt: skip
async def test_who_may_hear_no_more_is_told_so_and_gets_nothing(way: str, code: str, address: str, scene: Scene):
    token = scene.viewer.token(seconds=2) if way == "expired" else scene.viewer.tokens.access_token
    async with curl(f"{address}{path_of(scene)}", token) as client:
        await client.opened()
        if way == "put out":
            await members.remove(scene.owner, scene.project.id, scene.viewer.id)
            await steps(scene, 1)
        elif way == "logged out":
            await auth.logout_all(scene.viewer)
        end = await client.until(lambda block: block.get("event") == "end")
        assert json.loads(end["data"])["code"] == code
        assert await client.ends() == 0
    assert client.told == []
    assert client.place == client.blocks[0]["id"]


async def test_a_token_that_expires_amid_events_ends_the_stream_and_loses_none(address: str, scene: Scene):
    url = f"{address}{path_of(scene)}?after=0"
    async with busy(scene):
        async with curl(url, scene.viewer.token(seconds=3)) as client:
            end = await client.until(lambda block: block.get("event") == "end")
            assert json.loads(end["data"])["code"] == "UNAUTHENTICATED"
            assert await client.ends() == 0
        heard = client.versions
        async with curl(url, scene.viewer.tokens.access_token, *after(client.place)) as client:
            await client.hears(heard[-1] + 50)
    heard += client.versions
    assert heard == list(range(1, len(heard) + 1))


async def test_a_slow_reader_is_waited_for_in_little_memory(monkeypatch, listening: str, database: str, scene: Scene):
    monkeypatch.setattr(feeds, "WAITING", 20)
    many = """INSERT INTO events (id, kind, project_id, subject_id, data)
              SELECT gen_random_uuid(), 'agent.updated', :project, :it,
                     jsonb_build_object('version', number, 'filler', repeat('x', 20000))
              FROM generate_series(1, :count) number"""
    place = urlsplit(listening)
    with socket.socket() as slow:
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        slow.connect((place.hostname, place.port))
        slow.setblocking(False)
        lines = [f"GET {path_of(scene)} HTTP/1.1", "Host: x", "Accept: text/event-stream", "Connection: close"]
        lines += [f"{name}: {value}" for name, value in scene.viewer.headers.items()]
        loop = asyncio.get_running_loop()
        await loop.sock_sendall(slow, "\r\n".join([*lines, "", ""]).encode())
        while b"retry" not in (got := await loop.sock_recv(slow, 4096)):
            assert got
        [seat] = scene.viewer.feed._seats
        for _ in range(10):
            async with scene.owner.store.write() as db:
                await db.execute(text(many), {"project": scene.project.id, "it": scene.agent.id, "count": 60})
            await asyncio.sleep(0.1)
            assert len(seat.waiting) <= 20
        assert seat._behind or seat.waiting  # 12 MB are in no buffer between
        slow.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 22)
        body = bytearray()
        async with asyncio.timeout(60):
            while body.count(b"event: ") < 600 or not body.endswith(b"\n\n\r\n"):
                body += await loop.sock_recv(slow, 1 << 20)
    ids = [int(line[4:]) for line in body.split(b"\n") if line.startswith(b"id: ")]
    assert len(ids) == 600
    assert ids == sorted(set(ids))


# The process


@pytest.fixture
def place(tmp_path: Path, prepared: Path):
    with Place(tmp_path) as place:
        yield place.settle(prepared)


async def test_curl_loses_and_repeats_nothing_while_servers_come_and_go(place: Place):
    one, two = place.serve(**ROOT), place.serve(**ROOT)
    operator = Operator(one)
    path = f"{API}/projects/{operator.project}/events"
    heard: list[int] = []
    async with curl(f"{one.address}{path}?after=0", operator.token) as client:
        await client.hears(operator.steps(two, 3))
        one.kill()
        assert await client.ends() != 0
        heard += client.versions
    operator.steps(two, 3)
    async with curl(f"{two.address}{path}", operator.token, *after(client.place)) as client:
        await client.hears(operator.version)
        await client.hears(operator.steps(two, 2))
        stopping = asyncio.create_task(asyncio.to_thread(two.stop))
        assert await client.ends() == 0  # ended, not torn off
        assert await stopping == 0
        heard += client.versions
    assert "end" not in [block.get("event") for block in client.blocks]
    assert heard == list(range(1, operator.version + 1))
    assert "Traceback" not in two.err
