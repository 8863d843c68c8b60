"""`make bench`: measures Roster beside others that do the same work, on this machine, in one run."""

import argparse
import json
import sys

from benchmarks.place import FOLDER, Place
from benchmarks.race import Plan, race
from benchmarks.registry import CONTENDERS
from benchmarks.summary import lines
from benchmarks.work import WORK


def main() -> None:
    asked = _arguments()
    letters = asked.only.split(",")
    contenders = [CONTENDERS[name] for name in asked.contenders.split(",")]
    missing = {contender.name: contender.missing for contender in contenders if contender.missing}
    for name, why in missing.items():
        sys.stderr.write(f"{name} can't run: {why}\n")
    there = [contender for contender in contenders if contender.name not in missing]
    plan = Plan(asked.rounds, asked.seconds, asked.warm_up)
    found = {}
    with Place() as place:
        for work in WORK:
            if work.letter in letters:
                rounds = race(place, work, there, plan)
                found[work.letter] = {name: [one._asdict() for one in each] for name, each in rounds.items()}
                print("\n".join(["", f"({work.letter}) {work.title}", *lines(rounds)]))
    FOLDER.joinpath("latest.json").write_text(json.dumps(found))


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m benchmarks.bench", description=__doc__)
    parser.add_argument("--only", default=",".join(work.letter for work in WORK))
    parser.add_argument("--contenders", default=",".join(CONTENDERS))
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--seconds", type=float, default=4)
    parser.add_argument("--warm-up", type=float, default=2)
    return parser.parse_args()


if __name__ == "__main__":
    main()
