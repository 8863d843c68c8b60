"""Clients that a stranger generates from the OpenAPI document, in Python and TypeScript, and what they do with them."""

import asyncio
import importlib
import json
import os
import sys
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack
from pathlib import Path
from types import ModuleType
from typing import Any

import pytest

import rest_shim
from rest_shim.openapi import text
from rest_shim.routes import PREFIX
from tests.factories import PASSWORD, Scene
from tests.node_tools import Node

PACKAGE = "roster_client"
BIN = Path(sys.executable).parent


async def generate(folder: Path) -> None:
    """Runs the generator, which takes a warning for a failure."""
    document = folder / "openapi.json"
    document.write_text(text())
    options = ["--path", document, "--output-path", folder / PACKAGE, "--meta", "none", "--fail-on-warning"]
    process = await asyncio.create_subprocess_exec(
        BIN / "openapi-python-client", "generate", *map(str, options),
        cwd=folder, env=os.environ | {"PATH": f"{BIN}:{os.environ['PATH']}"},
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT,
    )  # fmt: skip
    told, _ = await process.communicate()
    assert process.returncode == 0, told.decode()


@pytest.fixture(scope="module")
async def generated(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the client's package."""
    folder = tmp_path_factory.mktemp("client")
    await generate(folder)
    return folder


@pytest.fixture
async def client(generated: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator["Api"]:
    """The generated package, imported."""
    monkeypatch.syspath_prepend(str(generated))
    async with AsyncExitStack() as opened:
        yield Api(importlib.import_module(PACKAGE), opened)
    for name in [name for name in sys.modules if name.partition(".")[0] == PACKAGE]:
        del sys.modules[name]


class Api:
    """Finds things in the generated package, which no checker has seen."""

    def __init__(self, package: ModuleType, opened: AsyncExitStack) -> None:
        self.package: Any = package
        self.opened = opened
        self.models: Any = importlib.import_module(f"{PACKAGE}.models")

    async def call(self, operation: str, client: Any, *path: Any, **given: Any) -> Any:
        """Sends an operation, such as `agents.spawn_agent`; returns what its answer was read as."""
        module: Any = importlib.import_module(f"{PACKAGE}.api.{operation}")
        return await module.asyncio(*path, client=client, **given)

    async def sign_in(self, address: str, email: str) -> Any:
        guest = await self.opened.enter_async_context(self.package.Client(base_url=address + PREFIX))
        body = self.models.Login(email=email, password=PASSWORD)
        pair = await self.call("signing_in.login", guest, body=body)
        me = self.package.AuthenticatedClient(base_url=address + PREFIX, token=pair.access_token)
        return await self.opened.enter_async_context(me)


async def test_a_generated_client_runs_the_workflow(client: Api, address: str, scene: Scene):
    me = await client.sign_in(address, scene.operator.email)
    place, new = scene.project.id, client.models.SpawnAgent(agent_type_id=scene.kind.id, name="Generated")

    spawned = await client.call("agents.spawn_agent", me, place, body=new, idempotency_key="once")
    again = await client.call("agents.spawn_agent", me, place, body=new, idempotency_key="once")
    paused = await client.call("agents.pause_agent", me, place, spawned.id)
    change = client.models.UpdateAgent(current_task="Ticket 9031", tasks_completed=3, cost_incurred="1.25")
    stale = await client.call("agents.update_agent", me, place, spawned.id, body=change, if_match='"1"')
    changed = await client.call("agents.update_agent", me, place, spawned.id, body=change, if_match='"2"')
    resumed = await client.call("agents.resume_agent", me, place, spawned.id)
    ended = await client.call("agents.delete_agent", me, place, spawned.id)

    status, code = client.models.AgentStatus, client.models.ErrorCode
    assert again == spawned
    assert [agent.status for agent in (spawned, paused, changed, resumed)] == [
        status.IDLE, status.PAUSED, status.PAUSED, status.IDLE,
    ]  # fmt: skip
    assert (changed.cost_incurred, changed.version, changed.paused_at) == ("1.250000", 3, paused.paused_at)
    assert stale.errors[0].code is code.VERSION_MISMATCH
    assert ended.message == "The agent is terminated."
    metrics = await client.call("agents.get_project_metrics", me, place)
    assert (metrics.total_instances, metrics.terminated_instances, metrics.total_tasks_completed) == (2, 1, 3)
    page = await client.call("agents.list_agents", me, place, status=[status.TERMINATED], limit=1)
    assert [agent.id for agent in page.data] == [spawned.id]
    assert page.pagination.total == 1
    refused = await client.call("agents.pause_agent", me, place, spawned.id)
    assert [fault.code for fault in refused.errors] == [code.INVALID_TRANSITION]


async def test_a_generated_client_makes_what_it_works_with(client: Api, address: str, scene: Scene):
    me, models = await client.sign_in(address, scene.root.email), client.models
    kind = await client.call(
        "agent_types.create_agent_type", me,
        body=models.CreateAgentType(
            name="Triage", slug="triage", personality_prompt="Sort.", primary_model="m",
            model_params=models.CreateAgentTypeModelParams.from_dict({"temperature": 0.5}),
        ),
    )  # fmt: skip
    body = models.CreateProject(name="Support", slug="support")
    project = await client.call("projects.create_project", me, body=body)
    await client.call(
        "members.add_member", me, project.id,
        body=models.AddMember(user_id=scene.stranger.id, role=models.ProjectRole.VIEWER),
    )  # fmt: skip

    assert kind.model_params.additional_properties == {"temperature": 0.5}
    assert (await client.call("projects.get_project_by_slug", me, "support")) == project
    guest = await client.sign_in(address, scene.stranger.email)
    page = await client.call("members.list_members", guest, project.id, sort=models.ListMembersSort.EMAIL)
    assert {member.role for member in page.data} == {models.ProjectRole.OWNER, models.ProjectRole.VIEWER}
    refused = await client.call("projects.delete_project", guest, project.id)
    assert (refused.status, refused.errors[0].code) == (403, models.ErrorCode.FORBIDDEN)


# By default this generator wants everything sent that has a default.
TYPES = ("openapi-typescript/bin/cli.js", "--default-non-nullable=false", "--output", "api.ts")


async def test_a_typescript_client_made_from_the_document_runs_the_workflow(
    node: Node, address: str, scene: Scene, tmp_path: Path
):
    document = Path(rest_shim.__file__).with_name("openapi.json")
    built = await node.build("rest", tmp_path, *TYPES, document)

    saw = json.loads(await node.call(built / "workflow.js", address + PREFIX, scene.root.email, PASSWORD))

    assert saw == {
        "guest": "401 UNAUTHENTICATED",
        "person": scene.root.email,
        "model_params": {"temperature": 0.5, "stop": ["."]},
        "once": [True, None, "true"],
        "names": ["Agent 0", "Agent 1", "Agent 2", "Agent 3"],
        "known": 304,
        "path": ["paused 2", "paused 3"],
        "twice": "422 INVALID_TRANSITION",
        "stale": "412 VERSION_MISMATCH",
        "changed": ["Ticket 9031", "1.250000", ["resume", "terminate"]],
    }
