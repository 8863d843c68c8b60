"""The results of a run, as they are kept, and what is read from them."""

import json
import statistics
from pathlib import Path
from typing import Any, NamedTuple

from benchmarks.meter import Round


class Summary(NamedTuple):
    """The medians over the rounds of one contender, and the most memory."""

    rate: float
    p50: float
    p99: float
    server: float  # seconds of processor time for 1,000 requests
    postgres: float
    memory: float


def summary(rounds: list[Round]) -> Summary:
    """Brings rounds down to their medians."""
    return Summary(
        statistics.median(one.rate for one in rounds),
        statistics.median(one.p50 for one in rounds),
        statistics.median(one.p99 for one in rounds),
        statistics.median(1000 * one.server / one.requests for one in rounds),
        statistics.median(1000 * one.postgres / one.requests for one in rounds),
        max(one.memory for one in rounds),
    )


class Results:
    """What a run has found out: by work and contender, and by study."""

    def __init__(self, kept: dict[str, Any]) -> None:
        self.kept = kept

    @classmethod
    def read(cls, path: Path) -> "Results":
        return cls(json.loads(path.read_text()))

    def write(self, path: Path) -> None:
        path.write_text(json.dumps(self.kept, indent=1) + "\n")

    def works(self, letter: str) -> dict[str, Summary]:
        """Returns a work's contenders, each with its door, and what they came to."""
        return _summaries(self.kept["works"].get(letter, {}))

    def study(self, name: str) -> dict[str, Any]:
        """Returns a study as it is kept; empty if it was not made."""
        found: dict[str, Any] = self.kept["studies"].get(name, {})
        return found

    def ways(self, name: str) -> dict[str, Summary]:
        """Returns the ways that a study compares, and what they came to."""
        return _summaries(self.study(name).get("rounds", {}))


def _summaries(kept: dict[str, Any]) -> dict[str, Summary]:
    return {name: summary([Round(**one) for one in rounds]) for name, rounds in kept.items()}
