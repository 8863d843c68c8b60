"""Fields beside one another run at the same time: they share no connection, and one that fails harms no other."""

from collections.abc import AsyncIterator
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

from gql_app.asgi import make_app
from resolvers.context import Context, Guest
from resolvers.store.engine import Store
from tests.factories import Scene

PAGE = "totalCount nodes { id } pageInfo { endCursor }"


def fields(scene: Scene) -> dict[str, str]:
    """Returns twenty root fields, each of its own kind, and each with an answer for a superuser."""
    agent, project, kind, user = scene.agent.id, scene.project, scene.kind, scene.viewer.id
    found = [
        "viewer { email }",
        f"viewer {{ sessions {{ {PAGE} }} }}",
        f'node(id: "{agent}") {{ id ... on Agent {{ status }} }}',
        f'nodes(ids: ["{user}", "{agent}", "{kind.id}"]) {{ __typename id }}',
        f'user(id: "{user}") {{ email }}',
        f'agent(id: "{agent}") {{ name runsOn {{ primaryModel }} project {{ slug }} }}',
        f'agent(id: "{agent}") {{ events {{ {PAGE} }} metrics {{ totalInstances }} }}',
        f'agentType(id: "{kind.id}") {{ slug instanceCount }}',
        f'agentType(slug: "{kind.slug}") {{ id agents {{ {PAGE} }} }}',
        f'project(id: "{project.id}") {{ slug metrics {{ idleInstances }} }}',
        f'project(slug: "{project.slug}") {{ members {{ totalCount nodes {{ user {{ email }} }} }} }}',
        f'project(slug: "{project.slug}") {{ agents(where: {{status: [IDLE]}}) {{ {PAGE} }} }}',
        "stats { totalUsers totalAgents }",
        f"users {{ {PAGE} }}",
        f"users(first: 2, orderBy: {{field: EMAIL, direction: ASC}}) {{ {PAGE} }}",
        f"sessions(last: 2) {{ {PAGE} }}",
        f"agentTypes {{ {PAGE} }}",
        f"projects {{ {PAGE} }}",
        "projects(first: 1) { nodes { agents { nodes { agentType { slug } } } } }",
        'projects(where: {search: "nothing of that name"}) { totalCount nodes { id } }',
    ]
    return {f"f{number}": field for number, field in enumerate(found)}


@pytest.fixture(params=[25, 2], ids=["25 connections", "2 connections"])
async def narrow(request: pytest.FixtureRequest, database: str, guest: Guest) -> AsyncIterator[httpx.AsyncClient]:
    """A client of an application with so many connections to its database."""
    store = Store(database, request.param)
    app = make_app(msgspec.structs.replace(guest, store=store), explorer=False)
    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://roster.test") as client:
        yield client
    await store.close()


async def ask(http: httpx.AsyncClient, scene: Scene, asked: dict[str, str]) -> dict[str, Any]:
    document = " ".join(f"{alias}: {field}" for alias, field in asked.items())
    body = {"query": f"{{ {document} }}"}
    return (await http.post("/graphql", json=body, headers=scene.root.headers)).json()


async def test_twenty_fields_answer_together_what_each_answers_alone(http, narrow: httpx.AsyncClient, scene: Scene):
    alone = {}
    for alias, field in fields(scene).items():
        reply = await ask(http, scene, {alias: field})
        assert reply["data"][alias] is not None
        alone |= reply["data"]
    assert len(alone) == 20

    together = await ask(narrow, scene, fields(scene))
    assert (together["data"], together.get("errors")) == (alone, None)


async def test_one_that_fails_harms_no_other(http, narrow: httpx.AsyncClient, scene: Scene, monkeypatch):
    async def broken(ctx: Context) -> None:
        async with ctx.store.read() as db:
            await db.execute(text("SELECT 1 / 0"))

    alone = (await ask(http, scene, fields(scene)))["data"]
    monkeypatch.setattr("resolvers.users.stats", broken)

    reply = await ask(narrow, scene, fields(scene))

    [failed] = [alias for alias, field in fields(scene).items() if field.startswith("stats")]
    assert [(error["path"], error["extensions"]["code"]) for error in reply["errors"]] == [([failed], "INTERNAL")]
    assert reply["data"] == alone | {failed: None}


@pytest.mark.parametrize("refused", ["users { totalCount }", "sessions { totalCount }", "stats { totalUsers }"])
async def test_what_only_superusers_see_is_null_beside_what_you_see(refused: str, http, scene: Scene):
    document = f"{{ mine: viewer {{ email }} theirs: {refused} }}"

    reply = (await http.post("/graphql", json={"query": document}, headers=scene.owner.headers)).json()

    assert [(error["path"], error["extensions"]["code"]) for error in reply["errors"]] == [(["theirs"], "FORBIDDEN")]
    assert reply["data"] == {"mine": {"email": scene.owner.email}, "theirs": None}
