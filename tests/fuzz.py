"""`make fuzz`: the long run of schemathesis, as a superuser and as anyone, on a database that is thrown away."""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterable
from datetime import timedelta
from pathlib import Path

from gql_app.asgi import make_app
from gql_app.embedded import Embedded, create_database
from resolvers.context import Client, Guest
from resolvers.hashing import Hasher
from resolvers.rates import Rates
from resolvers.store.engine import Store
from resolvers.store.feed import Feed
from resolvers.store.migrate import migrate
from resolvers.tokens import Keys
from rest_shim.examples import ADA, TYPE
from tests.conftest import listens
from tests.factories import Factory
from tests.fuzzing import Understudies, fuzz

ROLES = {"superuser": True, "anyone": False}
# For each role more than 10,000 cases of single requests, and then scenarios of several.
LONG = (
    ("--phases", "examples,coverage,fuzzing", "--max-examples", "180"),
    ("--phases", "stateful", "--max-examples", "300", "--max-time", "300"),
)


async def run(url: str, *, superuser: bool, rounds: Iterable[Iterable[str]]) -> int:
    """Serves a database and fuzzes it; returns the exit code."""
    store = Store(url, 10)
    await migrate(store)
    keys = Keys("a key for fuzzing alone, forty characters", timedelta(days=1), timedelta(days=30))
    guest = Guest(store, keys, Hasher(memory_kib=64, rounds=1, at_once=8), Feed(store), Rates(), Client())
    await _set_stage(Factory(guest))
    async with listens(Understudies(make_app(guest, explorer=False), guest, superuser=superuser)) as address:
        codes = [(await fuzz(address, *options))[0] for options in rounds]
    await guest.close()
    return max(codes)


async def _set_stage(make: Factory) -> None:
    # What the examples speak of: who signs in there, and a type, so that anyone's projects can have agents.
    await make.user(email=ADA.email)
    await make.agent_type(await make.superuser(), slug=TYPE.slug)


def main() -> None:
    """Fuzzes as each role; what else is said goes to schemathesis, and takes the place of the long run."""
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--role", choices=ROLES, action="append", help="as whom; both if left out")
    own, options = parser.parse_known_args()
    logging.getLogger("roster").addHandler(logging.StreamHandler())
    logging.getLogger("roster").setLevel(logging.ERROR)  # the trace of each 500
    codes = [_once(superuser=ROLES[role], rounds=[options] if options else LONG) for role in own.role or ROLES]
    sys.exit(max(codes))


def _once(*, superuser: bool, rounds: Iterable[Iterable[str]]) -> int:
    with tempfile.TemporaryDirectory(prefix="roster-fuzz-") as folder:
        embedded = Embedded(Path(folder) / "data")
        try:
            asyncio.run(create_database(embedded.start()))
            return asyncio.run(run(embedded.url(), superuser=superuser, rounds=rounds))
        finally:
            embedded.stop()


if __name__ == "__main__":
    main()
