"""The container files, as far as they can be proven without a container engine: the image's steps run in a folder."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any
from zipfile import ZipFile

import pytest
import yaml

from gql_app.settings import PREFIX, Settings
from tests.processes import Place, Server
from tests.test_rate_limits_shared import MISSING, Cache

HERE = Path(__file__).parent.parent
DOCKERFILE = (HERE / "Dockerfile").read_text().replace("\\\n", "")
COMPOSE = (HERE / "docker-compose.yml").read_text()
SERVICES: dict[str, dict[str, Any]] = yaml.safe_load(COMPOSE)["services"]
OURS = {name: service for name, service in SERVICES.items() if "build" in service}
REPLICAS = [service for service in OURS.values() if "migrate" in service.get("depends_on", {})]
SENT = (HERE / ".dockerignore").read_text().splitlines()
UNSENT = [line.removeprefix("**/") for line in SENT if line.startswith("**/")]
PACKAGES = ("gql_app", "schema", "resolvers", "rest_shim")
SECRETS = {"POSTGRES_PASSWORD": "p@ss:w/rd", "ROSTER_SECRET_KEY": "a key for tests alone, forty characters"}

pytestmark = pytest.mark.xdist_group("containers")  # one worker makes the image, and not each


def told(keyword: str) -> list[str]:
    """What the Dockerfile's instructions of a kind say."""
    return re.findall(rf"^{keyword} (.+)$", DOCKERFILE, re.MULTILINE)


def moved(step: str, root: Path) -> str:
    """The same step with every absolute path below a folder."""
    return re.sub(r"(?<![^\s=])/(?=\w)", f"{root}/", step)


# What the files say


def test_the_compose_file_fits_the_specification():
    check = [sys.executable, "-m", "check_jsonschema", "--builtin-schema", "vendor.compose-spec"]
    done = subprocess.run([*check, HERE / "docker-compose.yml"], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("text", [COMPOSE, DOCKERFILE], ids=["docker-compose.yml", "Dockerfile"])
def test_every_setting_that_is_named_exists(text: str):
    named = set(re.findall(rf"{PREFIX}(\w+)", text))
    assert named
    assert named <= {name.upper() for name in Settings.model_fields}


def test_secrets_are_asked_for_and_never_written_down():
    assert set(re.findall(r"\$\{(\w+):\?[^}]+\}", COMPOSE)) == SECRETS.keys()
    assert COMPOSE.count("${") == len(re.findall(r"(?:PASSWORD|SECRET_KEY): \$\{", COMPOSE))


def test_two_replicas_wait_for_the_migration_and_that_for_the_database():
    assert len(REPLICAS) == 2
    for replica in REPLICAS:
        assert replica["depends_on"] == {"migrate": {"condition": "service_completed_successfully"}}
        assert replica["restart"] == "unless-stopped"
    assert SERVICES["migrate"]["command"] == ["migrate"]
    assert SERVICES["migrate"]["depends_on"] == {"database": {"condition": "service_healthy"}}
    assert "pg_isready" in SERVICES["database"]["healthcheck"]["test"]


def test_both_replicas_count_in_one_store_that_nobody_else_reaches():
    stores = {replica["environment"]["ROSTER_RATE_LIMIT_STORE"] for replica in REPLICAS}
    assert stores == {"redis://limits:6379/0"}
    assert "ports" not in SERVICES["limits"]


def test_each_replica_has_a_port_of_its_own_on_this_machine_alone():
    ports = [port for service in SERVICES.values() for port in service.get("ports", ())]
    assert sorted(ports) == ["127.0.0.1:8000:8000", "127.0.0.1:8001:8000"]
    assert all(len(replica["ports"]) == 1 for replica in REPLICAS)


@pytest.mark.parametrize("name", OURS)
def test_a_container_may_do_next_to_nothing(name: str):
    assert re.fullmatch("[1-9][0-9]*", told("USER")[-1])
    assert "user" not in OURS[name]
    assert OURS[name]["read_only"]
    assert OURS[name]["tmpfs"] == ["/tmp"]
    assert OURS[name]["cap_drop"] == ["ALL"]
    assert OURS[name]["security_opt"] == ["no-new-privileges:true"]


def test_running_requests_get_their_time_to_finish():
    for replica in REPLICAS:
        grace = int(replica["stop_grace_period"].removesuffix("s"))
        assert grace > int(replica["environment"]["ROSTER_STOP_SECONDS"])


def test_the_data_is_kept_where_the_image_of_postgresql_18_puts_it():
    assert SERVICES["database"]["image"] == "postgres:18"
    assert SERVICES["database"]["volumes"] == ["database:/var/lib/postgresql"]


# What the image's steps make


@pytest.fixture(scope="module")
def image(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder in which the Dockerfile's steps were taken, on no more files than an engine would send."""
    root = tmp_path_factory.mktemp("image")
    source = root / "source"
    source.mkdir()
    for name in (line[1:] for line in SENT if line.startswith("!")):
        if (HERE / name).is_dir():
            shutil.copytree(HERE / name, source / name, ignore=shutil.ignore_patterns(*UNSENT))
        else:
            shutil.copy(HERE / name, source)
    # What runs these tests came from the developers' lock already; and compiling all of it would double the time.
    steps = [step for step in told("RUN") if step.startswith(("pip", "python")) and "requirements-dev" not in step]
    assert len(steps) == 4
    path = f"{Path(sys.executable).parent}:{os.environ['PATH']}"
    quick = {"PATH": path, "PIP_NO_COMPILE": "1", "PIP_DISABLE_PIP_VERSION_CHECK": "1"}
    for step in steps:
        done = subprocess.run(
            moved(step, root),
            shell=True,
            cwd=source,
            env=os.environ | quick,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stderr
    return root


class Container(Place):
    """Runs what the image runs, with the image's variables, those that it is given, and no others."""

    def __init__(self, image: Path, folder: Path, data: Path | None = None, **given: str) -> None:
        super().__init__(folder, data)
        pairs = (pair.split("=", 1) for pair in told("ENV")[-1].split())
        own = {name: moved(value, image).replace(":$PATH", "") for name, value in pairs}
        self.env = own | {"ROSTER_DATA_DIR": str(self.data), "ROSTER_PORT": "0"} | given

    def _command(self, command: str, options: tuple[object, ...], settings: dict[str, object]) -> dict[str, Any]:
        args = [*json.loads(told("ENTRYPOINT")[-1]), command, *map(str, options)]
        return super()._command(command, options, settings) | {"args": args, "env": self.env}

    def serve_as_told(self) -> Server:
        """Starts what the image starts when it is told nothing else."""
        command, *options = json.loads(told("CMD")[-1])
        assert command == "serve"
        return self.serve(*options)

    def finds_healthy(self, server: Server, check: list[str]) -> bool:
        """Tells what a health check says, in the environment that an engine gives it."""
        env = self.env | {"ROSTER_PORT": server.address.rpartition(":")[2]}
        return subprocess.run(check, env=env, cwd="/", capture_output=True, check=False, timeout=20).returncode == 0


def test_only_what_the_image_is_made_of_is_sent_to_the_engine():
    assert SENT[1] == "*"
    assert {line[1:] for line in SENT if line.startswith("!")} == {
        *PACKAGES, "README.md", "pyproject.toml", "requirements.txt", "requirements-dev.txt",
    }  # fmt: skip


def of_the_build(file: str) -> bool:
    """Tells whether a file only helps to build GraphiQL."""
    return file == "gql_app/pages/build.py" or (file.startswith("gql_app/pages/graphiql/") and "/dist/" not in file)


def test_the_wheel_holds_every_file_of_the_four_packages(image: Path):
    (wheel,) = (image / "wheels").iterdir()
    held = {name for name in ZipFile(wheel).namelist() if ".dist-info/" not in name}
    source = image / "source"
    files = {
        str(it.relative_to(source)) for package in PACKAGES for it in (source / package).rglob("*") if it.is_file()
    }
    assert held == {file for file in files if not of_the_build(file)}
    assert {file for file in files if "/dist/" in file} <= held
    migrations = "resolvers/store/migrations"
    assert {"schema/schema.graphql", f"{migrations}/script.py.mako", f"{migrations}/env.py"} <= held
    assert any(name.startswith(f"{migrations}/versions/0001") for name in held)


@pytest.mark.parametrize(("option", "answer"), [("--version", "roster, version "), ("schema", "type Query ")])
def test_a_command_needs_nothing_around_it(option: str, answer: str, image: Path, tmp_path: Path):
    command = [image / "opt/roster/bin/roster", option]
    done = subprocess.run(command, env={}, cwd=tmp_path, capture_output=True, text=True, check=False)
    assert (done.returncode, done.stderr) == (0, "")
    assert answer in done.stdout


def test_the_image_serves_on_its_own(image: Path, tmp_path: Path):
    check = json.loads(told("HEALTHCHECK")[-1].partition("CMD ")[2])
    with Container(image, tmp_path) as container:
        server = container.serve_as_told()
        assert server.address.startswith("http://0.0.0.0:")
        assert "GraphiQL" not in server.out  # so it is in production
        assert server.http.get("/ready").status_code == 200
        assert container.finds_healthy(server, check)
        assert server.stop() == 0
        assert not container.finds_healthy(server, check)


def given(**more: str) -> dict[str, str]:
    """The environment that Compose gives a replica, without what is left to be set."""
    said = ((name, str(value)) for name, value in REPLICAS[0]["environment"].items() if value)
    return {name: re.sub(r"\$\{(\w+).*\}", lambda it: SECRETS[it[1]], value) for name, value in said} | more


def test_what_compose_starts_is_ready_and_writes_no_file(image: Path, tmp_path: Path, database: str):
    kind, *check = REPLICAS[0]["healthcheck"]["test"]
    assert kind == "CMD"
    assert "'/ready'" in check[-1]
    nowhere = Path("/dev/null/data")  # not even root could make it
    with Container(image, tmp_path, nowhere, **given(ROSTER_DATABASE_URL=database)) as container:
        migrated = container.run(*SERVICES["migrate"]["command"])
        assert migrated.code == 0, migrated.err
        server = container.serve_as_told()
        assert container.finds_healthy(server, check)
        assert server.stop() == 0
        assert not container.finds_healthy(server, check)


def test_two_replicas_share_their_limits(image: Path, tmp_path: Path, database: str):
    if not shutil.which("redis-server"):
        (pytest.fail if os.environ.get("CI") else pytest.skip)(MISSING)
    server, *options = SERVICES["limits"]["command"]
    assert server == "valkey-server"  # whose options Redis has, too
    cache = Cache(tmp_path, *options)
    limits = {"ROSTER_RATE_LIMIT_STORE": cache.url, "ROSTER_RATE_LIMIT_SIGN_IN": "1/hour"}
    with Container(
        image, tmp_path, Path("/dev/null/data"), **given(ROSTER_DATABASE_URL=database, **limits)
    ) as container:
        assert [container.serve_as_told().login().status_code for _ in range(2)] == [401, 429]
    cache.kill()
