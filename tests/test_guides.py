"""The programs in docs/, run as they stand, so that they can't rot."""

import re
from pathlib import Path

from tests.factories import PASSWORD, Factory, Scene
from tests.node_tools import Node

DOCS = Path(__file__).parent.parent / "docs"


def program(page: str) -> str:
    """Returns the JavaScript of a page."""
    return "\n".join(re.findall(r"^```js\n(.*?)^```", (DOCS / page).read_text(), re.DOTALL | re.MULTILINE))


async def test_the_guide_for_frontends_does_what_it_says(
    node: Node, address: str, scene: Scene, make: Factory, tmp_path: Path
):
    (tmp_path / "node_modules").symlink_to(node.modules)
    (tmp_path / "guide.mjs").write_text(program("graphql.md"))
    for name in ("Beta", "Alpha", "Gamma", "Delta"):
        await make.agent(scene.operator, scene.project, scene.kind, name=name)
    words = (address, scene.operator.email, PASSWORD, scene.project.id)
    said = await node.call("guide.mjs", *words, cwd=tmp_path)
    assert said.splitlines() == [
        "5 agents", "first: PAUSED", "second: VERSION_MISMATCH", *["AGENT_SPAWNED"] * 5, "AGENT_PAUSED",
    ]  # fmt: skip
