"""Rounds brought down to their medians, and told beside each other."""

import statistics
from collections.abc import Iterator
from typing import NamedTuple

from benchmarks.meter import Round


class Summary(NamedTuple):
    """The medians over the rounds of one contender; the most memory."""

    rate: float
    p50: float
    p99: float
    server: float  # seconds of processor time per 1,000 requests
    postgres: float
    memory: float


def summary(rounds: list[Round]) -> Summary:
    """Brings rounds down to their medians."""

    def middle(*values: float) -> float:
        return statistics.median(values)

    return Summary(
        middle(*(one.rate for one in rounds)),
        middle(*(one.p50 for one in rounds)),
        middle(*(one.p99 for one in rounds)),
        middle(*(1000 * one.server / one.requests for one in rounds)),
        middle(*(1000 * one.postgres / one.requests for one in rounds)),
        max(one.memory for one in rounds),
    )


def lines(rounds: dict[str, list[Round]]) -> Iterator[str]:
    """Tells a work in lines, each contender beside the first."""
    found = {name: summary(each) for name, each in rounds.items()}
    first = next(iter(found.values()))
    for name, own in found.items():
        yield (
            f"  {name:20} {own.rate:7.0f}/s  {own.rate / first.rate:6.2f} of the first   "
            f"p50 {own.p50:6.1f}  p99 {own.p99:6.1f} ms   "
            f"CPU {own.server:5.2f} + {own.postgres:5.2f} s/1000   {own.memory:4.0f} MiB"
        )
