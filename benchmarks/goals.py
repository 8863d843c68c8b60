"""The goals, as ratios within one run, and whether a run has reached them."""

from collections.abc import Callable
from typing import NamedTuple

from benchmarks.results import Results

CALLED = {"mercurius": "Mercurius with graphql-jit", "strawberry": "vanilla Strawberry", "fastapi": "FastAPI"}
FLAT_FROM = 0.1  # of all requests; before that, what is needed once is still being read in
MISSING = (KeyError, IndexError, ValueError)


class Goal(NamedTuple):
    """What is wanted of a work: at least or at most so much of a ratio."""

    work: str
    says: str
    limit: float
    measured: Callable[[Results], float]
    at_most: bool = False
    unit: str = " ×"

    def outcome(self, results: Results) -> tuple[str, str]:
        """Returns what was measured, and whether it is enough."""
        try:
            found = self.measured(results)
        except MISSING:
            return "", "not measured"
        reached = found <= self.limit if self.at_most else found >= self.limit
        return f"{found:.{0 if self.unit == ' MiB' else 2}f}{self.unit}", "reached" if reached else "**not reached**"


def rate(letter: str, door: str, other: str, times: float) -> Goal:
    """So many times the requests per second of another."""

    def measured(results: Results) -> float:
        found = results.works(letter)
        return found[f"roster {door}"].rate / found[f"{other} {door}"].rate

    return Goal(f"({letter})", f"at least {times:g} × the requests of {CALLED[other]}", times, measured)


def processor(letter: str, door: str, times: float) -> Goal:
    """At most so many times the processor time of the limit."""

    def measured(results: Results) -> float:
        found = results.works(letter)
        return found[f"roster {door}"].server / found[f"limit {door}"].server

    return Goal(f"({letter})", f"at most {times:g} × the processor time of the limit", times, measured, at_most=True)


def grown(results: Results, question: str) -> float:
    """Returns how many times as much a question costs in the large database as in the small one."""
    small, large = (results.ways("h")[f"{question}: {size}"] for size in results.study("h")["sizes"])
    return small.rate / large.rate


def _most_grown(results: Results) -> float:
    return max(grown(results, question) for question in results.study("h")["questions"])


def _workers(results: Results) -> float:
    found = results.ways("workers")
    return found["2 workers"].rate / found["1 worker"].rate


def kept(results: Results) -> float:
    """Returns how many times the memory of a tenth of the way a process holds at the end."""
    held: list[tuple[int, float]] = results.study("lasting")["held"]
    early = next(memory for requests, memory in held if requests >= FLAT_FROM * held[-1][0])
    return held[-1][1] / early


def late(results: Results, connections: int) -> float:
    """Returns how many times its quiet p99 a list has while 50 sign in."""
    found = results.ways("logins")
    return found[f"busy, {connections}"].p99 / found[f"quiet, {connections}"].p99


def _spread(results: Results) -> float:
    found = results.ways("spread")
    return found["1 project"].rate / found["16 projects"].rate


GOALS = (
    rate("a", "graphql", "mercurius", 1.3),
    rate("a", "graphql", "strawberry", 8),
    processor("a", "graphql", 2),
    rate("b", "graphql", "mercurius", 1),
    rate("c", "rest", "fastapi", 3),
    processor("c", "rest", 1.5),
    rate("d", "rest", "fastapi", 2),
    rate("e", "rest", "fastapi", 2),
    rate("g", "graphql", "mercurius", 1.3),
    Goal("(h)", "each question at most 1.5 × what it costs in the small database", 1.5, _most_grown, at_most=True),
    Goal("workers", "two workers give at least 1.6 × one on (a)", 1.6, _workers),
    Goal("memory", "an idle worker holds less than 120 MiB", 120, lambda found: found.study("workers")["idle"],
         at_most=True, unit=" MiB"),
    Goal("memory", "flat over 200,000 requests: at the end at most 1.1 × a tenth of the way", 1.1, kept, at_most=True),
    Goal("sign-ins", "50 at once leave the p99 of a list under 2 × its quiet value", 2,
         lambda found: late(found, 16), at_most=True),
    Goal("spawning", "into one project at least 0.7 × of into 16", 0.7, _spread),
)  # fmt: skip
