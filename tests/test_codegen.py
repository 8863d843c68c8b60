"""A frontend's way in: types made from the committed schema, and a TypeScript client that is compiled from them."""

import json
from pathlib import Path

from tests.factories import PASSWORD, Factory, Scene
from tests.node_tools import FOLDER, Node


async def test_a_typescript_client_made_from_the_schema_runs_the_workflow(
    node: Node, address: str, scene: Scene, make: Factory, tmp_path: Path
):
    for number in range(4):
        await make.agent(scene.operator, scene.project, scene.kind, name=f"Agent {number}")
    generator = ("@graphql-codegen/cli/esm/bin.js", "--config", FOLDER / "codegen.mjs")
    built = await node.build("graphql", tmp_path, *generator)

    who = (scene.operator.email, PASSWORD, scene.project.id, scene.kind.id)
    saw = json.loads(await node.call(built / "workflow.js", f"{address}/graphql", *who))

    assert saw == {
        "guest": "UNAUTHENTICATED",
        "person": scene.operator.email,
        "before": [f"{name} of {scene.kind.name}" for name in ("Agent 0", "Agent 1", "Agent 2", "Agent 3", "An agent")],
        "path": ["IDLE 1", "PAUSED 2", "IDLE 3", "TERMINATED 4"],
        "allowed": ["RESUME", "TERMINATE"],
        "stale": "VERSION_MISMATCH",
        "again": "INVALID_TRANSITION",
        "metrics": {
            "totalInstances": 6, "activeInstances": 0, "idleInstances": 5, "pausedInstances": 0,
            "terminatedInstances": 1, "totalCostIncurred": "0.000000",
        },
    }  # fmt: skip
