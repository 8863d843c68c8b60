"""Fuzzing through OpenAPI: schemathesis, and a server on which somebody is always signed in."""

import asyncio
import os
import sys
from asyncio.subprocess import PIPE
from contextlib import suppress
from pathlib import Path

from sqlalchemy import delete
from starlette.types import ASGIApp, Receive, Scope, Send

from resolvers import auth
from resolvers.context import Guest
from resolvers.domain.errors import Refusal
from resolvers.store.tables import login_failures
from rest_shim.openapi import PATH
from rest_shim.routes import PREFIX
from tests.factories import Factory, Person

TOKEN = "understudy"
SCHEMATHESIS = Path(sys.executable).with_name("st")
CONFIG = Path(__file__).with_name("schemathesis.toml")


class Understudies:
    """Gives one token to whoever it speaks for, or to somebody new once they are deleted, signed out or demoted."""

    def __init__(self, app: ASGIApp, guest: Guest, *, superuser: bool) -> None:
        self.app, self.guest, self.superuser = app, guest, superuser
        self.make = Factory(guest)
        self.person: Person | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            if scope["path"] == f"{PREFIX}/auth/login":
                await self._forget_failures()
            scope = scope | {
                "headers": [(name, await self._spoken_for(name, value)) for name, value in scope["headers"]]
            }
        await self.app(scope, receive, send)

    async def _spoken_for(self, name: bytes, value: bytes) -> bytes:
        if name != b"authorization" or value != f"Bearer {TOKEN}".encode():
            return value
        if self.person is None or not await self._is_on_stage(self.person):
            self.person = await self.make.user(superuser=self.superuser)
        return self.person.headers["Authorization"].encode()

    async def _is_on_stage(self, person: Person) -> bool:
        with suppress(Refusal):
            ctx = await auth.identify(self.guest, person.headers["Authorization"])
            return ctx.who.is_superuser is self.superuser
        return False

    async def _forget_failures(self) -> None:
        # Nothing else would be met after twenty wrong passwords.
        async with self.guest.store.write() as db:
            await db.execute(delete(login_failures))


async def fuzz(address: str, *options: object, quiet: bool = False) -> tuple[int, str]:
    """Runs schemathesis with all checks against a server of understudies; returns its exit code and what it said."""
    words = ["--checks", "all", "--header", f"Authorization: Bearer {TOKEN}", *options]
    process = await asyncio.create_subprocess_exec(
        SCHEMATHESIS, "--config-file", CONFIG, "run", address + PATH, *map(str, words),
        env=os.environ | {"SCHEMATHESIS_HOOKS": "tests.schemathesis_hooks"}, cwd=CONFIG.parent.parent,
        stdout=PIPE if quiet else None, stderr=PIPE if quiet else None,
    )  # fmt: skip
    out, err = await process.communicate()
    return process.returncode or 0, ((out or b"") + (err or b"")).decode()
