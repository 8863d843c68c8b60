"""The one client that loads them all: wrk where it is installed, else a small one of our own."""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import Any, NamedTuple

from benchmarks.place import ROOT

CONNECTIONS = 16
PATIENCE = 60
SCRIPT = Path(__file__).with_name("replay.lua")
WRK = shutil.which("wrk")
NAME = "wrk" if WRK else "the bundled client"


class Request(NamedTuple):
    """A request as it is sent: by whom, the method, the path, the body."""

    who: str
    method: str
    path: str
    body: dict[str, Any] | None = None

    def raw(self, tokens: dict[str, str]) -> bytes:
        """Returns its bytes."""
        body = b"" if self.body is None else json.dumps(self.body).encode()
        lines = [f"{self.method} {self.path} HTTP/1.1", "Host: 127.0.0.1", "Accept: application/json"]
        lines += [f"Authorization: Bearer {tokens[self.who]}"] if self.who else []
        lines += ["Content-Type: application/json", f"Content-Length: {len(body)}"] if body else []
        return "\r\n".join([*lines, "\r\n"]).encode() + body


class Load(NamedTuple):
    """What a load came to; times of answers in ms."""

    requests: int
    seconds: float
    p50: float
    p99: float
    failed: int


class Loading:
    """A client that is at work."""

    def __init__(self, process: subprocess.Popen[str], patience: float) -> None:
        self._process, self._patience = process, patience

    def end(self) -> Load:
        """Waits for its end; returns what it came to."""
        try:
            out, _ = self._process.communicate(timeout=self._patience)
        except subprocess.TimeoutExpired:
            raise RuntimeError("the client did not end in time") from None
        lines = [line for line in out.splitlines() if line.startswith("{")]
        if self._process.returncode or not lines:
            raise RuntimeError(f"the client ended with {self._process.returncode}: {out}")
        return Load(**json.loads(lines[-1]))


@contextmanager
def loading(url: str, raw: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Iterator[Loading]:
    """Loads a server with these requests, again and again in their order, while the block runs."""
    with NamedTemporaryFile() as file:
        file.writelines(b"%d\n%b" % (len(request), request) for request in raw)
        file.flush()
        own = [sys.executable, "-m", "benchmarks.loader", url, file.name, str(connections), str(seconds)]
        wrk = [str(WRK), "-t1", f"-c{connections}", f"-d{round(seconds)}s", "--timeout=30s", "-s", str(SCRIPT), url]
        command = [*wrk, "--", file.name] if WRK else own
        process = subprocess.Popen(command, cwd=ROOT, stdout=subprocess.PIPE, text=True)
        try:
            yield Loading(process, seconds + PATIENCE)
        finally:
            if process.poll() is None:
                process.kill()
                process.communicate()


def load(url: str, raw: Sequence[bytes], seconds: float, connections: int = CONNECTIONS) -> Load:
    """Loads a server with these requests for so long; returns what it came to."""
    with loading(url, raw, seconds, connections) as running:
        return running.end()
