"""GraphQL documents and variables that no one should send: refused with a code, and never a bug."""

import json
from typing import Any

import httpx
import pytest

from resolvers.domain.errors import Code
from tests.factories import Scene
from tests.test_bad_http import JSON, error
from tests.test_bad_input import rows, watch


@pytest.fixture
def post(http: httpx.AsyncClient, scene: Scene):
    """Sends a request as it is, and sees that it wrote nothing."""
    watch(http)

    async def send(**body: Any) -> httpx.Response:
        before = await rows(scene.root.store)
        reply = await http.post("/graphql", json=body, headers=scene.root.headers)
        assert await rows(scene.root.store) == before
        return reply

    return send


def codes(reply: httpx.Response) -> set[str]:
    """Returns the codes of all errors, each of which must have one."""
    return {entry["extensions"]["code"] for entry in reply.json()["errors"]}


NAMED = "query a { viewer { id } }"
BAD_REQUESTS: dict[str, dict[str, Any]] = {
    "nothing": {}, "no query": {"variables": {}}, "null": {"query": None}, "number": {"query": 5},
    "list": {"query": []}, "object": {"query": {}}, "empty": {"query": ""}, "misspelt": {"Query": "{ viewer { id } }"},
    **{f"variables {value!r}": {"query": NAMED, "variables": value} for value in ([], "x", 5, True, [{}])},
    **{f"extensions {value!r}": {"query": NAMED, "extensions": value} for value in ([], "x", 5)},
    **{f"operation {value!r}": {"query": NAMED, "operationName": value} for value in ("b", 5, [], {})},
}  # fmt: skip


@pytest.mark.parametrize("body", BAD_REQUESTS.values(), ids=BAD_REQUESTS)
async def test_a_request_without_a_runnable_operation_is_malformed(body: dict[str, Any], post):
    error(await post(**body), "MALFORMED_REQUEST")


async def test_a_batch_is_malformed(http, scene: Scene):
    reply = await http.post("/graphql", json=[{"query": "{ viewer { id } }"}], headers=scene.root.headers)
    error(reply, "MALFORMED_REQUEST")
    assert reply.json()["errors"][0]["extensions"]["limit"] == "batch"


BAD_SYNTAX = {
    "blank": " ", "comment": "# x", "words": "hello", "cut off": "{ viewer { id }", "too many": "{ viewer { id } } }",
    "NUL": "{ viewer { \x00 id } }", "control": "{ \x07 }", "lone quote": '{ node(id: ") { id } }',
    "bad escape": '{ node(id: "\\x") { id } }', "half a pair": '{ node(id: "\\ud800") { id } }',
    "line break in a string": '{ node(id: "a\nb") { id } }', "leading zero": "{ projects(first: 01) { nodes { id } } }",
    "5,000 braces": "{" * 5_000, "5,000 pairs of braces": "{" * 5_000 + "}" * 5_000,
    "5,000 fields deep": "{viewer" + "{a" * 5_000 + "}" * 5_001,
    "5,000 fragments deep": "{" + "...{" * 5_000 + "viewer{id}" + "}" * 5_001,
    "5,000 lists deep": "{nodes(ids:" + "[" * 5_000 + "]" * 5_000 + "){id}}",
    "5,000 objects deep": "{projects(where:" + "{a:" * 5_000 + "1" + "}" * 5_000 + "){nodes{id}}}",
    "5,000 types deep": "query($a:" + "[" * 5_000 + "Int" + "]" * 5_000 + "){viewer{id}}",
    "256 KiB of text": "x" * 200_000,
}  # fmt: skip


@pytest.mark.parametrize("document", BAD_SYNTAX.values(), ids=BAD_SYNTAX)
async def test_what_is_no_graphql_is_malformed(document: str, post):
    reply = await post(query=document)
    assert reply.headers["Content-Type"] == JSON
    assert codes(reply) == {"MALFORMED_REQUEST"}


INVALID = {
    "unknown field": "{ nope }", "a field of 200,000 letters": "{" + "a" * 200_000 + "}", "no selection": "{ viewer }",
    "selection in a leaf": "{ viewer { id { x } } }", "unknown argument": '{ node(id: "x", nope: 1) { id } }',
    "missing argument": "{ node { id } }", "wrong argument": "{ projects(first: [1, 2]) { nodes { id } } }",
    "unknown type": "query($a: Nope) { viewer { id } }", "unused variable": "query($a: Int) { viewer { id } }",
    "unknown variable": "{ projects(first: $n) { nodes { id } } }", "unknown fragment": "{ ...a }",
    "loop of fragments": "{ ...a } fragment a on Query { ...b } fragment b on Query { ...a }",
    "chain of fragments": "{...a0}" + "".join(f"fragment a{n} on Query{{...a{n + 1}}}" for n in range(2_000)),
    "impossible fragment": "{ viewer { ... on Agent { id } } }", "unknown directive": "{ viewer { id @nope } }",
    "5,000 unknown directives": "{ viewer { id " + "@a " * 5_000 + "} }",
    "two of one name": "{ a: viewer { id } a: stats { totalUsers } }",
    "operations of one name": "query a { viewer { id } } query a { viewer { id } }",
    "huge whole number": "{ projects(first: " + "9" * 5_000 + ") { nodes { id } } }",
    "huge number": "{ projects(first: 1e" + "9" * 500 + ") { nodes { id } } }",
    "huge number in a text's place": "{ node(id: " + "9" * 5_000 + ".5) { id } }",
}  # fmt: skip


@pytest.mark.parametrize("document", INVALID.values(), ids=INVALID)
async def test_what_the_schema_does_not_have_is_invalid(document: str, post):
    reply = await post(query=document)
    assert codes(reply) == {"VALIDATION_FAILED"}
    assert len(reply.json()["errors"]) <= 101


@pytest.mark.parametrize(
    "document", ["{ viewer { id }", "{ nope }", "query($n: Int!) { projects(first: $n) { nodes { id } } }"]
)
async def test_what_never_ran_has_no_data(document: str, post):
    body = (await post(query=document)).json()
    assert body["errors"]
    assert "data" not in body


async def test_one_of_two_operations_must_be_named(post):
    document = "query a { viewer { id } } query b { viewer { email } }"
    reply = await post(query=document)
    assert codes(reply) <= {"MALFORMED_REQUEST", "VALIDATION_FAILED"}
    assert not reply.json().get("data")
    assert (await post(query=document, operationName="b")).json()["data"]["viewer"].keys() == {"email"}


WRONG_VARIABLES = {
    "missing": {}, "null": {"ids": None}, "null in a list": {"ids": [None]}, "number": {"ids": 1.5},
    "true": {"ids": [True]}, "object": {"ids": {"a": 1}}, "list of lists": {"ids": [["x"]]},
}  # fmt: skip


@pytest.mark.parametrize("variables", WRONG_VARIABLES.values(), ids=WRONG_VARIABLES)
async def test_variables_of_wrong_types_are_invalid(variables: dict[str, Any], post):
    reply = await post(query="query($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables=variables)
    assert codes(reply) == {"VALIDATION_FAILED"}


@pytest.mark.parametrize("to", ["idle", "Idle", "NOPE", "", 5, True, None, ["IDLE"], {"IDLE": 1}], ids=repr)
async def test_an_enum_is_one_of_its_words(to: Any, post, scene: Scene):
    document = "mutation($input: TransitionAgentInput!) { transitionAgent(input: $input) { userErrors { code } } }"
    reply = await post(query=document, variables={"input": {"id": str(scene.agent.id), "to": to}})
    assert codes(reply) == {"VALIDATION_FAILED"}


ODD_IDS = ["", " ", "x", "\x00", "\u0000a", "\U0001f44d", "x" * 20_000, "0", "{}", "urn:uuid:1", "\u202e"]


@pytest.mark.parametrize("text", ODD_IDS, ids=lambda text: ascii(text)[:16])
@pytest.mark.parametrize("by", ["id", "slug"])
async def test_an_odd_id_or_slug_names_nothing(by: str, text: str, post):
    fields = {"id": ["node", "agent", "agentType", "project", "user"], "slug": ["agentType", "project"]}[by]
    literal = " ".join(f"{field}({by}: {json.dumps(text)}) {{ id }}" for field in fields)
    variable = " ".join(f"{field}({by}: $text) {{ id }}" for field in fields)
    kind = {"id": "ID", "slug": "String"}[by]
    for document, variables in ((f"{{ {literal} }}", {}), (f"query($text: {kind}!) {{ {variable} }}", {"text": text})):
        reply = (await post(query=document, variables=variables)).json()
        assert "errors" not in reply
        assert reply["data"] == dict.fromkeys(fields)


async def test_odd_ids_among_good_ones_are_null(post, scene: Scene):
    ids = [*ODD_IDS[:5], str(scene.agent.id), *ODD_IDS[5:]]
    reply = await post(query="query($ids: [ID!]!) { nodes(ids: $ids) { id } }", variables={"ids": ids})
    assert [node and node["id"] for node in reply.json()["data"]["nodes"]] == [None] * 5 + [str(scene.agent.id)] + [
        None
    ] * 6


HEAVY = {
    "3,000 aliases": "{" + "".join(f"a{n}:viewer{{id}}" for n in range(3_000)) + "}",
    "50,000 times one field": "{viewer{" + "id " * 50_000 + "}}",
    "100 edges deep": '{project(slug:"x"){' + "agents{nodes{project{" * 33 + "id" + "}}}" * 33 + "}}",
    "100 fragments deep": "{" + "...{" * 100 + "viewer{id}" + "}" * 101,
    "5,000 directives": "{viewer{id " + "@include(if:true)" * 5_000 + "}}",
    "10,000 variables": "query(" + "".join(f"$a{n}:Int" for n in range(10_000)) + "){viewer{id}}",
    "5,000 ids": "{nodes(ids:[" + '"x",' * 5_000 + "]){id}}",
    "long alias": "{" + "a" * 200_000 + ":viewer{id}}",
}  # fmt: skip


@pytest.mark.parametrize("document", HEAVY.values(), ids=HEAVY)
async def test_a_heavy_document_is_answered_or_refused(document: str, post):
    reply = await post(query=document)
    assert reply.status_code in {200, 400, 422, 429}
    if "errors" in reply.json():
        assert codes(reply) <= {code.value for code in Code} - {"INTERNAL"}
    else:
        assert reply.json()["data"]


BAD_GETS = {
    "no query": "variables={}", "empty query": "query=", "variables no JSON": "query={viewer{id}}&variables=x",
    "variables a list": "query={viewer{id}}&variables=[]",
    "variables nested": "query={viewer{id}}&variables=" + "[" * 5_000,
    "half a pair": 'query={viewer{id}}&variables={"a":"\\ud800"}',
    "extensions no JSON": "query={viewer{id}}&extensions=x", "unknown operation": "query={viewer{id}}&operationName=b",
}  # fmt: skip


@pytest.mark.parametrize("query", BAD_GETS.values(), ids=BAD_GETS)
async def test_a_bad_get_is_malformed(query: str, http, scene: Scene):
    watch(http)
    reply = await http.get(f"/graphql?{query}", headers=scene.root.headers | {"Accept": JSON})
    error(reply, "MALFORMED_REQUEST")


async def test_a_get_changes_nothing(http, scene: Scene):
    watch(http)
    before = await rows(scene.root.store)
    document = "mutation { logoutAll { message } }"
    reply = await http.get("/graphql", params={"query": document}, headers=scene.root.headers | {"Accept": JSON})
    error(reply, "METHOD_NOT_ALLOWED")
    assert reply.headers["Allow"] == "POST"
    assert await rows(scene.root.store) == before
