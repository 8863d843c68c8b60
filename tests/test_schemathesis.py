"""Short runs of schemathesis with all of its checks; `make fuzz` is the long one."""

import pytest
from starlette.types import ASGIApp

from resolvers.context import Guest
from tests.conftest import listens
from tests.fuzzing import Understudies, fuzz

FEW = ("--max-examples", 1, "--seed", 1, "--no-shrink", "--phases")


@pytest.mark.parametrize(
    ("superuser", "phases"),
    [(True, "examples,fuzzing,stateful"), (False, "examples,stateful")],
    ids=["superuser", "anyone"],
)
async def test_schemathesis_finds_nothing(superuser, phases: str, app: ASGIApp, guest: Guest):
    async with listens(Understudies(app, guest, superuser=superuser), lifespan="off") as address:
        code, told = await fuzz(address, *FEW, phases, quiet=True)

    assert code == 0, told
