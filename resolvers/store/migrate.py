"""Bringing a database to the newest schema, and telling whether it is there."""

from functools import cache
from pathlib import Path

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection, text

from resolvers.store.engine import Store

# Two starts at once: the second waits, and finds nothing left to do.
LOCK = 7_205_759_403_792_793


def configuration(connection: Connection | None = None) -> Config:
    """Makes Alembic's settings for one connection."""
    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations"))
    config.attributes["connection"] = connection
    return config


@cache
def newest() -> str | None:
    """Returns the revision that this code stands on."""
    return ScriptDirectory.from_config(configuration()).get_current_head()


async def migrate(store: Store, revision: str = "head") -> None:
    """Brings the database up to a revision, in one transaction."""
    async with store.write() as db:
        await db.execute(text("SET LOCAL statement_timeout = 0"))
        await db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await db.run_sync(lambda connection: command.upgrade(configuration(connection), revision))


async def downgrade(store: Store, revision: str) -> None:
    """Takes the database back to a revision; what only later ones hold is lost."""
    async with store.write() as db:
        await db.run_sync(lambda connection: command.downgrade(configuration(connection), revision))


async def current(store: Store) -> str | None:
    """Returns the revision that the database is at, or None for an empty one."""
    async with store.read() as db:
        return await db.run_sync(lambda connection: MigrationContext.configure(connection).get_current_revision())
