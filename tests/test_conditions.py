"""Conditional requests: what is known already is not sent again, and what has changed meanwhile is not overwritten."""

import asyncio
from collections import Counter

import httpx
import pytest

from resolvers import members
from resolvers.domain.drafts import Draft
from resolvers.domain.projects import UpdateMember
from tests.factories import Factory, Person, Scene

API = "/api/v1"
THINGS = [
    "users/me", "users/{0.viewer.id}", "projects/{0.project.id}", "projects/slug/{0.project.slug}",
    "agent-types/{0.kind.id}", "agent-types/slug/{0.kind.slug}", "projects/{0.project.id}/agents/{0.agent.id}",
]  # fmt: skip


async def get(http: httpx.AsyncClient, who: Person, path: str, method: str = "GET", **headers: str) -> httpx.Response:
    named = {name.replace("_", "-"): value for name, value in headers.items()}
    return await http.request(method, f"{API}/{path}", headers=who.headers | named)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
@pytest.mark.parametrize("path", THINGS)
async def test_what_is_known_already_is_not_sent_again(path: str, method: str, http, scene: Scene):
    first = await get(http, scene.viewer, path.format(scene))
    again = await get(http, scene.viewer, path.format(scene), method, If_None_Match=first.headers["ETag"])
    assert (again.status_code, again.content) == (304, b"")
    for name in ("ETag", "Cache-Control", "Vary"):
        assert again.headers[name] == first.headers[name]
    assert not {"content-type", "content-length"} & again.headers.keys()


@pytest.mark.parametrize(("given", "status"), [
    ("{tag}", 304), ("W/{tag}", 304), ('"other", {tag}', 304), ('"other" ,, W/{tag},', 304), ("*", 304),
    ('"other"', 200), ('W/"other", "1"', 200), ('"{{}}, {tag}"', 400), ("{bare}", 400), ("", 400), ("*, {tag}", 400),
    ("{tag} {tag}", 400), ("w/{tag}", 400), ('"a b"', 400), ('"1",' * 101, 400),
])  # fmt: skip
async def test_if_none_match_compares_weakly_with_each_of_a_list(given: str, status: int, http, scene: Scene):
    tag = (await get(http, scene.viewer, "users/me")).headers["ETag"]
    told = given.format(tag=tag, bare=tag.strip('"'))
    assert (await get(http, scene.viewer, "users/me", If_None_Match=told)).status_code == status


async def test_a_tag_changes_with_what_is_shown_and_not_with_the_version_alone(http, make: Factory, scene: Scene):
    kind, project = f"agent-types/{scene.kind.id}", f"projects/{scene.project.id}"
    before = [await get(http, scene.viewer, path) for path in (kind, project)]
    await make.agent(scene.operator, scene.project, scene.kind)
    role = Draft(UpdateMember, {"role": "operator"})
    await members.update_one(scene.owner, scene.project.id, scene.viewer.id, role)
    for path, old in zip((kind, project), before, strict=True):
        new = await get(http, scene.viewer, path, If_None_Match=old.headers["ETag"])
        assert new.status_code == 200
        assert new.json()["version"] == old.json()["version"]
        assert new.headers["ETag"] != old.headers["ETag"]


async def test_one_address_has_another_tag_for_another_user(http, scene: Scene):
    for path in ("users/me", f"projects/{scene.project.id}"):
        tag = (await get(http, scene.viewer, path)).headers["ETag"]
        assert (await get(http, scene.owner, path, If_None_Match=tag)).status_code == 200


async def test_who_may_not_see_a_thing_learns_nothing_by_its_tag(http, scene: Scene):
    path = f"projects/{scene.project.id}"
    tag = (await get(http, scene.viewer, path)).headers["ETag"]
    for known in (tag, "*"):
        assert (await get(http, scene.stranger, path, If_None_Match=known)).status_code == 404
        assert (await http.get(f"{API}/{path}", headers={"If-None-Match": known})).status_code == 401


async def rename(http: httpx.AsyncClient, scene: Scene, tag: str) -> httpx.Response:
    path, headers = f"{API}/agent-types/{scene.kind.id}", scene.root.headers | {"If-Match": tag}
    return await http.patch(path, json={"name": f"Matched by {tag}"}, headers=headers)


@pytest.mark.parametrize(("given", "status"), [
    ('"2"', 200), ("{tag}", 200), ('"1", "2"', 200), ('"7" , {tag}', 200), ("*", 200), ('"2-0123456789abcdef"', 200),
    ('"1"', 412), ("{old}", 412), ('"1", "3"', 412), ('W/"2"', 412), ("W/{tag}", 412), ('"other"', 412), ('"-2"', 412),
    ('"2.0"', 412), ('"02-x"', 412), ('"99999999999"', 412), ('""', 412), ("2", 400), ('"2', 400), ("W/nonsense", 400),
    ("", 400), ('"1" "2"', 400), ('*, "2"', 400),
])  # fmt: skip
async def test_if_match_lets_a_change_through_for_the_versions_that_it_names(
    given: str, status: int, http, make: Factory, scene: Scene
):
    old = (await get(http, scene.root, f"agent-types/{scene.kind.id}")).headers["ETag"]
    tag = (await rename(http, scene, old)).headers["ETag"]
    await make.agent(scene.operator, scene.project, scene.kind)  # changes what is shown, and no version
    reply = await rename(http, scene, given.format(tag=tag, old=old))
    code = {200: None, 400: "MALFORMED_REQUEST", 412: "VERSION_MISMATCH"}[status]
    assert (reply.status_code, reply.json().get("errors", [{"code": None}])[0]["code"]) == (status, code)
    assert (await get(http, scene.root, f"agent-types/{scene.kind.id}")).json()["version"] == (
        3 if status == 200 else 2
    )


async def test_a_step_is_guarded_by_a_list_too(http, scene: Scene):
    path = f"{API}/projects/{scene.project.id}/agents/{scene.agent.id}/pause"
    for tags, status in (('"2", "3"', 412), ('"other"', 412), ('"1", "2"', 200)):
        reply = await http.post(path, headers=scene.operator.headers | {"If-Match": tags})
        assert reply.status_code == status


async def test_a_read_may_be_guarded(http, scene: Scene):
    agent = f"projects/{scene.project.id}/agents/{scene.agent.id}"
    metrics = f"{agent}/metrics"  # which have no version
    for path, tag, status in ((agent, '"1"', 200), (agent, '"2"', 412), (metrics, '"1"', 400), (metrics, "*", 200)):
        assert (await get(http, scene.viewer, path, If_Match=tag)).status_code == status


@pytest.mark.parametrize(("method", "path", "headers"), [
    ("POST", "projects", {"If-Match": '"1"'}), ("DELETE", "users/{0.stranger.id}", {"If-Match": '"1"'}),
    ("PATCH", "projects/{0.project.id}", {"If-None-Match": "*"}), ("POST", "projects", {"If-None-Match": '"1"'}),
])  # fmt: skip
async def test_a_condition_that_would_not_be_heeded_is_refused(method: str, path: str, headers, http, scene: Scene):
    reply = await http.request(
        method, f"{API}/{path.format(scene)}", json={"name": "x"}, headers=scene.root.headers | headers
    )
    assert (reply.status_code, reply.json()["errors"][0]["code"]) == (400, "MALFORMED_REQUEST")
    assert next(iter(headers)) in reply.json()["detail"]


@pytest.mark.parametrize("path", THINGS[2:5:2])
async def test_of_twenty_patches_with_one_tag_one_wins(path: str, http, scene: Scene):
    address = f"{API}/{path.format(scene)}"
    tag = (await http.get(address, headers=scene.root.headers)).headers["ETag"]
    headers = scene.root.headers | {"If-Match": tag}
    tries = [http.patch(address, json={"name": f"Name {number}"}, headers=headers) for number in range(20)]
    replies = await asyncio.gather(*tries)
    assert Counter(reply.status_code for reply in replies) == {200: 1, 412: 19}
    [won] = [reply for reply in replies if reply.status_code == 200]
    now = await http.get(address, headers=scene.root.headers)
    assert (now.json()["name"], now.json()["version"]) == (won.json()["name"], 2)
