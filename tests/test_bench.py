"""What the bench stands on: its rows, its documents, its clients and its judgement; how fast anything is stays out."""

import asyncio
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import asyncpg
import pytest
from graphql import parse, validate

from benchmarks import documents, seed
from benchmarks.goals import GOALS
from benchmarks.meter import Round
from benchmarks.place import ROOT
from benchmarks.report import text
from benchmarks.results import Results
from benchmarks.same import difference, plain
from benchmarks.work import WORK
from gql_app.embedded import create_database
from schema.build import schema

DOCUMENTS = {name: words for name, words in vars(documents).items() if name.isupper()}
ABOUT = "began minutes revision rounds seconds warm_up connections client machine cores ram system versions"


def rounds(rate: float, server: float = 1.0, p99: float = 10.0) -> list[dict[str, float]]:
    one = Round(requests=int(rate), seconds=1, p50=5, p99=p99, failed=0, server=server, postgres=1, memory=100)
    return [one._asdict()] * 3


def results(**kept: object) -> Results:
    return Results(
        {"run": dict.fromkeys(ABOUT.split(), "1"), "missing": {}, "failed": {}, "works": {}, "studies": {}, **kept}
    )


@pytest.fixture
async def empty(server: str) -> AsyncIterator[str]:
    """The URL of an empty database."""
    if os.environ.get("ROSTER_TEST_DATABASE_URL"):
        pytest.skip("the bench fills the embedded PostgreSQL alone, and with its functions")
    await create_database(server, "bench_rows")
    yield server.replace("/postgres?", "/bench_rows?")
    admin = await asyncpg.connect(server)
    await admin.execute("DROP DATABASE bench_rows WITH (FORCE)")
    await admin.close()


async def test_the_rows_fit_the_schema_of_today_and_are_counted(empty: str):
    # given rows as an early revision holds them
    await seed.fill(empty, 100)
    # when they are brought to the newest
    await seed.bring_up(empty)
    # then all are there, and what is counted beside them knows it
    db = await asyncpg.connect(empty)
    found = await db.fetchrow("SELECT (SELECT count(*) FROM agents), sum(idle), sum(paused) FROM project_counts")
    await db.close()
    assert tuple(found) == (100, 20, 20)


@pytest.mark.parametrize("name", DOCUMENTS)
def test_what_is_sent_fits_the_schema(name: str):
    document = DOCUMENTS[name].replace("%sAgent", "pauseAgent")
    assert validate(schema._schema, parse(document)) == []


@pytest.mark.parametrize(
    ("left", "right", "told"),
    [
        ({"at": "2026-02-01T00:00:01.001000Z"}, {"at": "2026-02-01T01:00:01.001+01:00"}, None),
        ({"cost": "1.500000"}, {"cost": "1.5"}, None),
        ({"id": 1, "version": 2}, {"id": 1, "version": 3}, None),
        ({"names": ["a", "b"]}, {"names": ["a", "c"]}, ".names[1] is 'b' and not 'c'"),
        ({"names": ["a", "b"]}, {"names": ["a"]}, ".names is ['a', 'b'] and not ['a']"),
        ({"a": 1}, {"a": 1, "b": 2}, "the answer has other fields: ['b']"),
    ],
    ids=["times", "money", "set apart", "another item", "fewer items", "another field"],
)
def test_answers_are_the_same_however_they_write_it(left: object, right: object, told: str | None):
    apart = frozenset({"version"})
    assert difference(plain(left, apart), plain(right, apart)) == told


@pytest.mark.parametrize(
    ("rate", "server", "outcomes"),
    [(131, 1.9, ["reached", "reached"]), (129, 2.1, ["**not reached**", "**not reached**"])],
    ids=["enough", "too little"],
)
def test_a_goal_is_reached_or_not(rate: float, server: float, outcomes: list[str]):
    # given Roster, somewhat quicker than Mercurius, and somewhat dearer than the limit
    kept = {
        "roster graphql": rounds(rate, server * rate / 1000),
        "mercurius graphql": rounds(100),
        "limit graphql": rounds(1000, 1),
    }
    # when its goals are judged, without a run of Strawberry
    faster, _, cheaper = (goal.outcome(results(works={"a": kept}))[1] for goal in GOALS[:3])
    # then
    assert [faster, cheaper] == outcomes
    assert GOALS[1].outcome(results(works={"a": kept})) == ("", "not measured")


def test_the_report_names_who_is_missing():
    # given
    kept = {"roster graphql": rounds(200), "limit graphql": rounds(400)}
    found = results(works={"a": kept}, missing={"yoga": "there is no Node on this machine"})
    # when
    written = text(found)
    # then
    assert "**yoga** could not run: there is no Node on this machine." in written
    assert "| limit | 0.50 × as fast | 400 |" in written
    assert written.count("not measured |") == len(GOALS) - 1
    assert "$" not in written


@asynccontextmanager
async def counting(status: bytes) -> AsyncIterator[tuple[str, list[bytes]]]:
    """A server that answers every request alike, and keeps the first line of each."""
    seen: list[bytes] = []

    async def serve(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        while head := await reader.readline():
            seen.append(head)
            await reader.readuntil(b"\r\n\r\n")
            writer.write(b"HTTP/1.1 " + status + b"\r\nContent-Length: 2\r\n\r\n{}")
        writer.close()

    async with await asyncio.start_server(serve, "127.0.0.1", 0) as running:
        yield f"http://127.0.0.1:{running.sockets[0].getsockname()[1]}", seen


@pytest.mark.parametrize(("status", "failed"), [(b"200 OK", 0), (b"422 No", 1)], ids=["good", "refused"])
async def test_the_bundled_client_sends_each_in_its_turn_and_counts_failures(
    tmp_path: Path, status: bytes, failed: int
):
    requests = [b"GET /%d HTTP/1.1\r\nHost: x\r\n\r\n" % number for number in range(3)]
    written = tmp_path / "requests"
    written.write_bytes(b"".join(b"%d\n%b" % (len(request), request) for request in requests))
    async with counting(status) as (url, seen):
        command = [sys.executable, "-m", "benchmarks.loader", url, str(written), "1", "0.2"]
        client = await asyncio.create_subprocess_exec(*command, cwd=ROOT, stdout=asyncio.subprocess.PIPE)
        out, _ = await asyncio.wait_for(client.communicate(), 60)
    found = json.loads(out)
    lines = [request.splitlines(keepends=True)[0] for request in requests]
    assert seen[:4] == [*lines, lines[0]]
    assert found["requests"] == len(seen) - 1  # the last one ends the load
    assert found["failed"] == len(seen) * failed


def test_no_two_works_share_a_letter():
    assert len({work.letter for work in WORK}) == len(WORK)
