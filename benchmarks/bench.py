"""`make bench`: measures Roster beside others that do the same work, on this machine, in one run."""

import argparse
import signal
import sys
import time
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from typing import Any

from benchmarks.machine import described
from benchmarks.place import FOLDER, Place
from benchmarks.profiles import profiles
from benchmarks.race import Plan, race
from benchmarks.registry import CONTENDERS, Contender
from benchmarks.report import write
from benchmarks.results import Results
from benchmarks.studies import STUDIES as COMPARED
from benchmarks.work import WORK, Work

HERE = Path(__file__).parent
FULL = Plan(rounds=5, seconds=3, warm_up=2)
QUICK = Plan(rounds=2, seconds=1, warm_up=1, large=100_000, lasting=10_000)
STUDIES = {**COMPARED, "profiles": profiles}
EVERYTHING = [*(work.letter for work in WORK), *STUDIES]


def main() -> None:
    # However it is told to end, nothing that it has started stays behind.
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(1))
    asked = _arguments()
    missing = {name: why for name in asked.contenders if (why := CONTENDERS[name].missing)}
    for name, why in missing.items():
        sys.stderr.write(f"{name} can't run: {why}\n")
    there = [CONTENDERS[name] for name in asked.contenders if name not in missing]
    results = Results({"missing": missing, "failed": {}, "works": {}, "studies": {}})
    run(results.kept, asked.plan, there, asked.only)
    results.write(FOLDER / "results.json")
    for line in told(results):
        print(line)
    if asked.out:
        results.write(asked.out.with_name("results.json"))
        write(results, asked.out)
        print(f"\n{asked.out}")
    sys.exit(bool(results.kept["failed"]))


def run(kept: dict[str, Any], plan: Plan, contenders: list[Contender], only: list[str]) -> None:
    """Measures what is asked for, and keeps it; what fails is told of, and the rest goes on."""
    began, clock = datetime.now(UTC), time.monotonic()
    with Place() as place:
        items = {f"({work.letter})": (work.letter, "works", _raced(place, work, contenders, plan)) for work in WORK}
        items |= {name: (name, "studies", partial(study, place, plan)) for name, study in STUDIES.items()}
        for title, (name, kind, measured) in items.items():
            if name in only:
                try:
                    kept[kind][name] = measured()
                except RuntimeError as error:
                    kept["failed"][title] = str(error)
                    sys.stderr.write(f"{title} failed: {error}\n")
        kept["run"] = described(place) | {"began": f"{began:%Y-%m-%d %H:%M} UTC", **plan.words()}
    kept["run"]["minutes"] = f"{(time.monotonic() - clock) / 60:.0f}"


def _raced(place: Place, work: Work, contenders: list[Contender], plan: Plan) -> Callable[[], Any]:
    def measured() -> Any:
        found = race(place, work, contenders, plan)
        return {name: [one._asdict() for one in own] for name, own in found.items()}

    return measured


def told(results: Results) -> Iterator[str]:
    """Tells in lines what was measured, each contender beside the first."""
    for letter in EVERYTHING:
        found = results.works(letter) or results.ways(letter)
        if not found:
            continue
        first = next(iter(found.values()))
        yield f"\n{letter}"
        for name, own in found.items():
            yield (
                f"  {name:48} {own.rate:7.0f}/s  {own.rate / first.rate:6.2f} of the first   "
                f"p50 {own.p50:6.1f}  p99 {own.p99:6.1f} ms   "
                f"CPU {own.server:6.2f} + {own.postgres:5.2f} s/1000   {own.memory:4.0f} MiB"
            )


def _arguments() -> argparse.Namespace:
    def listed(text: str) -> list[str]:
        return text.split(",")

    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", type=listed, help=f"some of {','.join(EVERYTHING)}; then no report is written")
    parser.add_argument("--contenders", type=listed, help=f"some of {','.join(CONTENDERS)}; then neither")
    parser.add_argument("--quick", action="store_true", help="a few minutes, to see that all of it runs; then neither")
    parser.add_argument("--rounds", type=int)
    parser.add_argument("--seconds", type=float, help="how long a round is")
    parser.add_argument("--warm-up", type=float, help="how many seconds come before the first")
    parser.add_argument("--out", type=Path, help="write the report there all the same")
    asked = parser.parse_args()
    whole = not (asked.only or asked.contenders or asked.quick)
    asked.out = asked.out or (HERE / "RESULTS.md" if whole else None)
    asked.only, asked.contenders = asked.only or EVERYTHING, asked.contenders or list(CONTENDERS)
    given = {
        name: getattr(asked, name) for name in ("rounds", "seconds", "warm_up") if getattr(asked, name) is not None
    }
    asked.plan = (QUICK if asked.quick else FULL)._replace(**given)
    return asked


if __name__ == "__main__":
    main()
