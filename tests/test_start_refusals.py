"""The command line: starts that are refused, each in one line, and what `roster` does besides serving."""

import re
import socket
from pathlib import Path

import asyncpg
import pytest

from resolvers.domain.lifecycle import Status
from tests.conftest import _drop, _recreate, named
from tests.factories import PASSWORD
from tests.processes import ROOT, Ended, Place, Server

SOURCE = Path(__file__).parent.parent
SECRET = "Sekrit"  # part of every secret in here
PROMISE = {"environment": "production", "database_url": f"postgresql://u:{SECRET}@127.0.0.1:1/db"}


def check_refused(ended: Ended, code: int, *words: str) -> None:
    """A refusal is one line that names what is wrong and shows no secret."""
    assert ended.code == code, ended.err
    assert re.fullmatch(r"roster: .+\n", ended.err), ended.err
    assert ended.out == ""
    assert SECRET not in ended.err
    assert not [word for word in words if word not in ended.err]


@pytest.mark.parametrize(("settings", "word"), [
    ({"port": "abc"}, "ROSTER_PORT"),
    ({"port": "70000"}, "ROSTER_PORT"),
    ({"workers": "0"}, "ROSTER_WORKERS"),
    ({"environment": "nope"}, "ROSTER_ENVIRONMENT"),
    ({"log_level": "loud", "log_format": "xml"}, "ROSTER_LOG_LEVEL"),
    (PROMISE, "ROSTER_SECRET_KEY"),
    ({"secret_key": SECRET}, "ROSTER_SECRET_KEY"),
    ({"superuser_email": "root@example.com"}, "ROSTER_SUPERUSER_PASSWORD"),
    ({"superuser_password": f"{SECRET}-Horse-42"}, "ROSTER_SUPERUSER_EMAIL"),
    ({"database_url": f"mysql://u:{SECRET}@127.0.0.1/db"}, "ROSTER_DATABASE_URL"),
    ({"database_url": f"postgresql://u:{SECRET}@127.0.0.1:54a/db"}, "ROSTER_DATABASE_URL"),
    ({"database_url": f"postgresql://u:{SECRET}@127.0.0.1:70000/db"}, "ROSTER_DATABASE_URL"),
    ({"rate_limit_user": "600 a minute"}, "ROSTER_RATE_LIMIT_USER"),
    ({"rate_limit_store": f"redis://:{SECRET}@127.0.0.1:70000"}, "ROSTER_RATE_LIMIT_STORE"),
], ids=str)  # fmt: skip
def test_a_setting_that_cannot_be_used_is_named(settings: dict[str, str], word: str, place: Place):
    check_refused(place.run("serve", **settings), 2, word)


@pytest.mark.parametrize(("over", "word"), [
    ({"superuser_password": SECRET}, "password"),
    ({"superuser_email": "nobody"}, "email"),
])  # fmt: skip
def test_a_superuser_that_cannot_be_made_is_refused(over: dict[str, str], word: str, place: Place):
    check_refused(place.run("serve", **ROOT | over), 2, word)
    assert not place.postgres()


def test_a_bad_line_in_the_env_file_is_refused_and_the_environment_wins_over_it(place: Place):
    (place.folder / ".env").write_text(f"ROSTER_WORKERS=many\nROSTER_SECRET_KEY={SECRET}\n")
    check_refused(place.run("serve", secret_key="k" * 40), 2, "ROSTER_WORKERS")


@pytest.mark.parametrize("text", ["", SECRET], ids=["empty", "short"])
def test_a_spoilt_key_file_is_refused(text: str, place: Place):
    place.data.mkdir()
    (place.data / "secret.key").write_text(text)
    check_refused(place.run("serve"), 2, "secret.key")
    assert not place.postgres()


def test_a_taken_port_is_refused(place: Place):
    with socket.create_server(("127.0.0.1", 0), reuse_port=True) as taken:
        port = taken.getsockname()[1]
        check_refused(place.run("serve", "--port", port), 1, str(port))
    assert not place.data.exists()


@pytest.mark.parametrize("below", ["", "further/down"], ids=["a file", "below a file"])
def test_a_data_folder_that_is_none_is_refused(below: str, tmp_path: Path):
    (tmp_path / "file").touch()
    folder = tmp_path / "file" / below
    with Place(tmp_path, folder) as place:
        check_refused(place.run("serve"), 1, str(folder))


@pytest.mark.parametrize("version", ["18", "99"], ids=["broken", "of another version"])
def test_a_data_folder_that_postgres_cannot_use_is_refused(version: str, place: Place):
    (place.data / "postgres").mkdir(parents=True)
    (place.data / "postgres" / "PG_VERSION").write_text(version)
    check_refused(place.run("serve"), 1, "PostgreSQL")
    assert (place.data / "postgres" / "PG_VERSION").read_text() == version  # what is there is somebody's


@pytest.mark.parametrize("command", [
    ["serve"], ["migrate"], ["create-superuser", "--email", "a@example.com", "--password", "Correct-Horse-42"],
], ids=lambda command: command[0])  # fmt: skip
def test_a_database_that_is_out_of_reach_is_refused(command: list[str], place: Place):
    check_refused(place.run(*command, database_url=PROMISE["database_url"]), 1, "database")


def test_a_database_that_does_not_exist_is_refused(place: Place, server: str):
    check_refused(place.run("serve", database_url=named(server, "no_such_database")), 1, "no_such_database")


async def test_an_external_database_is_refused_until_it_is_migrated(place: Place, server: str, worker_id: str):
    name = f"process_{worker_id}"
    await _recreate(server, name)
    url = named(server, name)
    for command in (["serve"], ["demo"]):
        check_refused(place.run(*command, database_url=url), 1, "roster migrate")
    for _ in range(2):
        migrated = place.run("migrate", database_url=url)
        assert (migrated.code, migrated.err) == (0, "")
    served = place.serve(database_url=url)
    me = served.sign_in("admin@example.com", served.password)
    made = served.http.post("/api/v1/projects", json={"name": "A project", "slug": "outside"}, headers=me)
    assert made.status_code == 201
    assert served.http.get("/ready").status_code == 200
    assert served.stop() == 0
    assert not (place.data / "postgres").exists()
    connection = await asyncpg.connect(url)
    assert await connection.fetchval("SELECT slug FROM projects") == "outside"
    await connection.close()
    await _drop(server, name)


def administers(server: Server, headers: dict[str, str]) -> bool:
    return server.http.get("/api/v1/admin/stats", headers=headers).status_code == 200


def test_superusers_are_made_from_nothing_and_from_users(place: Place):
    server = place.serve(**ROOT)
    given = {"password": PASSWORD, "first_name": "Ada"}
    for email in ("ada@example.com", "ben@example.com"):
        server.http.post("/api/v1/auth/register", json={"email": email, **given}).raise_for_status()
    ada, ben = (server.sign_in(f"{name}@example.com", PASSWORD) for name in ("ada", "ben"))
    assert not administers(server, ada)
    other = "Quite-Another-43"
    for email in ("Ada@example.com", "new@example.com"):
        made = place.run("create-superuser", "--email", email, superuser_password=other)
        assert made.code == 0, made.err
        assert email in made.out
        assert other not in made.out + made.err
    assert administers(server, ada)  # from the next request on
    assert administers(server, server.sign_in("new@example.com", other))
    assert not administers(server, ben)
    assert server.login("ada@example.com", other).status_code == 401  # a promotion changes no password


def test_the_demo_fills_an_empty_database_once(place: Place):
    filled = place.run("demo", "--password", PASSWORD)
    assert filled.code == 0, filled.err
    check_refused(place.run("demo", "--password", PASSWORD), 1, "projects")
    server = place.serve()
    query = "{ projects { nodes { agents(first: 100) { nodes { status } } } } }"
    me = server.sign_in("ada@example.com", PASSWORD)
    found = server.http.post("/graphql", json={"query": query}, headers=me).json()["data"]["projects"]["nodes"]
    statuses = [agent["status"].lower() for project in found for agent in project["agents"]["nodes"]]
    assert set(statuses) == set(Status)
    assert f"{len(found)} projects and {len(statuses)} agents" in filled.out  # none came twice


def test_the_schema_is_printed_as_it_is_committed(tmp_path: Path):
    assert Place(tmp_path).run("schema").out == (SOURCE / "schema" / "schema.graphql").read_text()


def test_help_lists_the_commands(tmp_path: Path):
    asked = Place(tmp_path).run("--help")
    listed = re.findall(r"^  ([a-z][a-z-]+) {2,}\S", asked.out.partition("Commands:")[2], re.MULTILINE)
    assert {"serve", "create-superuser", "migrate", "schema", "demo"} <= set(listed)


def test_the_version_is_told(tmp_path: Path):
    project = (SOURCE / "pyproject.toml").read_text()
    version = re.search(r'^version = "(.+)"', project, re.MULTILINE)[1]
    assert Place(tmp_path).run("--version").out.split()[-1] == version
