"""A contender that runs: started, asked, watched, stopped."""

import json
import os
import socket
import subprocess
import time
import urllib.error
import urllib.request
from contextlib import suppress
from tempfile import TemporaryFile
from typing import Any, Self

import psutil

from benchmarks.client import Request
from benchmarks.place import ROOT, Facts, Place
from benchmarks.registry import Contender

PATIENCE = 60
MIB = 1024**2


class Server:
    """One contender on a fresh copy of the rows, or on a database that is there."""

    def __init__(self, place: Place, contender: Contender, database: str | None = None, workers: int = 1) -> None:
        self.contender, self.place = contender, place
        self.port = _free_port()
        self.own = None if database else place.copy(f"{contender.name}_{self.port}", plain=contender.name != "roster")
        self.database = database or self.own or ""
        self.facts: Facts = place.facts(self.database)
        self.url = f"http://127.0.0.1:{self.port}"
        known = place.environment(self.database)
        known |= {"ROSTER_DATABASE_URL": known["DATABASE_URL"], "ROSTER_WORKERS": str(workers)}
        command, settings = contender.start(self.port, **known)
        self._log = TemporaryFile()  # noqa: SIM115 — it lives as long as the server
        everything = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
        self._process = subprocess.Popen(command, cwd=ROOT, env=everything, stdout=self._log, stderr=self._log)
        self.process = psutil.Process(self._process.pid)

    def __enter__(self) -> Self:
        end = time.monotonic() + PATIENCE
        while time.monotonic() < end and self._process.poll() is None:
            with suppress(OSError):
                socket.create_connection(("127.0.0.1", self.port), timeout=1).close()
                return self
            time.sleep(0.05)
        self.__exit__()
        raise RuntimeError(f"{self.contender.name} did not start: {self.said()}")

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        try:
            self._process.wait(PATIENCE)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        if self.own:
            self.place.drop(self.own)

    def said(self) -> str:
        """Returns what it wrote, at most the last of it."""
        self._log.seek(0)
        return self._log.read().decode()[-2_000:]

    def processes(self) -> list[psutil.Process]:
        """Returns its process and those that it has started."""
        return [self.process, *self.process.children(recursive=True)]

    def memory(self) -> float:
        """Returns how much memory its processes have, in MiB."""
        return sum(process.memory_info().rss for process in self.processes()) / MIB

    def ask(self, request: Request) -> Any:
        """Sends one request; returns the JSON that was answered, or raises what was."""
        body = None if request.body is None else json.dumps(request.body).encode()
        headers = {"Content-Type": "application/json", "Accept": "application/json"}
        if request.who:
            headers["Authorization"] = f"Bearer {self.facts.tokens[request.who]}"
        wanted = urllib.request.Request(self.url + request.path, body, headers, method=request.method)  # noqa: S310
        try:
            with urllib.request.urlopen(wanted, timeout=PATIENCE) as answer:  # noqa: S310 — http, to this machine
                return json.loads(answer.read())
        except urllib.error.HTTPError as error:
            raise RuntimeError(f"{self.contender.name}: {error.code} {error.read()!r} {self.said()}") from error

    def raw(self, requests: list[Request]) -> list[bytes]:
        """Returns the bytes of requests."""
        return [request.raw(self.facts.tokens) for request in requests]


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])
