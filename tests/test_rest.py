"""What REST has of its own: envelopes, links, headers, and the routes that GraphQL needs none of."""

import pytest

from resolvers.domain.agents import Agent
from resolvers.domain.lifecycle import Status
from tests.factories import Factory, Scene

API = "/api/v1"


async def test_a_list_says_where_it_stands(http, make: Factory, scene: Scene):
    for number in range(4):
        await make.agent(scene.operator, scene.project, scene.kind, name=f"Agent {number}")
    path = f"{API}/projects/{scene.project.id}/agents"

    reply = await http.get(f"{path}?page=2&limit=2&sort=name", headers=scene.viewer.headers)

    assert [agent["name"] for agent in reply.json()["data"]] == ["Agent 2", "Agent 3"]
    assert reply.json()["pagination"] == {
        "total": 5, "page": 2, "page_size": 2, "total_pages": 3, "has_next": True, "has_prev": True,
    }  # fmt: skip
    assert reply.headers["Link"].split(", ") == [
        f'<{path}?limit=2&sort=name&page=1>; rel="first"',
        f'<{path}?limit=2&sort=name&page=1>; rel="prev"',
        f'<{path}?limit=2&sort=name&page=3>; rel="next"',
        f'<{path}?limit=2&sort=name&page=3>; rel="last"',
    ]


async def test_a_page_past_the_end_is_empty_and_still_counts(http, scene: Scene):
    reply = await http.get(f"{API}/projects/{scene.project.id}/agents?page=9", headers=scene.viewer.headers)

    assert reply.json() == {
        "data": [],
        "pagination": {"total": 1, "page": 9, "page_size": 0, "total_pages": 1, "has_next": False, "has_prev": True},
    }


async def test_an_empty_list_is_one_page_of_nothing(http, make: Factory):
    person = await make.user()

    reply = await http.get(f"{API}/projects", headers=person.headers)

    assert reply.json()["pagination"] == {
        "total": 0, "page": 1, "page_size": 0, "total_pages": 0, "has_next": False, "has_prev": False,
    }  # fmt: skip


@pytest.mark.parametrize(
    ("query", "names"),
    [
        ("status=idle", {"idle"}),
        ("status=idle&status=paused", {"idle", "paused"}),
        ("search=PAUS", {"paused"}),
        ("search=%25", set()),
        ("search=_dle", set()),
        ("sort=-name&limit=1", {"working"}),
        ("agent_type_id={other}", set()),
        ("agent_type_id={kind}&status=working", {"working"}),
    ],
)
async def test_filters_narrow_a_list(query: str, names: set[str], http, make: Factory, scene: Scene):
    project = await make.project(scene.owner)
    other = await make.agent_type(scene.root)
    for status in ("idle", "paused", "working"):
        await make.agent(scene.owner, project, scene.kind, Status(status), name=status)

    asked = query.format(kind=scene.kind.id, other=other.id)
    reply = await http.get(f"{API}/projects/{project.id}/agents?{asked}", headers=scene.owner.headers)

    assert {agent["name"] for agent in reply.json()["data"]} == names
    assert reply.json()["pagination"]["total"] >= len(names)


async def test_what_was_made_says_where_it_is(http, make: Factory, scene: Scene):
    body = {"agent_type_id": str(scene.kind.id), "name": "One", "project_id": str(scene.project.id)}
    spawned = await http.post(f"{API}/projects/{scene.project.id}/agents", json=body, headers=scene.operator.headers)

    found = await http.get(spawned.headers["Location"], headers=scene.viewer.headers)

    assert found.json() == spawned.json()
    assert found.headers["ETag"] == spawned.headers["ETag"]


async def test_a_project_in_the_body_must_be_the_one_of_the_address(http, make: Factory, scene: Scene):
    other = await make.project(scene.owner)
    body = {"agent_type_id": str(scene.kind.id), "name": "One", "project_id": str(other.id)}
    path = f"{API}/projects/{scene.project.id}/agents"

    refused = await http.post(path, json=body, headers=scene.operator.headers)
    assert (refused.status_code, refused.json()["errors"][0]["field"]) == (422, "project_id")
    assert (await http.post(path, json=body, headers=scene.viewer.headers)).status_code == 403
    assert (await http.post(path, json=body, headers=scene.stranger.headers)).status_code == 404


async def test_an_agent_is_not_found_in_another_project(http, make: Factory, scene: Scene):
    other = await make.project(scene.owner)
    path = f"{API}/projects/{other.id}/agents/{scene.agent.id}"

    replies = [
        await http.get(path, headers=scene.owner.headers),
        await http.get(f"{path}/metrics", headers=scene.owner.headers),
        await http.get(f"{path}/events", headers=scene.owner.headers),
        await http.post(f"{path}/pause", headers=scene.owner.headers),
        await http.patch(path, json={"name": "Mine"}, headers=scene.owner.headers),
        await http.patch(path, json={"name": ""}, headers=scene.owner.headers),
        await http.delete(path, headers=scene.owner.headers),
    ]

    assert [reply.status_code for reply in replies] == [404] * 7


async def test_users_look_after_themselves_at_their_own_address(http, scene: Scene):
    mine = f"{API}/users/{scene.owner.id}"
    headers = scene.owner.headers

    assert (await http.get(mine, headers=headers)).json()["email"] == scene.owner.email
    assert (await http.patch(mine, json={"last_name": "Hopper"}, headers=headers)).json()["last_name"] == "Hopper"
    assert (await http.patch(mine, json={"is_superuser": True}, headers=headers)).status_code == 403
    assert (await http.delete(mine, headers=headers)).status_code == 403
    assert (await http.get(f"{API}/users/{scene.viewer.id}", headers=headers)).status_code == 403
    assert (await http.get(f"{API}/users/{scene.project.id}", headers=headers)).status_code == 403
    assert (await http.get(f"{API}/users/{scene.project.id}", headers=scene.root.headers)).status_code == 404
    assert (await http.get(f"{API}/admin/users/{scene.owner.id}", headers=headers)).status_code == 403


async def test_administrators_switch_one_user_on_and_off(http, make: Factory, scene: Scene):
    path = f"{API}/admin/users/{scene.stranger.id}"

    assert (await http.post(f"{path}/deactivate", headers=scene.root.headers)).json()["is_active"] is False
    assert (await http.post(f"{path}/activate", headers=scene.root.headers)).json()["is_active"] is True
    assert (await http.post(f"{path}/activate", headers=scene.owner.headers)).status_code == 403
    assert (await http.get(path, headers=scene.root.headers)).json()["id"] == str(scene.stranger.id)


async def test_a_bulk_deletion_counts_what_it_deleted(http, make: Factory, scene: Scene):
    body = {"action": "delete", "user_ids": [str(scene.stranger.id), str(scene.kind.id)]}

    reply = await http.post(f"{API}/admin/users/bulk-action", json=body, headers=scene.root.headers)

    assert reply.json() == {"affected_count": 1}


async def test_health_and_readiness(http):
    assert (await http.get("/health")).json() == {"status": "alive"}
    assert (await http.get("/ready")).json() == {"status": "ready"}
    assert (await http.get("/")).headers["Location"] == "/graphql"


async def test_the_shape_of_every_record_is_its_declaration(http, scene: Scene):
    path = f"{API}/projects/{scene.project.id}/agents/{scene.agent.id}"
    shown = (await http.get(path, headers=scene.viewer.headers)).json()

    assert tuple(shown) == Agent.__struct_fields__
    assert shown["cost_incurred"] == "0.000000"
    assert shown["created_at"].endswith("Z")
