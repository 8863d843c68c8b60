"""The programs in docs/, run as they stand, so that they can't rot."""

import re
import subprocess
from pathlib import Path

from tests.factories import PASSWORD, Factory, Scene
from tests.node_tools import Node
from tests.processes import Place

DOCS = Path(__file__).parent.parent / "docs"


def program(page: str, language: str) -> str:
    """Returns the code of a page in one language."""
    return "\n".join(re.findall(rf"^```{language}\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE))


async def test_the_guide_for_frontends_does_what_it_says(
    node: Node, address: str, scene: Scene, make: Factory, tmp_path: Path
):
    (tmp_path / "node_modules").symlink_to(node.modules)
    (tmp_path / "guide.mjs").write_text(program("graphql.md", "js"))
    for name in ("Beta", "Alpha", "Gamma", "Delta"):
        await make.agent(scene.operator, scene.project, scene.kind, name=name)
    words = (address, scene.operator.email, PASSWORD, scene.project.id)
    said = await node.call("guide.mjs", *words, cwd=tmp_path)
    assert said.splitlines() == [
        "5 agents", "first: PAUSED", "second: VERSION_MISMATCH", *["AGENT_SPAWNED"] * 5, "AGENT_PAUSED",
    ]  # fmt: skip


def test_the_guide_for_scripts_does_what_it_says(tmp_path: Path):
    with Place(tmp_path) as place:
        address = place.serve().address
        assert place.run("demo", "--password", "Demo-Fleet-2026").code == 0
        script = "set -euo pipefail\n" + program("rest.md", "sh").replace("http://127.0.0.1:8000", address or "")
        ran = subprocess.run(["bash", "-c", script], capture_output=True, text=True, check=False, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    *said, refused = ran.stdout.splitlines()
    assert said == [
        "ada@example.com", "2", "2", "1", "spawned once", "304", "First come: 200", "Too late: 412",
        "VERSION_MISMATCH", "agent.spawned", "heard agent.paused", "heard agent.resumed",
    ]  # fmt: skip
    assert refused.startswith("name: ")
