"""What is measured of Roster alone: one way of asking beside another, in turn, round by round."""

import sys
import time
from collections.abc import Callable
from contextlib import ExitStack
from functools import partial
from itertools import chain
from typing import Any

import psutil

from benchmarks.client import CONNECTIONS, Request, load, loading
from benchmarks.documents import LIST
from benchmarks.meter import Round, measure
from benchmarks.place import Place
from benchmarks.race import Plan
from benchmarks.registry import CONTENDERS
from benchmarks.server import MIB, Server
from benchmarks.work import API, GRAPHQL, REST, WORK, graphql, rest_spawn, spawning

ONE, TWO = "1 worker", "2 workers"
ROSTER = CONTENDERS["roster"]
BY_LETTER = {work.letter: work for work in WORK}
SMALL = 1_000
LOGINS = 50

Rounds = dict[str, list[dict[str, float]]]


def turns(plan: Plan, ways: dict[str, Callable[[float], Round]]) -> Rounds:
    """Measures each way in turn, as often as there are rounds, after a warm-up of each."""
    found: Rounds = {name: [] for name in ways}
    for way in ways.values():
        way(plan.warm_up)
    for number in range(plan.rounds):
        for name, way in ways.items():
            one = way(plan.seconds)
            if one.failed or not one.requests:
                raise RuntimeError(f"{name}: {one.failed} of {one.requests} requests failed")
            found[name].append(one._asdict())
            sys.stderr.write(f"{number + 1} {name:50} {one.rate:7.0f}/s  p50 {one.p50:6.1f}  p99 {one.p99:6.1f} ms\n")
    return found


def _way(server: Server, *requests: Request) -> Callable[[float], Round]:
    raw = server.raw(list(requests))
    return lambda seconds: measure(server, raw, seconds)


PAGE = "query($id: ID!) { project(id: $id) { agents(%s) { %s } } }"
FIELDS = "nodes { id name status currentTask tasksCompleted tokensUsed costIncurred createdAt }"
METRICS = "query($id: ID!) { project(id: $id) { metrics { totalInstances idleInstances totalCostIncurred } } }"
COUNTS = "{ agentTypes(first: 20) { nodes { id instanceCount } } }"


def growth(place: Place, plan: Plan) -> dict[str, Any]:
    """(h): the same questions to a small database, and to a large one."""
    sizes, shorter = (SMALL, plan.large), plan._replace(seconds=plan.seconds * 2 / 3)
    with ExitStack() as stack:
        ways: dict[str, Callable[[float], Round]] = {}
        servers = [stack.enter_context(Server(place, ROSTER, place.rows(size))) for size in sizes]
        asked = [_questions(server.facts.projects["grow-1"]) for server in servers]
        for question in asked[0]:
            for size, server, own in zip(sizes, servers, asked, strict=True):
                ways[f"{question}: {size}"] = _way(server, own[question])
        return {"sizes": sizes, "questions": list(asked[0]), "rounds": turns(shorter, ways)}


def _questions(project: object) -> dict[str, Request]:
    def page(part: str, fields: str) -> Request:
        return graphql("ada", PAGE % (part, fields), id=str(project))

    return {
        "the first page": page("first: 100", FIELDS),
        "the first page, with types": graphql("ada", LIST, id=str(project)),
        "the last page": page("last: 100", FIELDS),
        "the total": page("first: 1", "totalCount"),
        "the metrics": graphql("ada", METRICS, id=str(project)),
        "the types' instance counts": graphql("ada", COUNTS),
        "REST: the first page, with its total": Request("ada", "GET", f"{API}/projects/{project}/agents?limit=100"),
    }


def workers(place: Place, plan: Plan) -> dict[str, Any]:
    """Two worker processes beside one, on (a); and what a worker holds before it has much to do."""
    with Server(place, ROSTER) as one, Server(place, ROSTER, workers=2) as two:
        asked = {name: BY_LETTER["a"].doors[GRAPHQL](server.facts, 0) for name, server in ((ONE, one), (TWO, two))}
        idle = max(memory(process) for process in two.processes())
        return {"idle": idle, "rounds": turns(plan, {ONE: _way(one, *asked[ONE]), TWO: _way(two, *asked[TWO])})}


def lasting(place: Place, plan: Plan) -> dict[str, Any]:
    """What one process holds while it answers so many requests, at both doors."""
    with Server(place, ROSTER) as server:
        doors = [BY_LETTER["b"].doors[door](server.facts, 0) for door in (GRAPHQL, REST)]
        lists = [BY_LETTER["a"].doors[GRAPHQL](server.facts, 0), BY_LETTER["c"].doors[REST](server.facts, 0)]
        raw = server.raw([*chain(*zip(*doors, strict=True)), *chain(*lists)])
        answered, held = 0, [(0, memory(server.process))]
        while answered < plan.lasting:
            found = load(server.url, raw, plan.seconds)
            if found.failed or not found.requests:
                raise RuntimeError(f"{found.failed} of {found.requests} requests failed: {server.said()}")
            answered += found.requests
            held.append((answered, memory(server.process)))
            sys.stderr.write(f"{answered:8,} requests {held[-1][1]:6.1f} MiB\n")
    return {"held": held}


def logins(place: Place, plan: Plan) -> dict[str, Any]:
    """A list while nobody signs in, and while 50 sign in at once, again and again."""
    with Server(place, ROSTER) as server:
        listing = server.raw(BY_LETTER["a"].doors[GRAPHQL](server.facts, 0))
        login = server.raw(BY_LETTER["f"].doors[REST](server.facts, 0))

        def busy(connections: int, seconds: float) -> Round:
            with loading(server.url, login, seconds + 1, LOGINS):
                time.sleep(0.5)
                return measure(server, listing, seconds, connections)

        ways: dict[str, Callable[[float], Round]] = {}
        for connections in (CONNECTIONS, 1):
            ways[f"quiet, {connections}"] = partial(measure, server, listing, connections=connections)
            ways[f"busy, {connections}"] = partial(busy, connections)
        return {"connections": [CONNECTIONS, 1], "rounds": turns(plan, ways)}


def spread(place: Place, plan: Plan) -> dict[str, Any]:
    """Spawning into one project, beside spawning into 16."""
    with Server(place, ROSTER) as server:
        requests = [rest_spawn(server.facts, project) for project in spawning(server.facts)]
        return {"rounds": turns(plan, {"16 projects": _way(server, *requests), "1 project": _way(server, requests[0])})}


def memory(process: psutil.Process) -> float:
    """Returns what a process holds, in MiB; what it shares with others counts in full."""
    return process.memory_info().rss / MIB


STUDIES = {"h": growth, "workers": workers, "lasting": lasting, "logins": logins, "spread": spread}
