"""Rate limits that several processes count together, in a real Redis, and what becomes of them without it."""

import asyncio
import os
import shutil
import subprocess
from collections.abc import AsyncIterator, Iterator
from contextlib import suppress
from pathlib import Path

import httpx
import msgspec
import pytest
from redis import Redis, RedisError

from gql_app.asgi import make_app
from resolvers import counters
from resolvers.context import Guest
from resolvers.counters import Counters
from resolvers.domain.rates import Policy
from tests.factories import Scene
from tests.processes import Place, eventually
from tests.test_rate_limits import limits, look

MISSING = "no redis-server is installed to share rate limits through"


class Cache:
    """A Redis in a folder of its own, without a port."""

    def __init__(self, folder: Path, *options: str) -> None:
        self.socket = folder / "redis.sock"
        self.url = f"redis+unix://{self.socket}"
        own = ["--port", "0", "--unixsocket", self.socket, "--save", "", "--dir", folder]
        self.command = ["redis-server", *options, *own]
        self.start()

    def start(self) -> None:
        self.process = subprocess.Popen(self.command, stdout=subprocess.DEVNULL)
        self.client = Redis(unix_socket_path=str(self.socket))
        assert eventually(self.answers)

    def answers(self) -> bool:
        with suppress(RedisError):
            return bool(self.client.ping())
        return False

    def kill(self) -> None:
        self.client.close()
        self.process.kill()
        self.process.wait()


@pytest.fixture
def cache(tmp_path: Path) -> Iterator[Cache]:
    if not shutil.which("redis-server"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    cache = Cache(tmp_path)
    yield cache
    cache.kill()


@pytest.fixture
async def replicas(guest: Guest, cache: Cache) -> AsyncIterator[list[httpx.AsyncClient]]:
    """Clients of two applications that share a Redis and nothing else of their limits."""
    rates = [limits(cache.url, user="5/hour", address="2/hour") for _ in range(2)]
    apps = [make_app(msgspec.structs.replace(guest, rates=own), explorer=False) for own in rates]
    clients = [httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://roster.test") for app in apps]
    yield clients
    for own, client in zip(rates, clients, strict=True):
        await client.aclose()
        await own.close()


async def test_two_processes_count_together(replicas: list[httpx.AsyncClient], scene: Scene):
    first, second = replicas
    turns = [(first, "rest"), (second, "graphql"), (second, "rest"), (first, "graphql"), (second, "rest")] * 2

    replies = [await look(http, way, scene.owner) for http, way in turns]

    assert [reply.status_code for reply in replies] == [200] * 5 + [429] * 5
    assert [reply.headers["RateLimit"].split(";")[1] for reply in replies[:6]] == [f"r={n}" for n in (4, 3, 2, 1, 0, 0)]
    assert 3_590 < int(replies[5].headers["Retry-After"]) <= 3_601
    assert [(await look(http, "rest", scene.viewer)).status_code for http in replicas] == [200, 200]


async def test_no_more_get_through_at_once_than_one_after_another(replicas: list[httpx.AsyncClient], scene: Scene):
    replies = await asyncio.gather(*(look(http, way, scene.owner) for http in replicas for way in ["rest"] * 10))
    assert sorted(reply.status_code for reply in replies) == [200] * 5 + [429] * 15


async def test_a_window_of_a_second_ends_after_a_second(cache: Cache):
    counted, policy = Counters(cache.url), Policy("user", 1, 1)
    assert [(await counted.add(policy, "one", 1))[0] for _ in range(2)] == [True, False]
    await asyncio.sleep(1.05)
    assert (await counted.add(policy, "one", 1))[0]
    await counted.close()


async def test_nothing_is_kept_for_good(replicas: list[httpx.AsyncClient], cache: Cache, scene: Scene):
    await look(replicas[0], "rest", scene.owner)
    await look(replicas[0], "rest")
    keys = cache.client.keys()
    assert len(keys) == 2
    assert all(0 < cache.client.ttl(key) <= 7_200 for key in keys)
    assert all(key.startswith(b"roster:rates") for key in keys)


async def test_without_redis_requests_go_on_and_each_process_counts_by_itself(
    replicas: list[httpx.AsyncClient],
    cache: Cache,
    scene: Scene,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
):
    monkeypatch.setattr(counters, "PAUSE", 0.1)
    first, second = replicas
    assert [(await look(first, "rest", scene.owner)).status_code for _ in range(6)] == [200] * 5 + [429]

    cache.kill()
    alone = [[(await look(http, "graphql", scene.owner)).status_code for _ in range(7)] for http in replicas]
    assert alone == [[200] * 5 + [429] * 2] * 2
    told = [record.message for record in caplog.records if record.name == "roster.rates"]
    assert told == ["the store of the rate limits is away; each process counts by itself"] * 2
    await asyncio.sleep(0.15)
    await look(first, "rest", scene.owner)
    assert len([record for record in caplog.records if record.name == "roster.rates"]) == 2

    cache.start()
    await asyncio.sleep(0.15)
    together = [(await look(http, "rest", scene.owner)).status_code for http in [first, second] * 3]
    assert together == [200] * 5 + [429]


async def test_a_redis_that_hangs_is_not_waited_for(cache: Cache, monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr(counters, "PATIENCE", 0.1)
    counted, policy = Counters(cache.url), Policy("user", 9, 60)
    await counted.add(policy, "one", 1)
    cache.process.send_signal(19)
    asked = [await counted.add(policy, "one", 1) for _ in range(3)]
    cache.process.send_signal(18)
    assert [(fits, reading.remaining) for fits, reading in asked] == [(True, 8), (True, 7), (True, 6)]
    await counted.close()


def test_workers_count_together(cache: Cache, tmp_path: Path, prepared: Path):
    with Place(tmp_path).settle(prepared) as place:
        said = {"rate_limit_user": "6/hour", "rate_limit_sign_in": "1/hour", "rate_limit_store": cache.url}
        server = place.serve("--workers", 2, **said)
        who = server.sign_in()
        # A connection of its own each time, so that any worker may take it.
        statuses = [httpx.get(f"{server.address}/api/v1/users/me", headers=who).status_code for _ in range(12)]
        assert statuses == [200] * 6 + [429] * 6
        assert server.login().status_code == 429
