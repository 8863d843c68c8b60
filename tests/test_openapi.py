"""The OpenAPI document: committed, valid, with examples that are real and refusals that can be provoked."""

import json
import re
from pathlib import Path
from typing import Any, NamedTuple

import httpx
import jsonschema_rs
import pytest
from jsonschema import Draft202012Validator
from openapi_spec_validator import validate

import rest_shim
from resolvers.domain.agents import UpdateAgent
from resolvers.domain.drafts import Draft, Query
from resolvers.domain.errors import Refusal
from resolvers.domain.events import LogQuery
from resolvers.domain.projects import UpdateProject
from resolvers.domain.users import UpdateUser, UpdateViewer, UserFilter
from rest_shim.examples import SENT
from rest_shim.openapi import PATH, document, text
from rest_shim.routes import ENDPOINTS
from tests.factories import Factory, Person, Scene

DOCUMENT = document()
COMMITTED = Path(rest_shim.__file__).with_name("openapi.json")
OPERATIONS = {
    operation["operationId"]: (method.upper(), path, operation)
    for path, item in DOCUMENT["paths"].items()
    for method, operation in item.items()
}
each_operation = pytest.mark.parametrize("name", OPERATIONS)


def test_the_committed_document_is_the_codes():
    assert COMMITTED.read_text() == text()


def test_the_document_is_valid():
    validate(DOCUMENT)


def test_operations_have_names_of_one_style_and_no_name_twice():
    assert len(OPERATIONS) == len(ENDPOINTS)
    assert [name for name in OPERATIONS if not re.fullmatch("[a-z]+([A-Z][a-z]+)*", name)] == []
    assert {"spawnAgent", "listAgents", "getAgentTypeBySlug", "deleteUserAsAdmin"} <= OPERATIONS.keys()


async def test_anyone_gets_it_and_gets_it_once(http: httpx.AsyncClient):
    reply = await http.get(PATH)

    assert reply.json() == DOCUMENT
    again = await http.get(PATH, headers={"If-None-Match": reply.headers["ETag"]})
    assert (again.status_code, again.content, again.headers["ETag"]) == (304, b"", reply.headers["ETag"])
    assert (await http.post(PATH)).status_code == 405


def resolved(thing: dict[str, Any]) -> dict[str, Any]:
    while "$ref" in thing:
        found: Any = DOCUMENT
        for part in thing["$ref"].removeprefix("#/").split("/"):
            found = found[part]
        thing = found
    return thing


def fields(schema: Any, place: str) -> list[str]:
    """The fields below a schema that nobody describes."""
    named = schema.get("properties", {})
    return [f"{place}.{name}" for name, field in named.items() if not ({"description", "$ref"} & field.keys())]


def test_everything_is_described():
    schemas = DOCUMENT["components"]["schemas"]
    bare = [name for name, schema in schemas.items() if not schema.get("description")]
    bare += [place for name, schema in schemas.items() if not name.endswith("Page") for place in fields(schema, name)]
    bare += [name for name, (_, _, operation) in OPERATIONS.items() if not operation["summary"]]
    assert bare == []


def examples(node: Any, place: str = "") -> list[tuple[str, Any, Any]]:
    """Every example below a node, with the schema beside it."""
    found: list[tuple[str, Any, Any]] = []
    if isinstance(node, list):
        return [each for number, inner in enumerate(node) for each in examples(inner, f"{place}/{number}")]
    if not isinstance(node, dict):
        return found
    if "schema" in node:
        told = {name: example["value"] for name, example in node.get("examples", {}).items()}
        told |= {"": node["example"]} if "example" in node else {}
        return [(f"{place}/{name}", node["schema"], value) for name, value in told.items()]
    return [each for name, inner in node.items() for each in examples(inner, f"{place}/{name}")]


def test_every_example_is_what_its_schema_says():
    found = examples(DOCUMENT)
    assert len(found) > 150
    for place, schema, value in found:
        whole = {"components": DOCUMENT["components"], **schema}
        problems = Draft202012Validator(whole, format_checker=Draft202012Validator.FORMAT_CHECKER).iter_errors(value)
        assert [problem.message for problem in problems] == [], place


def test_every_body_has_an_example_and_every_example_is_accepted():
    bodies = {operation["requestBody"]["content"]["application/json"]["schema"]["$ref"].rpartition("/")[2]
              for _, _, operation in OPERATIONS.values() if "requestBody" in operation}  # fmt: skip
    assert {kind.__name__ for kind in SENT} == bodies
    for kind, raw in SENT.items():
        Draft(kind, raw).parsed()


class Ask(NamedTuple):
    """A request that one part makes wrong."""

    who: Person | None
    headers: dict[str, str]
    body: bytes | None
    query: str = ""


def usual(name: str, who: Person) -> Ask:
    body = OPERATIONS[name][2].get("requestBody")
    sent = json.dumps(body["content"]["application/json"]["example"]).encode() if body else None
    return Ask(who, {"Content-Type": "application/json"} if body else {}, sent)


# How to be refused with a status: by whom, and what is wrong.
WAYS: dict[str, Any] = {
    "400": lambda ask: ask._replace(headers=ask.headers | {"If-None-Match": "no tag"}),
    "401": lambda ask: ask._replace(who=None),
    "406": lambda ask: ask._replace(headers=ask.headers | {"Accept": "text/html"}),
    "412": lambda ask: ask._replace(headers=ask.headers | {"If-Match": '"999"'}),
    "413": lambda ask: ask._replace(body=b" " * 300_000),
    "415": lambda ask: ask._replace(headers={"Content-Type": "text/plain"}),
    "422": lambda ask: ask._replace(query="?nothing=1"),
}
# Others have tests of their own: conflicts, failed logins, bugs, lost databases.
ELSEWHERE = {"409", "429", "500", "503"}
NOBODY = "019cac3e-0000-7000-8000-000000000000"


class Around:
    """What stands in addresses."""

    def __init__(self, scene: Scene, other: Person) -> None:
        project = {"project_id": scene.project.id, "user_id": scene.operator.id}
        self.scene = scene
        self.ids = {
            "projects": {**project, "id": scene.project.id, "slug": scene.project.slug},
            "agents": {**project, "id": scene.agent.id},
            "agent-types": {"id": scene.kind.id, "slug": scene.kind.slug},
            "sessions": {"id": other.who.session_id},
        }
        self.others = {"id": other.id}

    def address(self, path: str) -> str:
        words = path.split("/")
        thing = "agents" if "agents" in words else words[1]
        return "/api/v1" + path.format(**self.ids.get(thing, self.others))


@pytest.fixture
async def around(scene: Scene, make: Factory) -> Around:
    return Around(scene, await make.user())


async def asked(http: httpx.AsyncClient, method: str, address: str, ask: Ask) -> str:
    headers = ask.headers | (ask.who.headers if ask.who else {})
    reply = await http.request(method, address + ask.query, headers=headers, content=ask.body)
    return str(reply.status_code)


@each_operation
async def test_refusals_that_are_documented_can_be_provoked(name: str, http, around: Around):
    method, path, operation = OPERATIONS[name]
    right, address, viewer = usual(name, around.scene.root), around.address(path), around.scene.viewer
    wrongs = {status: (address, spoil(right)) for status, spoil in WAYS.items()}
    # Of a password of yours there is nothing that you may not do, save without the old one.
    wrongs["403"] = (address, right._replace(who=viewer, body=right.body and right.body.replace(b"Correct", b"Wrong")))
    wrongs["404"] = (re.sub("[0-9a-f-]{36}|(?<=slug/).*", NOBODY, address), right._replace(query="?user_id=none"))
    if "{" in path:
        wrongs["404"] = (wrongs["404"][0], right)
    elif right.body:
        wrongs["404"] = (address, right._replace(body=re.sub(rb"\w{8}(-\w{4}){3}-\w{12}", b"none", right.body)))

    documented = {status for status in operation["responses"] if status >= "400"} - ELSEWHERE
    met = {status: await asked(http, method, *wrongs[status]) for status in sorted(documented)}

    assert met == {status: status for status in met}


@each_operation
async def test_who_may_less_meets_no_others(name: str, http, around: Around):
    method, path, operation = OPERATIONS[name]
    scene = around.scene
    for who in (None, scene.stranger, scene.viewer, scene.operator):
        ask = usual(name, scene.root)._replace(who=who)
        assert await asked(http, method, around.address(path), ask) in operation["responses"]


SAYS_NO = {
    "e-mail": (
        UpdateViewer,
        "email",
        ["ada@example.com", " Ada@example.com\n"],
        ["ada", "a\x99@example.com", "ada@exam\x16ple.com", "a@b.cd" + " " * 249],
    ),
    "line": (
        UpdateProject,
        "name",
        ["Ö", " a b ", "\x1ca\x85"],
        ["", " ", "\x1e", "a\x1fb", "a\nb", "a\0", "a" * 256, "a" + " " * 255],
    ),
    "slug": (UpdateProject, "slug", ["a-1"], ["A", "a--b", "-a", "a" * 101]),
    "text": (UpdateProject, "description", ["", "a\nb", None], ["a\0b", "a" * 10_001]),
    "count": (UpdateAgent, "tasks_completed", [0, 2**53 - 1, 180.0], [-1, -1.0, 2**53, 2.0**53, "1", 1.5]),
    "money": (
        UpdateAgent,
        "cost_incurred",
        [0, "0.000001", 1.5, 1e11],
        [-1, "-1", "1.2345678", 10**12, 1e9 + 0.5, True, None],
    ),
    "password": (
        UpdateUser,
        "password",
        ["Brighter-Horse-43"],
        ["Brighter-Horses", "Brighter-Horse-\u0663", "brighter-horse-43", "Bright-43"],
    ),
    "word": (UpdateProject, "status", ["active"], ["ACTIVE", "", None]),
}


@pytest.mark.parametrize(("kind", "field", "good", "bad"), SAYS_NO.values(), ids=SAYS_NO)
def test_a_schema_says_what_is_accepted(kind, field: str, good: list[Any], bad: list[Any]):
    schema = DOCUMENT["components"]["schemas"][kind.__name__]["properties"][field]
    for value in good + bad:
        assert fits(schema, value) == {value in good}, value
        assert is_accepted(Draft(kind, {field: value})) is (value in good), value


ASKS = {
    "cursor": ("listProjectEvents", LogQuery, "after", ["0", "9" * 18], ["", "x", "-1", "9" * 19]),
    "search": (
        "listUsers",
        UserFilter,
        "search",
        ["Ada", " a "],
        ["", " ", "\x1e\x85", "a\0", "a" * 256, "a" + " " * 255],
    ),
}


@pytest.mark.parametrize(("name", "kind", "field", "good", "bad"), ASKS.values(), ids=ASKS)
def test_a_schema_of_a_query_says_what_is_accepted(name: str, kind, field: str, good: list[str], bad: list[str]):
    [schema] = [each["schema"] for each in OPERATIONS[name][2]["parameters"] if each.get("name") == field]
    for value in good + bad:
        assert fits(schema, value) == {value in good}, value
        assert is_accepted(Query(kind, {field: value})) is (value in good), value


def fits(schema: dict[str, Any], value: object) -> set[bool]:
    """What validators with different regular expressions say."""
    whole = {"components": DOCUMENT["components"], **schema}
    return {Draft202012Validator(whole).is_valid(value), jsonschema_rs.Draft202012Validator(whole).is_valid(value)}


def is_accepted(draft: Draft[Any]) -> bool:
    try:
        draft.parsed()
    except Refusal:
        return False
    return True
