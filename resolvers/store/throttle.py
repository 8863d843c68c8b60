"""Failed logins, counted by account and by address, so that all processes see the same waits."""

from datetime import timedelta
from typing import Any, NamedTuple

from sqlalchemy import (
    ColumnElement,
    Delete,
    Integer,
    Select,
    Text,
    and_,
    case,
    cast,
    delete,
    func,
    literal,
    select,
    type_coerce,
)  # fmt: skip
from sqlalchemy.dialects.postgresql import Insert, insert

from resolvers.domain.addresses import source_of
from resolvers.store.pruning import EXPIRIES, expired
from resolvers.store.statements import statement
from resolvers.store.tables import login_failures, users
from resolvers.store.visibility import LIVE_USER

FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 5, 20
LONGEST_WAIT = 900
_, FORGOTTEN_AFTER = EXPIRIES[login_failures]
SWEEP = 20  # forgotten counts that each failure takes along: more than it makes


class Keys(NamedTuple):
    """What failures are counted under."""

    account: str
    address: str


def keys_of(email: str, address: str | None) -> Keys:
    """Returns what to count a failure under."""
    return Keys(_account(email), f"address:{source_of(address)}")


def _account(email: str) -> str:
    return f"account:{email[:254]}"


@statement
def asked(email: str, keys: Keys) -> Select[Any]:
    """Selects the password's hash, if there is such a user, and the seconds until the next try is looked at, if any."""
    left = func.extract("epoch", func.max(login_failures.c.blocked_until) - func.now())
    waiting = select(cast(func.greatest(func.ceil(left), 0), Integer)).where(login_failures.c.key.in_(keys))
    here = select(func.lower(type_coerce(email, Text)).label("email")).subquery("asked")
    user = here.outerjoin(users, and_(func.lower(users.c.email) == here.c.email, *LIVE_USER))
    return select(users.c.password_hash, waiting.scalar_subquery()).select_from(user)


@statement
def count_failure(keys: Keys) -> Insert:
    """Counts one more failure under each key; past the free ones each doubles the wait."""
    now = func.now()
    first = insert(login_failures).values([{"key": key, "failures": 1, "blocked_until": now} for key in keys])
    failures = case((_stale(), 1), else_=login_failures.c.failures + 1)
    free = case((login_failures.c.key == keys.account, FREE_FOR_ACCOUNT), else_=FREE_FOR_ADDRESS)
    wait = case((failures < free, 0), else_=func.least(LONGEST_WAIT, func.power(2, func.least(failures - free, 20))))
    until = now + wait * literal(timedelta(seconds=1))
    return first.on_conflict_do_update(index_elements=["key"], set_={"failures": failures, "blocked_until": until})


@statement
def sweep() -> Delete:
    """Deletes some of what is forgotten anyway, and waits for nobody who counts there."""
    return expired(login_failures, SWEEP)


def _stale() -> ColumnElement[bool]:
    return login_failures.c.blocked_until < func.now() - FORGOTTEN_AFTER


@statement
def forget(keys: Keys) -> Delete:
    """Forgets the failures of an account: its owner has signed in."""
    return delete(login_failures).where(login_failures.c.key == keys.account)
