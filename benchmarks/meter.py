"""What a load costs: processor time of the server and of PostgreSQL, and the most memory that was held."""

import threading
from collections.abc import Iterable
from contextlib import suppress
from typing import NamedTuple, Self

import psutil

from benchmarks.client import CONNECTIONS, load
from benchmarks.server import Server
from benchmarks.work import Work

EVERY = 0.1


class Round(NamedTuple):
    """What one round came to: the load, seconds of processor time, MiB at most."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int
    server: float
    postgres: float
    memory: float

    @property
    def rate(self) -> float:
        """Requests answered in a second."""
        return self.requests / self.seconds


class Meter:
    """Watches a server and PostgreSQL while a block runs."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self._postgres = server.place.process
        self._end = threading.Event()
        self._watch = threading.Thread(target=self._look, daemon=True)
        self.memory = 0.0

    def __enter__(self) -> Self:
        self.server = -cpu(self._server.processes())
        self.postgres = -self._databases()
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.server += cpu(self._server.processes())
        self.postgres += self._databases()
        self._end.set()
        self._watch.join()

    def _look(self) -> None:
        while not self._end.wait(EVERY):
            with suppress(psutil.NoSuchProcess):
                self.memory = max(self.memory, self._server.memory())

    def _databases(self) -> float:
        # What has ended is counted by its parent.
        ended = self._postgres.cpu_times()
        return cpu([self._postgres, *self._postgres.children()]) + ended.children_user + ended.children_system


def cpu(processes: Iterable[psutil.Process]) -> float:
    """Returns how many seconds of processor time processes have taken."""
    total = 0.0
    for process in processes:
        with suppress(psutil.NoSuchProcess):
            total += sum(process.cpu_times()[:2])
    return total


def measure(server: Server, raw: list[bytes], seconds: float, connections: int = CONNECTIONS) -> Round:
    """Loads a server for so long, and watches it."""
    server.place.settle()
    with Meter(server) as meter:
        found = load(server.url, raw, seconds, connections)
    return Round(*found, meter.server, meter.postgres, meter.memory)


def written(server: Server, work: Work) -> int:
    """Returns how often the rows that a work writes have been written."""
    return int(server.place.ask(work.writes, database=server.database)[0][0]) if work.writes else 0
