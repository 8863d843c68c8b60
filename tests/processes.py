"""Roster as a process of its own: started, talked to, stopped, and never left behind."""

import os
import re
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from signal import SIGINT, SIGKILL, SIGQUIT, SIGTERM, Signals
from typing import Any, NamedTuple, Self

import httpx
import psutil

PATIENCE = 30
EXECUTABLE = Path(sys.executable).with_name("roster")
ROOT = {"superuser_email": "root@example.com", "superuser_password": "Correct-Horse-42"}


def eventually(holds: Callable[[], Any], seconds: float = 10) -> bool:
    """Tells whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


class Ended(NamedTuple):
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


class Server:
    """A `roster serve` that runs."""

    def __init__(self, process: subprocess.Popen[bytes], out: Path, err: Path) -> None:
        self.process, self._out, self._err = process, out, err
        self.http = httpx.Client(timeout=PATIENCE)

    @property
    def out(self) -> str:
        return self._out.read_text()

    @property
    def err(self) -> str:
        return self._err.read_text()

    @property
    def address(self) -> str | None:
        """Where it says that it listens."""
        found = re.search(r"^Health +(http://\S+)/health$", self.out, re.MULTILINE)
        return found and found[1]

    @property
    def password(self) -> str | None:
        """The first superuser's password, if it tells one."""
        found = re.search(r"with the password (\S+)", self.out)
        return found and found[1]

    @property
    def runs(self) -> bool:
        return self.process.poll() is None

    def ready(self) -> Self:
        """Waits until it answers."""
        assert eventually(lambda: self.address or not self.runs, PATIENCE), self.err
        assert self.address, self.err
        self.http.base_url = self.address
        assert eventually(self._alive, PATIENCE), self.err
        return self

    def _alive(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/health").json() == {"status": "alive"}
        return False

    def login(self, email: str = ROOT["superuser_email"], password: str = ROOT["superuser_password"]) -> httpx.Response:
        return self.http.post("/api/v1/auth/login", json={"email": email, "password": password})

    def sign_in(self, *who: str) -> dict[str, str]:
        """Signs in; returns the header that says so."""
        return {"Authorization": f"Bearer {self.login(*who).raise_for_status().json()['access_token']}"}

    def workers(self) -> list[psutil.Process]:
        """The processes that it started and that still run."""
        with suppress(psutil.NoSuchProcess):
            return [
                child
                for child in psutil.Process(self.process.pid).children()
                if "--multiprocessing-fork" in child.cmdline()
            ]
        return []

    def signal(self, number: Signals) -> None:
        if number is SIGINT:
            os.killpg(self.process.pid, number)  # a terminal's Ctrl-C goes to the whole group
        else:
            self.process.send_signal(number)

    def stop(self, by: Signals = SIGTERM) -> int:
        """Asks it to stop; returns its exit code."""
        self.signal(by)
        return self.process.wait(PATIENCE)

    def kill(self) -> None:
        """Kills it with -9, and none of the processes that it started."""
        self.process.kill()
        self.process.wait()

    def close(self) -> None:
        self.http.close()
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, SIGKILL)
        self.process.wait()


class Place:
    """A folder to start Roster in, with a data folder; no process that was started here outlives it."""

    def __init__(self, folder: Path, data: Path | None = None) -> None:
        self.folder, self.data = folder, data or folder / "data"
        self._servers: list[Server] = []

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        for server in self._servers:
            server.close()
        for postmaster in self.postgres():
            with suppress(psutil.NoSuchProcess):
                postmaster.send_signal(SIGQUIT)  # leave at once, and take the children along
                postmaster.wait(PATIENCE)

    def start(self, *options: object, **settings: object) -> Server:
        """Starts `roster serve` and does not wait for it."""
        names = [self.folder / f"{len(self._servers)}.{kind}" for kind in ("out", "err")]
        with names[0].open("wb") as out, names[1].open("wb") as err:
            command = self._command("serve", options, settings)
            process = subprocess.Popen(**command, stdout=out, stderr=err, start_new_session=True)
        self._servers.append(Server(process, *names))
        return self._servers[-1]

    def serve(self, *options: object, **settings: object) -> Server:
        """Starts `roster serve`; returns when it answers."""
        return self.start(*options, **settings).ready()

    def run(self, command: str, *options: object, **settings: object) -> Ended:
        """Runs a command to its end."""
        done = subprocess.run(
            **self._command(command, options, settings), capture_output=True, text=True, check=False, timeout=PATIENCE
        )
        return Ended(done.returncode, done.stdout, done.stderr)

    def _command(self, command: str, options: tuple[object, ...], settings: dict[str, object]) -> dict[str, Any]:
        told = {"data_dir": self.data, "port": 0} | settings
        env = {name: value for name, value in os.environ.items() if not name.startswith("ROSTER_")}
        env |= {f"ROSTER_{name.upper()}": str(value) for name, value in told.items() if value is not None}
        args = [EXECUTABLE, command, *map(str, options)]
        return {"args": args, "env": env, "cwd": self.folder, "stdin": subprocess.DEVNULL}

    def postgres(self) -> list[psutil.Process]:
        """The embedded PostgreSQL of the data folder, where it runs."""
        folder = str(self.data / "postgres")
        return [process for process in psutil.process_iter(["cmdline"]) if folder in (process.info["cmdline"] or ())]

    @property
    def pidfile(self) -> Path:
        return self.data / "postgres" / "postmaster.pid"

    @property
    def database(self) -> str:
        """The URL of Roster's own database in the embedded PostgreSQL."""
        return f"postgresql://postgres@/roster?host={self.pidfile.read_text().splitlines()[4]}"
