"""One item of work, done by each contender in turn, round by round."""

import sys
from contextlib import ExitStack
from typing import Any, NamedTuple

from benchmarks.client import CONNECTIONS
from benchmarks.meter import Round, measure, written
from benchmarks.place import Place
from benchmarks.registry import Contender
from benchmarks.same import difference, plain
from benchmarks.server import Server
from benchmarks.work import Work

# On each connection a request may be under way when a load begins to be counted, and when it ends.
UNSURE = 2 * CONNECTIONS


class Plan(NamedTuple):
    """How much is measured."""

    rounds: int
    seconds: float
    warm_up: float
    large: int = 1_000_000  # agents in the large database
    lasting: int = 200_000  # requests that the memory of a process is watched for

    def words(self) -> dict[str, str]:
        """Returns what the report tells of it."""
        return {"rounds": str(self.rounds), "seconds": f"{self.seconds:g}", "warm_up": f"{self.warm_up:g}"}


class Runner(NamedTuple):
    """A contender at one of its doors."""

    server: Server
    door: str

    @property
    def name(self) -> str:
        return f"{self.server.contender.name} {self.door}"


def race(place: Place, work: Work, contenders: list[Contender], plan: Plan) -> dict[str, list[Round]]:
    """Measures a work: round 1 of all, then round 2 of all, and so on; Roster comes first."""
    with ExitStack() as stack:
        runners = []
        for contender in contenders:
            doors = [door for door in work.doors if work.letter in contender.work.get(door, "")]
            server = stack.enter_context(Server(place, contender)) if doors else None
            runners += [Runner(server, door) for door in doors if server]
        check(work, runners)
        for runner in runners:
            measure(runner.server, _requests(runner, work, 1), plan.warm_up)
        check(work, runners)  # what is compiled once it is in use must say the same
        found: dict[str, list[Round]] = {runner.name: [] for runner in runners}
        for number in range(2, plan.rounds + 2):
            for runner in runners:
                found[runner.name].append(_round(runner, work, number, plan))
        return found


def check(work: Work, runners: list[Runner]) -> None:
    """Asks each for the same once; raises what differs from Roster's answer, which comes first."""
    answers: dict[str, list[Any]] = {}
    for runner in runners:
        requests = work.sample(runner.door, runner.server.facts)
        given = [_said(runner.server.ask(request)) for request in requests]
        answers.setdefault(runner.door, given)
        wrong = difference(plain(given, work.apart), plain(answers[runner.door], work.apart))
        if wrong:
            raise RuntimeError(f"({work.letter}) {runner.name} answers otherwise than the first: {wrong}")


def _said(answer: Any) -> Any:
    if answer.get("errors"):
        raise RuntimeError(f"an error was answered: {answer['errors']}")
    return {name: part for name, part in answer.items() if name != "extensions"}


def _requests(runner: Runner, work: Work, number: int) -> list[bytes]:
    return runner.server.raw(work.doors[runner.door](runner.server.facts, number))


def _round(runner: Runner, work: Work, number: int, plan: Plan) -> Round:
    before = written(runner.server, work)
    found = measure(runner.server, _requests(runner, work, number), plan.seconds)
    if not found.requests:
        raise RuntimeError(f"({work.letter}) {runner.name} answered nothing in time; give more --seconds")
    done = written(runner.server, work) - before
    if found.failed or (work.writes and not -UNSURE <= done - found.requests <= UNSURE):
        told = f"{found.failed} of {found.requests} failed, {done} were written"
        raise RuntimeError(f"({work.letter}) {runner.name}: {told} {runner.server.said()}")
    rate, per = found.rate, 1000 / found.requests
    sys.stderr.write(
        f"({work.letter}) {number - 1} {runner.name:20} {rate:7.0f}/s  p50 {found.p50:6.1f}  p99 {found.p99:6.1f} ms  "
        f"CPU {found.server * per:5.2f} + {found.postgres * per:5.2f} s/1000  {found.memory:4.0f} MiB\n"
    )
    return found
