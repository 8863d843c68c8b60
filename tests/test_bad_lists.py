"""Parameters of lists that must be refused, and searches that must be taken literally."""

import base64
import json
from typing import Any

import pytest

from tests.doors import Door, RestDoor
from tests.factories import Factory, Scene
from tests.test_bad_input import GRAPHQL, REST, Trial, code_of, watch

SOMEBODY = "01a203d9-f1cc-77a8-8796-a569ca74571e"
MAX = 2**63


@pytest.fixture
def trial(door: Door, scene: Scene, make: Factory) -> Trial:
    watch(door.http)
    return Trial(door, scene, make)


BAD_QUERIES = {
    "page=0": ["page"], "page=-1": ["page"], "page=abc": ["page"], "page=": ["page"], "page": ["page"],
    "page=1000001": ["page"], "page=99999999999999999999": ["page"], f"page={'9' * 5000}": ["page"],
    "page=1.5": ["page"], "page=0x1": ["page"], "page=%2B1": ["page"], "page=true": ["page"],
    "page=NaN": ["page"], "page=%D9%A1": ["page"], "page=1_0": ["page"], "page=%00": ["page"],
    "page=1&page=2": ["page"],
    "limit=0": ["limit"], "limit=-1": ["limit"], "limit=101": ["limit"], "limit=all": ["limit"],
    f"limit={MAX}": ["limit"], "limit=10&limit=20": ["limit"], "page=0&limit=0": ["limit", "page"],
    "nope=1": ["nope"], "Page=1": ["Page"], "page[]=1": ["page[]"], "%00=1": ["\x00"], "=1": [""], "nope": ["nope"],
    "first=1": ["first"], "nope=1&nope=2": ["nope"], "nope=1&other=2&page=0": ["nope", "other", "page"],
    "sort=nope": ["sort"], "sort=--name": ["sort"], "sort=": ["sort"], "sort=-": ["sort"], "sort=%2Bname": ["sort"],
    "sort=NAME": ["sort"], "sort=name,slug": ["sort"], "sort=name;DROP TABLE agents": ["sort"], "sort=id": ["sort"],
    "sort=name&sort=slug": ["sort"], "sort=name%00": ["sort"],
    "status=nope": ["status"], "status=": ["status"], "status=ACTIVE": ["status"], "status=active,archived": ["status"],
    "status=active&status=archived": ["status"], "status=%00": ["status"],
    "search=": ["search"], "search=%20%09": ["search"], f"search={'x' * 256}": ["search"], "search=a%00b": ["search"],
    "search=a&search=b": ["search"],
    "page=x&limit=x&sort=x&status=x&search=&x=x": ["limit", "page", "search", "sort", "status", "x"],
}  # fmt: skip


@REST
@pytest.mark.parametrize(("query", "fields"), BAD_QUERIES.items(), ids=[query[:40] for query in BAD_QUERIES])
async def test_a_bad_query_is_refused_with_one_entry_per_word(query: str, fields: list[str], trial: Trial):
    reply = await trial.door.http.get(f"/api/v1/projects?{query}", headers=trial.scene.owner.headers)
    assert reply.status_code == 422
    assert sorted((error["field"], error["code"]) for error in reply.json()["errors"]) == [
        (field, "VALIDATION_FAILED") for field in fields
    ]


@REST
@pytest.mark.parametrize("query", [
    "status=nope", "status=idle&status=nope", "status=", "status=idle,paused", "status=IDLE", "status=active",
    "&".join(["status=idle"] * 6), "sort=status", "sort=-cost_incurred", "project_id=x", "is_active=true",
])  # fmt: skip
async def test_a_bad_query_for_agents_is_refused(query: str, trial: Trial):
    path = f"/api/v1/projects/{trial.scene.project.id}/agents?{query}"
    reply = await trial.door.http.get(path, headers=trial.scene.viewer.headers)
    assert (reply.status_code, code_of(reply)) == (422, "VALIDATION_FAILED")


@REST
@pytest.mark.parametrize(("query", "found"), [
    ("status=idle&status=paused", 1), ("status=paused&status=working", 0), ("status=idle&status=idle", 1),
    ("page=1000000&limit=100", 0), ("page=1&limit=1&sort=-name&status=idle&search=an", 1), ("search=AN%20AGENT", 1),
])  # fmt: skip
async def test_a_good_query_for_agents_is_not(query: str, found: int, trial: Trial):
    path = f"/api/v1/projects/{trial.scene.project.id}/agents?{query}"
    reply = await trial.door.http.get(path, headers=trial.scene.viewer.headers)
    assert (reply.status_code, len(reply.json()["data"])) == (200, found)


@REST
@pytest.mark.parametrize("word", ["yes", "2", "", "null", "%00", "true&is_active=false"])
async def test_true_and_false_are_words(word: str, trial: Trial):
    reply = await trial.door.http.get(f"/api/v1/agent-types?is_active={word}", headers=trial.scene.viewer.headers)
    assert (reply.status_code, [error["field"] for error in reply.json()["errors"]]) == (422, ["is_active"])


@REST
@pytest.mark.parametrize("path", ["users/me", "agent-types/{0.kind.id}", "sessions/me", "projects/{0.project.id}"])
async def test_what_is_no_list_takes_no_words(path: str, trial: Trial):
    address = f"/api/v1/{path.format(trial.scene)}?page=1&nope"
    reply = await trial.door.http.get(address, headers=trial.scene.owner.headers)
    assert (reply.status_code, [error["field"] for error in reply.json()["errors"]]) == (422, ["page", "nope"])


def cursor(*parts: Any) -> str:
    """Packs a cursor as the server does, with whatever is given."""
    return base64.urlsafe_b64encode(json.dumps(parts).encode()).decode()


NOW = "2026-01-01T00:00:00Z"
BAD_CURSORS = {
    "garbage": "garbage", "empty": "", "blank": " ", "accents": "\u00e9", "NUL": "\\u0000", "long": "x" * 10_000,
    "no JSON": base64.b64encode(b"{").decode(), "no UTF-8": base64.b64encode(b'["created_at","\xff"]').decode(),
    "nested": base64.b64encode(b"[" * 10_000).decode(), "nothing": cursor(), "two parts": cursor("created_at", NOW),
    "four parts": cursor("created_at", NOW, SOMEBODY, 1), "another order": cursor("name", "x", SOMEBODY),
    "another list": cursor("email", "x", SOMEBODY), "no order": cursor(None, NOW, SOMEBODY),
    "no id": cursor("created_at", NOW, "x"), "a number as id": cursor("created_at", NOW, 5),
    "no time": cursor("created_at", "x", SOMEBODY), "a number as time": cursor("created_at", 5, SOMEBODY),
    "null as time": cursor("created_at", None, SOMEBODY), "a list as time": cursor("created_at", [NOW], SOMEBODY),
    "before all time": cursor("created_at", "0001-01-01T00:00:00+14:00", SOMEBODY),
    "after all time": cursor("created_at", "9999-12-31T23:59:59-14:00", SOMEBODY),
}  # fmt: skip


@GRAPHQL
@pytest.mark.parametrize("text", BAD_CURSORS.values(), ids=BAD_CURSORS)
async def test_a_bad_cursor_is_refused(text: str, trial: Trial):
    for word in ("after", "before"):
        reply = await trial.run(f'{{ projects({word}: "{text}") {{ nodes {{ id }} }} }}')
        assert code_of(reply) == "VALIDATION_FAILED"
        assert [error["field"] for error in reply.json()["errors"][0]["extensions"]["errors"]] == [[word]]


@GRAPHQL
@pytest.mark.parametrize("place", [
    str(MAX), str(2**70), "9" * 5_000, "-1", "1.5", "", " 1", "x", "\u0661", "null", cursor("sequence", 1, SOMEBODY),
], ids=lambda text: ascii(text)[:20])  # fmt: skip
@pytest.mark.parametrize("below", ["agent", "project"])
async def test_a_bad_place_in_the_log_is_refused(below: str, place: str, trial: Trial):
    it = getattr(trial.scene, below).id
    for word in ("after", "before"):
        reply = await trial.run(f'{{ {below}(id: "{it}") {{ events({word}: "{place}") {{ nodes {{ id }} }} }} }}')
        assert code_of(reply) == "VALIDATION_FAILED"
        assert [error["field"] for error in reply.json()["errors"][0]["extensions"]["errors"]] == [[word]]


@GRAPHQL
@pytest.mark.parametrize("value", ["\x00", "\ud800", 5, None], ids=ascii)
async def test_a_bad_place_among_names_is_refused(value: Any, trial: Trial):
    order = "orderBy: {field: NAME, direction: ASC}"
    reply = await trial.run(f'{{ projects({order}, after: "{cursor("name", value, SOMEBODY)}") {{ nodes {{ id }} }} }}')
    assert code_of(reply) == "VALIDATION_FAILED"


@GRAPHQL
async def test_a_cursor_of_another_list_or_order_does_no_harm(trial: Trial):
    document = "{ agentTypes(first: 1, orderBy: {field: NAME, direction: ASC}) { edges { cursor node { name } } } }"
    place = (await trial.run(document)).json()["data"]["agentTypes"]["edges"][0]["cursor"]
    by_name = "orderBy: {field: NAME, direction: DESC}"
    others = "", by_name.replace("NAME", "SLUG"), by_name.replace("NAME", "UPDATED_AT")
    for order in others:
        reply = await trial.run(f'{{ projects(after: "{place}" {order}) {{ nodes {{ id }} }} }}')
        assert code_of(reply) == "VALIDATION_FAILED"
    # Of the same field it is a place in any list: whatever is answered, it is yours to see.
    reply = await trial.run(f'{{ projects(after: "{place}", {by_name}) {{ nodes {{ id }} }} }}')
    assert code_of(reply) == "VALIDATION_FAILED" or reply.json()["data"]["projects"]["nodes"] == []


BAD_ARGUMENTS = {
    "first: 0": ["first"], "first: 101": ["first"], "first: -1": ["first"], "last: 0": ["last"], "last: 101": ["last"],
    "first: 101, last: 101": ["first", "last"], "first: 1, last: 1": ["last"],
    'first: 0, after: "x"': ["after", "first"], 'first: 0, where: {search: ""}': ["first", "search"],
    'where: {search: ""}': ["search"], 'where: {search: "  "}': ["search"], 'where: {search: "\\u0000"}': ["search"],
    f'where: {{search: "{"x" * 256}"}}': ["search"],
}  # fmt: skip
MISTYPED = [
    f"first: {2**31}", f"first: {'9' * 5000}", 'first: "1"', "first: 1.5", "first: true", "first: [1, 2]",
    "first: {a: 1}", "after: 5", "where: {status: NOPE}", 'where: {status: "active"}', "where: {nope: 1}", "where: 5",
    "limit: 1", "page: 1",
    "orderBy: {field: NOPE, direction: ASC}", "orderBy: {field: NAME}", 'orderBy: "name"', "first: 1, first: 2",
]  # fmt: skip


@GRAPHQL
@pytest.mark.parametrize(("arguments", "fields"), BAD_ARGUMENTS.items(), ids=[text[:40] for text in BAD_ARGUMENTS])
async def test_bad_arguments_are_refused_with_one_entry_each(arguments: str, fields: list[str], trial: Trial):
    reply = await trial.run(f"{{ projects({arguments}) {{ nodes {{ id }} }} }}")
    assert code_of(reply) == "VALIDATION_FAILED"
    entries = reply.json()["errors"][0]["extensions"]["errors"]
    assert sorted(entry["field"][-1] for entry in entries) == fields


@GRAPHQL
@pytest.mark.parametrize("arguments", MISTYPED, ids=lambda text: text[:40])
async def test_arguments_of_wrong_types_are_refused(arguments: str, trial: Trial):
    reply = await trial.run(f"{{ projects({arguments}) {{ nodes {{ id }} }} }}")
    assert code_of(reply) == "VALIDATION_FAILED"


@GRAPHQL
@pytest.mark.parametrize("value", ["1", True, 1.5, 2**31, -(2**31) - 1, [1, 2], {}], ids=repr)
async def test_variables_of_wrong_types_are_refused(value: Any, trial: Trial):
    reply = await trial.run("query($n: Int) { projects(first: $n) { nodes { id } } }", n=value)
    assert code_of(reply) == "VALIDATION_FAILED"


@GRAPHQL
async def test_null_arguments_are_as_good_as_none(trial: Trial):
    arguments = "first: null, after: null, last: null, before: null, where: {status: null, search: null}, orderBy: null"
    reply = await trial.run(f"{{ projects({arguments}) {{ nodes {{ id }} }} }}")
    assert reply.json()["data"] == {"projects": {"nodes": [{"id": str(trial.scene.project.id)}]}}


NAMES = [
    "100% sure", "under_score", "back\\slash", "'; DROP TABLE agents; --", '"quoted"', "plain", "Stra\u00dfe",
    "(a|b)*.?",
]  # fmt: skip


@pytest.fixture
async def named(trial: Trial) -> Trial:
    """Projects, agents and types with each of the names."""
    scene, make = trial.scene, trial.make
    for name in NAMES:
        await make.project(scene.owner, name=name)
        await make.agent(scene.operator, scene.project, scene.kind, name=name)
        await make.agent_type(scene.root, name=name)
    return trial


@pytest.mark.parametrize(("text", "names"), [
    ("%", ["100% sure"]), ("_", ["under_score"]), ("\\", ["back\\slash"]), ("'", ["'; DROP TABLE agents; --"]),
    ("; DROP TABLE", ["'; DROP TABLE agents; --"]), ("'; drop table agents; --", ["'; DROP TABLE agents; --"]),
    ("%%", []), ("__", []), ("\\\\", []), ("\\%", []), ("*", ["(a|b)*.?"]), (".", ["(a|b)*.?"]), ('"', ['"quoted"']),
    ("  LAIN ", ["plain"]), ("r_s", ["under_score"]), ("r%s", []), ("stra\u00dfe", ["Stra\u00dfe"]), ("x" * 255, []),
], ids=ascii)  # fmt: skip
async def test_a_search_is_taken_literally(text: str, names: list[str], named: Trial):
    for name, more in (("projects", {}), ("agent_types", {}), ("agents", {"project_id": named.scene.project.id})):
        answer = await named.door.ask(name, named.scene.root, **more, search=text)
        found = answer.value["data" if isinstance(named.door, RestDoor) else "nodes"]
        assert [thing["name"] for thing in found] == names, name


@pytest.mark.parametrize(
    "text", ["", "  ", "x" * 256, "x" * 10_000, "\x00", "a\x00b"], ids=lambda text: ascii(text)[:10]
)
async def test_a_bad_search_is_refused(text: str, trial: Trial):
    for name in ("projects", "agent_types", "users"):
        answer = await trial.door.ask(name, trial.scene.root, search=text)
        assert answer.faults == trial.fault("search")
