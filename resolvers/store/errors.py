"""What the errors of the database mean: for the client, or for whoever keeps the server."""

from typing import NoReturn

import asyncpg

from resolvers.domain.errors import Code, Refusal

# Which field is to blame when a unique index refuses a row.
TAKEN = {
    "users_email_key": ("email", "This e-mail address is taken."),
    "agent_types_slug_key": ("slug", "This slug is taken by another agent type."),
    "projects_slug_key": ("slug", "This slug is taken by another project."),
    "project_members_pkey": ("user_id", "This user is a member already."),
}
ORDERLY = (asyncpg.IntegrityConstraintViolationError, asyncpg.SerializationError, asyncpg.DeadlockDetectedError)
UNREACHED = (
    OSError,
    TimeoutError,
    asyncpg.InterfaceError,
    asyncpg.InternalClientError,  # of a connection whose last word has come and whose end has not
    asyncpg.PostgresConnectionError,
    asyncpg.OperatorInterventionError,
    asyncpg.InsufficientResourcesError,
    asyncpg.InvalidCatalogNameError,
    asyncpg.InvalidAuthorizationSpecificationError,
)


class StatementError(Exception):
    """What PostgreSQL said of a statement that is a bug of ours, without the values, which no log may hold."""

    def __init__(self, error: Exception, text: str) -> None:
        # Whatever is wrong with a value, the message says so by quoting it.
        words = "" if isinstance(error, asyncpg.DataError) or not error.args else f": {error.args[0]}"
        super().__init__(f"{type(error).__name__}{words}\n{text}")


def tell(error: Exception, text: str) -> NoReturn:
    """Raises what a database error means for the client, or a StatementError for a bug of ours."""
    told = refusal_for(error)
    if told is not None:
        raise told from error
    if isinstance(error, asyncpg.PostgresError):
        raise StatementError(error, text) from None
    raise error


def refusal_for(error: BaseException) -> Refusal | None:
    """Returns what a database error means for the client, or None for a bug of ours."""
    if isinstance(error, asyncpg.UniqueViolationError):
        field, message = TAKEN[error.constraint_name]
        return Refusal(Code.CONFLICT, message, field=field)
    if isinstance(error, asyncpg.SerializationError | asyncpg.DeadlockDetectedError):
        return Refusal(Code.CONFLICT, "Another change came in between; try again.")
    if isinstance(error, UNREACHED):
        return Refusal(Code.UNAVAILABLE, headers={"Retry-After": "1"})
    return None
