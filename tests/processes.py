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

# A start takes a second of the processor, which a machine full of tests has been seen to spread over half a minute.
PATIENCE = 120
EXECUTABLE = Path(sys.executable).with_name("roster")
UNLIMITED = dict.fromkeys(("rate_limit_user", "rate_limit_address", "rate_limit_sign_in"), "none")
ROOT = {"superuser_email": "root@example.com", "superuser_password": "Correct-Horse-42"}


def eventually(holds: Callable[[], Any], seconds: float = PATIENCE) -> bool:
    """Tells whether something comes true in time."""
    end = time.monotonic() + seconds
    while not holds():
        if time.monotonic() > end:
            return False
        time.sleep(0.02)
    return True


def alive(process: psutil.Process) -> bool:
    """Tells whether a process runs; a zombie, whose parent has not looked yet, does not."""
    with suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False


class Ended(NamedTuple):
    """What a command left: its exit code and what it wrote."""

    code: int
    out: str
    err: str


class Server:
    """A `roster serve` that was started."""

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
        eventually(lambda: self.address or not self.runs)
        assert self.address, self.err
        self.http.base_url = self.address
        assert eventually(self._answers), self.err
        return self

    def _answers(self) -> bool:
        with suppress(httpx.TransportError):
            return self.http.get("/health").json() == {"status": "alive"}
        return False

    def login(self, email: str = ROOT["superuser_email"], password: str = ROOT["superuser_password"]) -> httpx.Response:
        return self.http.post("/api/v1/auth/login", json={"email": email, "password": password})

    def sign_in(self, *who: str) -> dict[str, str]:
        """Signs in; returns the header that says so."""
        return {"Authorization": f"Bearer {self.login(*who).raise_for_status().json()['access_token']}"}

    def workers(self) -> list[psutil.Process]:
        """The worker processes that it has started."""
        children = filter(alive, psutil.Process(self.process.pid).children())
        return [child for child in children if "--multiprocessing-fork" in child.cmdline()]

    def workers_start(self) -> bool:
        """Tells whether two workers are busy importing: they take a second of the processor for it."""
        workers = self.workers()
        return len(workers) == 2 and all(sum(worker.cpu_times()[:2]) > 0.3 for worker in workers)

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
        assert eventually(lambda: not self.postgres())

    def settle(self, prepared: Path) -> Self:
        """Begins with what an earlier start left, since the first start of all takes the longest."""
        # The database belongs to another user where root runs this, and so must the copy.
        subprocess.run(["cp", "-a", prepared, self.data], check=True)
        return self

    def start(self, *options: object, **settings: object) -> Server:
        """Starts `roster serve` and does not wait for it."""
        out, err = (self.folder / f"{len(self._servers)}.{kind}" for kind in ("out", "err"))
        with out.open("wb") as stdout, err.open("wb") as stderr:
            command = self._command("serve", options, settings)
            process = subprocess.Popen(**command, stdout=stdout, stderr=stderr, start_new_session=True)
        self._servers.append(Server(process, out, err))
        return self._servers[-1]

    def serve(self, *options: object, **settings: object) -> Server:
        """Starts `roster serve`; returns when it answers."""
        return self.start(*options, **settings).ready()

    def run(self, command: str, *options: object, **settings: object) -> Ended:
        """Runs a command to its end."""
        words = self._command(command, options, settings)
        done = subprocess.run(**words, capture_output=True, text=True, check=False, timeout=PATIENCE)
        return Ended(done.returncode, done.stdout, done.stderr)

    def _command(self, command: str, options: tuple[object, ...], settings: dict[str, object]) -> dict[str, Any]:
        told = {"data_dir": self.data, "port": 0, **UNLIMITED} | settings
        env = {name: value for name, value in os.environ.items() if not name.startswith("ROSTER_")}
        env |= {f"ROSTER_{name.upper()}": str(value) for name, value in told.items() if value is not None}
        args = [EXECUTABLE, command, *map(str, options)]
        return {"args": args, "env": env, "cwd": self.folder, "stdin": subprocess.DEVNULL}

    def postgres(self) -> list[psutil.Process]:
        """The processes of an embedded PostgreSQL that were started on the data folder."""
        folder = str(self.data / "postgres")
        found = [process for process in psutil.process_iter(["cmdline"]) if folder in (process.info["cmdline"] or ())]
        return [process for process in found if alive(process)]

    def kill_postgres(self) -> None:
        """Kills PostgreSQL's first process with -9, and waits until the others have noticed."""
        [postmaster] = self.postgres()
        others = postmaster.children()
        postmaster.kill()
        assert eventually(lambda: not any(map(alive, [postmaster, *others])))

    @property
    def pidfile(self) -> Path:
        return self.data / "postgres" / "postmaster.pid"

    def postgres_starts(self) -> bool:
        """Tells whether PostgreSQL has begun to start; a negative number is that of the one that initdb runs."""
        with suppress(FileNotFoundError):
            return self.pidfile.read_text()[:1].isdigit()
        return False

    @property
    def database(self) -> str:
        """The URL of Roster's own database in the embedded PostgreSQL."""
        return f"postgresql://postgres@/roster?host={self.pidfile.read_text().splitlines()[4]}"
