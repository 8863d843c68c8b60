"""Where Roster's time goes in each work: the functions that take the most of it themselves."""

import pstats
import signal
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from benchmarks.client import load
from benchmarks.place import ROOT, Place
from benchmarks.race import Plan
from benchmarks.registry import CONTENDERS
from benchmarks.server import Server
from benchmarks.work import GRAPHQL, REST, WORK, Work

MOST = 15
WAITING = "run_until_complete"  # the loop itself, which waits most of its time
# The door whose goals are judged, where a work has two.
JUDGED = {"d": REST, "e": REST}
# Starting is left out: it looks at what comes after a signal.
PROFILED = """
import cProfile, signal
from gql_app.cli import main
profile = cProfile.Profile()
signal.signal(signal.SIGUSR1, lambda *_: profile.enable())
try:
    main()
finally:
    profile.disable()
    profile.dump_stats({path!r})
"""


def profiles(place: Place, plan: Plan) -> dict[str, Any]:
    """Returns, by work, the share of the time of each of the functions that take the most."""
    return {work.letter: _profile(place, work, plan) for work in WORK if work.letter != "f"}


def _profile(place: Place, work: Work, plan: Plan) -> list[tuple[str, float]]:
    door = JUDGED.get(work.letter, GRAPHQL if GRAPHQL in work.doors else REST)
    with TemporaryDirectory() as folder:
        path = Path(folder) / "stats"
        roster = CONTENDERS["roster"]
        command = ["-c", PROFILED.format(path=str(path)), *roster.command[2:]]
        with Server(place, roster._replace(command=command)) as server:
            load(server.url, server.raw(work.doors[door](server.facts, 1)), plan.warm_up)
            server.process.send_signal(signal.SIGUSR1)
            load(server.url, server.raw(work.doors[door](server.facts, 2)), plan.seconds)
        return shares(pstats.Stats(str(path)))


def shares(stats: pstats.Stats) -> list[tuple[str, float]]:
    """Returns the functions that take the most time themselves, and what share of all that is not waiting."""
    kept: dict[tuple[str, int, str], tuple[Any, ...]] = stats.stats  # type: ignore[attr-defined]
    times = {_named(*place): own for place, (_, _, own, *_) in kept.items() if WAITING not in place[2]}
    total = sum(times.values())
    most = sorted(times.items(), key=lambda item: -item[1])[:MOST]
    return [(name, own / total) for name, own in most]


def _named(file: str, line: int, function: str) -> str:
    path = Path(file)
    if file == "~":
        return function.strip("<>").removeprefix("built-in ").removeprefix("method ")
    if path.is_relative_to(ROOT) and "site-packages" not in path.parts:
        return f"{path.relative_to(ROOT)}:{line} {function}"
    return f"{'/'.join(path.parts[-2:])} {function}"
