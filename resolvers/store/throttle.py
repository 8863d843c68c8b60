"""Failed logins, counted by account and by address, so that all processes see the same waits."""

from collections.abc import Sequence
from datetime import timedelta
from typing import Any

from sqlalchemy import ColumnElement, Delete, Executable, Integer, case, cast, delete, func, literal, select
from sqlalchemy.dialects.postgresql import insert

from resolvers.domain.addresses import source_of
from resolvers.store.tables import login_failures

FREE_FOR_ACCOUNT, FREE_FOR_ADDRESS = 5, 20
LONGEST_WAIT = 900
FORGOTTEN_AFTER = timedelta(hours=1)
SWEEP = 20  # forgotten counts that each failure takes along: more than it makes


def keys_of(email: str, address: str | None) -> list[tuple[str, int]]:
    """Returns what to count a failure under, and how many are free for each."""
    return [(_account(email), FREE_FOR_ACCOUNT), (f"address:{source_of(address)}", FREE_FOR_ADDRESS)]


def _account(email: str) -> str:
    return f"account:{email[:254]}"


def seconds_left(keys: Sequence[tuple[str, int]]) -> ColumnElement[Any]:
    """The whole seconds until the next try is looked at; null or 0 when it is now."""
    left = func.extract("epoch", func.max(login_failures.c.blocked_until) - func.now())
    names = [key for key, _ in keys]
    waiting = select(cast(func.greatest(func.ceil(left), 0), Integer)).where(login_failures.c.key.in_(names))
    return waiting.scalar_subquery()


def count_failure(keys: Sequence[tuple[str, int]]) -> Executable:
    """Counts one more failure under each key; past the free ones each doubles the wait."""
    now = func.now()
    first = insert(login_failures).values([{"key": key, "failures": 1, "blocked_until": now} for key, _ in keys])
    failures = case((_stale(), 1), else_=login_failures.c.failures + 1)
    free = case({key: count for key, count in keys}, value=login_failures.c.key)  # noqa: C416 — case wants a dict
    wait = case((failures < free, 0), else_=func.least(LONGEST_WAIT, func.power(2, func.least(failures - free, 20))))
    until = now + wait * literal(timedelta(seconds=1))
    return first.on_conflict_do_update(index_elements=["key"], set_={"failures": failures, "blocked_until": until})


def sweep() -> Delete:
    """Deletes some of what is forgotten anyway, and waits for nobody who counts there."""
    old = select(login_failures.c.key).where(_stale()).order_by(login_failures.c.blocked_until).limit(SWEEP)
    return delete(login_failures).where(login_failures.c.key.in_(old.with_for_update(skip_locked=True)))


def _stale() -> ColumnElement[bool]:
    return login_failures.c.blocked_until < func.now() - FORGOTTEN_AFTER


def forget(email: str) -> Delete:
    """Forgets the failures of an account: its owner has signed in."""
    return delete(login_failures).where(login_failures.c.key == _account(email))
