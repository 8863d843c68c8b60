"""Who is measured: each one process, on the same rows, for the same requests."""

import sys
from typing import NamedTuple

from benchmarks import npm
from benchmarks.place import SECRET
from benchmarks.work import GRAPHQL, REST

UVICORN = ["-m", "uvicorn", "--no-access-log", "--log-level=warning", "--no-server-header", "--no-proxy-headers"]
# As released; what is set is that nothing is refused for coming too often, though it is counted, and no log line a
# request, as for all others.
ROSTER = {
    "ROSTER_ENVIRONMENT": "production",
    "ROSTER_SECRET_KEY": SECRET,
    "ROSTER_LOG_LEVEL": "warning",
    **{f"ROSTER_RATE_LIMIT_{name}": "900000000/minute" for name in ("USER", "ADDRESS", "SIGN_IN")},
}


class Contender(NamedTuple):
    """A server: its name, what it is, how it is started, which work it does through which door, and how."""

    name: str
    what: str
    command: list[str]
    work: dict[str, str]
    notes: str
    on_node: bool = False

    @property
    def missing(self) -> str | None:
        """Why it can't run here, if it can't."""
        return npm.missing() if self.on_node else None

    def start(self, port: int, **more: str) -> tuple[list[str], dict[str, str]]:
        """Returns the command that serves on a port, and its settings."""
        node = npm.commands() if self.on_node else None
        first = node[0] if node else [sys.executable]
        settings = {"SECRET_KEY": SECRET, **ROSTER, **more}
        return [*first, *(part.format(port=port) for part in self.command)], settings


def _python(name: str, what: str, module: str, notes: str, **work: str) -> Contender:
    app = f"benchmarks.contenders.{module}:app"
    return Contender(name, what, [*UVICORN, "--port={port}", app], work, notes)


def _node(name: str, what: str, script: str, notes: str, **work: str) -> Contender:
    return Contender(name, what, [str(npm.FOLDER / script), "{port}"], work, notes, on_node=True)


CONTENDERS = {
    contender.name: contender
    for contender in (
        Contender(
            "roster",
            "Roster: Strawberry and Starlette over one set of resolvers",
            ["-c", "from gql_app.cli import main; main()", "serve", "--port={port}"],
            {GRAPHQL: "abdeg", REST: "bcdef"},
            "`roster serve`, everything on",
        ),
        _python(
            "strawberry",
            "Vanilla Strawberry, SQLAlchemy ORM objects",
            "strawberry_orm",
            "DataLoaders; its caches of parsed and validated documents are on",
            graphql="abdeg",
        ),
        _python(
            "fastapi",
            "FastAPI, SQLAlchemy ORM, pydantic",
            "fastapi_orm",
            "dependencies, response models; the total by a count",
            rest="bcdef",
        ),
        _node(
            "yoga",
            "GraphQL Yoga on Node, pg",
            "yoga.mjs",
            "DataLoaders; prepared statements; verified tokens are cached",
            graphql="abdeg",
        ),
        _node(
            "mercurius",
            "Mercurius on Fastify and Node, `jit: 1`, pg",
            "mercurius.mjs",
            "loaders; prepared statements; verified tokens are cached",
            graphql="abdeg",
        ),
        _python(
            "limit",
            "The limit: a bare ASGI function, asyncpg, orjson",
            "limit",
            "knows the answers' shapes and parses no GraphQL; verified tokens are cached",
            graphql="abg",
            rest="c",
        ),
    )
}
