"""Bringing a database to the newest schema, and telling whether it is there."""

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING

from sqlalchemy import Connection, exc, text

from resolvers.store.engine import Store
from resolvers.store.errors import tell

# Importing Alembic takes a fifth of a start, and most starts find nothing to migrate.
if TYPE_CHECKING:
    from alembic.config import Config
    from sqlalchemy.ext.asyncio import AsyncConnection

FOLDER = Path(__file__).parent / "migrations"

# Two starts at once: the second waits, and finds nothing left to do.
LOCK = 7_205_759_403_792_793


def configuration(connection: Connection | None = None) -> "Config":
    """Makes Alembic's settings for one connection."""
    from alembic.config import Config  # noqa: PLC0415

    config = Config()
    config.set_main_option("script_location", str(FOLDER))
    config.attributes["connection"] = connection
    return config


@cache
def newest() -> str:
    """Returns the revision that this code stands on: the number that the last file's name begins with."""
    return max(path.name for path in (FOLDER / "versions").glob("[0-9]*.py")).partition("_")[0]


@asynccontextmanager
async def changing(store: Store) -> "AsyncIterator[AsyncConnection]":
    """Opens a transaction as Alembic wants it, over a connection of its own."""
    from sqlalchemy.ext.asyncio import create_async_engine  # noqa: PLC0415
    from sqlalchemy.pool import NullPool  # noqa: PLC0415

    engine = create_async_engine("postgresql+asyncpg://", async_creator=store.connect, poolclass=NullPool)
    try:
        async with engine.begin() as db:
            yield db
    except exc.DBAPIError as error:
        tell(_driver_error(error), error.statement or "")
    except OSError as error:
        tell(error, "")


def _driver_error(error: exc.DBAPIError) -> Exception:
    cause = error.orig and error.orig.__cause__
    return cause if isinstance(cause, Exception) else error


async def migrate(store: Store, revision: str = "head") -> None:
    """Brings the database up to a revision, in one transaction."""
    from alembic import command  # noqa: PLC0415

    async with changing(store) as db:
        await db.execute(text("SET LOCAL statement_timeout = 0"))
        await db.execute(text("SELECT pg_advisory_xact_lock(:lock)"), {"lock": LOCK})
        await db.run_sync(lambda connection: command.upgrade(configuration(connection), revision))


async def downgrade(store: Store, revision: str) -> None:
    """Takes the database back to a revision; what only later ones hold is lost."""
    from alembic import command  # noqa: PLC0415

    async with changing(store) as db:
        await db.run_sync(lambda connection: command.downgrade(configuration(connection), revision))


async def current(store: Store) -> str | None:
    """Returns the revision that the database is at, or None for an empty one."""
    async with store.read() as db:
        if not (await db.execute(text("SELECT to_regclass('alembic_version')::text"))).scalar():
            return None
        version: str | None = (await db.execute(text("SELECT version_num FROM alembic_version"))).scalar()
        return version
