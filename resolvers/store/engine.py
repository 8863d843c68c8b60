"""The database: one pool, reads without a transaction, writes in one, and what its errors mean."""

from collections.abc import AsyncIterator, Iterable, Iterator, Sequence
from contextlib import asynccontextmanager, contextmanager
from typing import Any, TypeVar

import asyncpg
import msgspec
from sqlalchemy import ARRAY, ColumnElement, Executable, any_, event, exc, literal
from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine, create_async_engine

from resolvers.domain.errors import Code, Refusal
from resolvers.store.bell import Bell

K = TypeVar("K")

STATEMENT_TIMEOUT = "30s"
CONNECT_SECONDS = POOL_SECONDS = 10

# Which field is to blame when a unique index refuses a row.
TAKEN = {
    "users_email_key": ("email", "This e-mail address is taken."),
    "agent_types_slug_key": ("slug", "This slug is taken by another agent type."),
    "projects_slug_key": ("slug", "This slug is taken by another project."),
    "project_members_pkey": ("user_id", "This user is a member already."),
}
ORDERLY = (asyncpg.IntegrityConstraintViolationError, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
# InternalClientError is what the driver says of a connection whose last word has come and whose end has not.
GONE = (
    OSError,
    TimeoutError,
    exc.TimeoutError,
    exc.InterfaceError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,
)
BUSY = (
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


class StatementError(Exception):
    """What PostgreSQL said of a statement that is a bug of ours, without the values, which no log may hold."""

    def __init__(self, error: exc.DBAPIError) -> None:
        cause = cause_of(error)
        super().__init__(f"{type(cause).__name__}: {cause.args[0] if cause.args else ''}\n{error.statement}")


class Store:
    """One PostgreSQL database, reached by a libpq URL such as `postgresql://user@host/name`."""

    def __init__(self, url: str, pool_size: int = 10) -> None:
        async def connect(name: str = "roster") -> asyncpg.Connection:
            settings = {"application_name": name, "timezone": "UTC", "jit": "off"}
            settings["statement_timeout"] = STATEMENT_TIMEOUT
            return await asyncpg.connect(url, timeout=CONNECT_SECONDS, server_settings=settings)

        self.bell = Bell(lambda: connect("roster events"))
        self.engine: AsyncEngine = create_async_engine(
            "postgresql+asyncpg://",
            async_creator=connect,
            pool_size=pool_size,
            max_overflow=0,
            pool_timeout=POOL_SECONDS,
            hide_parameters=True,  # they hold what no log may
            json_serializer=lambda value: msgspec.json.encode(value).decode(),
            json_deserializer=msgspec.json.decode,
        )
        self._reader = self.engine.execution_options(isolation_level="AUTOCOMMIT")
        event.listen(self.engine.sync_engine, "checkout", _still_open)
        event.listen(self.engine.sync_engine, "handle_error", _drop_unsure)

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Opens a connection without a transaction, for one statement or several that need no common view."""
        with _errors_told():
            async with self._reader.connect() as db:
                yield db

    @asynccontextmanager
    async def write(self) -> AsyncIterator[AsyncConnection]:
        """Opens a transaction: all of it holds at the end, or none of it when anything is raised."""
        with _errors_told():
            async with self.engine.begin() as db:
                yield db
        self.bell.ring()

    async def close(self) -> None:
        await self.bell.close()
        await self.engine.dispose()


class Joined(Store):
    """The same database from within a transaction that is open: what is written takes part in it."""

    def __init__(self, store: Store, db: AsyncConnection) -> None:
        self.bell, self.engine, self._db = store.bell, store.engine, db

    @asynccontextmanager
    async def read(self) -> AsyncIterator[AsyncConnection]:
        """Gives the connection of the transaction."""
        yield self._db

    write = read


async def one(db: AsyncConnection, statement: Executable, kind: type[K]) -> K | None:
    """Returns the first row as a record, or None."""
    row = (await db.execute(statement)).first()
    return None if row is None else record(kind, row)


async def returned(db: AsyncConnection, statement: Executable, kind: type[K]) -> K:
    """Returns as a record the one row that a write gives back."""
    return record(kind, (await db.execute(statement)).one())


def record(kind: type[K], values: Iterable[Any]) -> K:
    """Makes a record of a row's values, which stand in the order of its fields."""
    return kind(*values)


async def many(db: AsyncConnection, statement: Executable, kind: type[K]) -> list[K]:
    """Returns every row as a record."""
    return [record(kind, row) for row in await db.execute(statement)]


def among(column: ColumnElement[Any], values: Sequence[Any]) -> ColumnElement[bool]:
    """Holds where the column is one of the values."""
    # PostgreSQL takes an array for ten values, and so would plan anew for a single one each time.
    several = any_(literal(list(values), ARRAY(column.type)))
    wanted: ColumnElement[bool] = column == (values[0] if len(values) == 1 else several)
    return wanted


def _still_open(dbapi_connection: Any, _record: object, _proxy: object) -> None:
    # The driver knows when the server has hung up, without a round trip; the pool then takes another one.
    if dbapi_connection.driver_connection.is_closed():
        raise exc.DisconnectionError


def _drop_unsure(context: Any) -> None:
    # A value that the driver could not send, or a BEGIN that failed, leaves a connection that is never right again.
    if not isinstance(cause_of(context.sqlalchemy_exception or context.original_exception), ORDERLY):
        context.is_disconnect = True
        context.invalidate_pool_on_disconnect = False


@contextmanager
def _errors_told() -> Iterator[None]:
    try:
        yield
    except Exception as error:
        told = refusal_for(error)
        if told is not None:
            raise told from error
        if isinstance(error, exc.DBAPIError):
            raise StatementError(error) from None
        raise


def cause_of(error: BaseException) -> BaseException:
    """Returns the driver's own error."""
    orig = error.orig if isinstance(error, exc.DBAPIError) else None
    return (orig and orig.__cause__) or error


def refusal_for(error: BaseException) -> Refusal | None:
    """Returns what a database error means for the client, or None for a bug of ours."""
    cause = cause_of(error)
    if isinstance(cause, asyncpg.UniqueViolationError):
        field, message = TAKEN[cause.constraint_name]
        return Refusal(Code.CONFLICT, message, field=field)
    if isinstance(cause, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return Refusal(Code.CONFLICT, "Another change came in between; try again.")
    if isinstance(error, GONE) or isinstance(cause, (*GONE, *BUSY)):
        return Refusal(Code.UNAVAILABLE, headers={"Retry-After": "1"})
    return None
