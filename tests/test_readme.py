"""The README's tour, run as it stands, so that it can't rot."""

import os
import re
import subprocess
from pathlib import Path

import httpx
import pytest

from gql_app.settings import Settings
from resolvers.domain.limits import LIMITS
from tests.processes import EXECUTABLE, Place

README = (Path(__file__).parent.parent / "README.md").read_text()
BASE = "http://127.0.0.1:8000"

pytestmark = pytest.mark.xdist_group("tour")  # one worker starts it, and not each


def blocks(kind: str) -> list[str]:
    """Returns the README's code of one kind, in its order."""
    return re.findall(rf"^```{kind}\n(.*?)^```", README, re.DOTALL | re.MULTILINE)


@pytest.fixture(scope="module")
def tour(tmp_path_factory: pytest.TempPathFactory):
    """The address of a server that the tour through REST has been through, and what it printed."""
    with Place(tmp_path_factory.mktemp("tour")) as place:
        server = place.serve()
        script = "\n".join(["set -euo pipefail", *blocks("sh tour")]).replace(BASE, server.address or "")
        command = ["bash", "-c", script.replace(".venv/bin/roster", str(EXECUTABLE))]
        env = os.environ | {"ROSTER_DATA_DIR": str(place.data)}
        ran = subprocess.run(command, capture_output=True, text=True, check=False, env=env, cwd=place.folder)
        assert ran.returncode == 0, ran.stdout + ran.stderr
        yield server.address, ran.stdout


def test_the_tour_through_rest_ends_where_it_says(tour):
    _, printed = tour
    statuses = re.findall(r'"status":"(\w+)"', printed)

    assert statuses == ["paused", "idle", "working", "waiting"]
    assert "The agent is terminated." in printed
    assert '"terminated_instances":1' in printed


def test_the_tour_through_graphql_ends_where_it_says(tour):
    address, _ = tour
    sign_in, look, pause = blocks("graphql")

    def run(document: str, headers: dict[str, str], **variables: str):
        body = {"query": document, "variables": variables}
        reply = httpx.post(f"{address}/graphql", json=body, headers=headers).json()
        assert "errors" not in reply, reply
        return reply["data"]

    headers = {"Authorization": f"Bearer {run(sign_in, {})['login']['accessToken']}"}
    project = run(look, headers)["project"]
    assert project["agents"]["totalCount"] == project["metrics"]["totalInstances"] == 5
    paused = next(
        agent
        for agent in run(look.replace("first: 3", "first: 5"), headers)["project"]["agents"]["nodes"]
        if agent["status"] == "PAUSED"
    )
    refused = run(pause, headers, agent=paused["id"])["pauseAgent"]["userErrors"]
    assert [error["code"] for error in refused] == ["INVALID_TRANSITION"]


def test_every_setting_is_in_the_table():
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        assert f"| `ROSTER_{name.upper()}` | {default} | {field.description} |" in README


@pytest.mark.parametrize("link", sorted(set(re.findall(r"\]\(([^)h][^)]*)\)", README))))
def test_links_lead_somewhere(link: str):
    assert (Path(__file__).parent.parent / link).exists()


@pytest.mark.parametrize("target", sorted(set(re.findall(r"`?make ([a-z]+)", README))))
def test_make_has_what_the_readme_tells_one_to_type(target: str):
    makefile = (Path(__file__).parent.parent / "Makefile").read_text()

    assert re.search(rf"^{target}:", makefile, re.MULTILINE)


def test_the_table_of_limits_is_the_one_in_the_code():
    section = README.partition("## Limits")[2].partition("\n\nAnd of what is kept")[0]
    rows = [line for line in section.splitlines() if line.startswith("| `")]

    assert rows == [f"| `{row.name}` | {row.amount} | {row.counts} | `{row.code.value}` |" for row in LIMITS]
