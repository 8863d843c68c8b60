"""Limits of GraphQL documents: each just below and just above, and however a document is written."""

from typing import Any

import httpx
import pytest
from graphql import OperationDefinitionNode, parse
from starlette.datastructures import MutableHeaders

from resolvers.context import Guest
from resolvers.domain.limits import LIMITS
from schema.build import schema
from schema.context import Asking, Profile
from schema.limits import Asked, weigh
from tests.factories import Scene


@pytest.fixture
def ask(http: httpx.AsyncClient, scene: Scene):
    """Asks as a superuser; returns the body of the answer."""

    async def post(document: str, **variables: Any) -> dict[str, Any]:
        body = {"query": document, "variables": variables}
        return (await http.post("/graphql", json=body, headers=scene.root.headers)).json()

    return post


def exceeded(body: dict[str, Any]) -> list[tuple[str, str]]:
    """Returns the code and the limit of each error."""
    return [(error["extensions"]["code"], error["extensions"].get("limit")) for error in body.get("errors", ())]


def weighed(document: str, **variables: Any) -> Asked:
    """Returns what a document's first operation asks for."""
    parsed = parse(document)
    operation = next(part for part in parsed.definitions if isinstance(part, OperationDefinitionNode))
    return weigh(schema._schema, parsed, operation, variables)


def deep(levels: int) -> str:
    """Writes a document of so many levels."""
    way = ['project(slug:"a")', *["agents(first:1)", "nodes", "project"] * levels][: levels - 1]
    leaf = "totalCount" if way[-1].startswith("agents") else "id"
    return "{" + "{".join([*way, leaf]) + "}" * levels


def costly(cost: int) -> str:
    """Writes a document of a cost from 5,000 on."""
    more = "viewer{id} " * (cost - 5_000)
    return "{projects(first:100){nodes{agents(first:49){nodes{id}}}} " + more + "}"


def login(times: int) -> str:
    """Writes a document that tries so many passwords."""
    given = '(input:{email:"a@example.com",password:"x"})'
    return "mutation{" + "".join(f"a{n}:login{given}{{userErrors{{code}}}}" for n in range(times)) + "}"


WRITTEN = {
    "tokens": (1_000, lambda n: "{viewer{" + " ".join(("id email isActive version " * n).split()[: n - 5]) + "}}"),
    "depth": (10, deep),
    "aliases": (15, lambda n: "{viewer{" + "".join(f"a{x}:id " for x in range(n)) + "}}"),
    "schemaAliases": (1, lambda n: "{__schema{types{" + "".join(f"a{x}:fields{{name}} " for x in range(n)) + "}}}"),
    "directives": (50, lambda n: "{viewer{" + "id @include(if:true) " * n + "}}"),
    "rootFields": (20, lambda n: "{" + "viewer{id} " * n + "}"),
    "signIns": (1, login),
    "cost": (5_000, costly),
    "page": (100, lambda n: f"{{projects(first:{n}){{nodes{{id}}}}}}"),
}


@pytest.mark.parametrize("name", WRITTEN)
async def test_a_limit_is_where_it_is_said_to_be(name: str, ask):
    limit, write = WRITTEN[name]

    below, above = await ask(write(limit)), await ask(write(limit + 1))

    assert exceeded(below) == [], below
    assert exceeded(above) == [("VALIDATION_FAILED", name)]
    assert f"{limit:,}" in above["errors"][0]["message"]
    assert not above.get("data")


def test_every_limit_has_a_name_and_a_sentence_of_its_own():
    assert len({limit.name for limit in LIMITS}) == len({limit.says for limit in LIMITS}) == len(LIMITS)


@pytest.mark.parametrize("field", ["login", "register", "refreshToken", "changePassword"])
async def test_two_attempts_of_any_kind_are_refused(field: str, ask):
    given = {
        "login": '{email:"a@example.com",password:"x"}',
        "register": '{email:"a@example.com",password:"x",firstName:"A"}',
        "refreshToken": '{refreshToken:"x"}',
        "changePassword": '{currentPassword:"x",newPassword:"y"}',
    }

    attempt = f"{field}(input:{given[field]}){{userErrors{{code}}}}"
    body = await ask(f"mutation{{...a {login(1)[9:-1]}}} fragment a on Mutation{{b:{attempt}}}")

    assert exceeded(body) == [("VALIDATION_FAILED", "signIns")]


@pytest.mark.parametrize("faults", [1, 5, 6, 200])
async def test_at_most_five_errors_are_told(faults: int, ask):
    body = await ask("{viewer{" + "".join(f"no{n} " for n in range(faults)) + "}}")

    assert len(body["errors"]) == min(faults, 5)


async def test_at_most_five_errors_of_variables_are_told(ask):
    body = await ask("query($ids:[ID!]!){nodes(ids:$ids){id}}", ids=[None] * 30)

    assert len(body["errors"]) == 5


async def test_all_errors_of_what_ran_are_told(ask):
    body = await ask("{" + "".join(f"a{n}:project{{id}} " for n in range(8)) + "}")

    assert len(body["errors"]) == 8


async def test_several_limits_are_told_at_once(ask):
    body = await ask("{" + deep(11)[1:-1] + "viewer{id}" * 20 + "}")

    assert [limit for _, limit in exceeded(body)] == ["depth", "rootFields"]


COSTS = {
    "{viewer{id}}": 1,
    "{viewer{id __typename} __typename}": 1,
    "{projects{totalCount}}": 20,
    "{projects(first:7){nodes{id}}}": 7,
    "{projects(last:7){edges{cursor node{id}} pageInfo{endCursor}}}": 7,
    "{projects(first:null){nodes{id}}}": 20,
    "{projects(first:7){nodes{metrics{totalInstances} agents(last:3){nodes{id}}}}}": 7 * (1 + 1 + 3),
    "{projects(first:7){edges{node{agents{edges{node{agentType{slug}}}}}}}}": 7 * (1 + 20 * 2),
    '{nodes(ids:["a","b","c"]){...on Project{agents(first:10){nodes{id}}}}}': 3 * (1 + 10),
    "{projects(first:7){nodes{events(first:3){nodes{actor{id}}}}}}": 7 * (1 + 3 * 2),
    '{nodes(ids:"a"){id}}': 1,
    '{node(id:"a"){...on Project{id agents(first:2){totalCount}} ...on Agent{events(first:3){totalCount}}}}': 1 + 2 + 3,
    'mutation{pauseAgent(input:{id:"a"}){agent{events(first:5){nodes{actor{id}}}} userErrors{code}}}': 1 + 1 + 10 + 1,
    "{__schema{types{fields{type{name}}}}}": 0,
    "{projects(first:-5){nodes{id}}}": 0,
}


@pytest.mark.parametrize("document", COSTS)
def test_a_cost_counts_what_may_be_answered(document: str):
    assert weighed(document).cost == COSTS[document]


@pytest.mark.parametrize(
    ("declared", "given", "cost"),
    [
        ("$n:Int", {"n": 50}, 50),
        ("$n:Int", {"n": 50.0}, 50),
        ("$n:Int", {}, 20),
        ("$n:Int", {"n": None}, 20),
        ("$n:Int=30", {}, 30),
        ("$n:Int=30", {"n": 40}, 40),
    ],
)
def test_a_cost_heeds_variables(declared: str, given: dict[str, Any], cost: int):
    assert weighed(f"query({declared}){{projects(first:$n){{nodes{{id}}}}}}", **given).cost == cost


def test_a_cost_heeds_how_many_ids_a_variable_lists():
    assert weighed("query($ids:[ID!]!){nodes(ids:$ids){id}}", ids=["a"] * 30).cost == 30


async def test_a_cost_is_answered(ask):
    assert (await ask("{projects(first:3){nodes{id}}}"))["extensions"] == {"cost": {"requested": 3, "limit": 5_000}}
    assert (await ask(costly(5_002)))["extensions"] == {"cost": {"requested": 5_002, "limit": 5_000}}


PLAIN = "{projects(first:3){nodes{a:id @skip(if:false) agents{nodes{id b:name}}}} viewer{id}}"
REWRITTEN = {
    "inline": (
        "{...{projects(first:3){...{nodes{...on Project{a:id @skip(if:false)"
        " agents{nodes{id b:name}}}}}} viewer{id}}}"
    ),
    "named": (
        "{...r viewer{id}} fragment r on Query{projects(first:3){nodes{...p}}}"
        " fragment p on Project{a:id @skip(if:false) agents{...c}} fragment c on AgentConnection{nodes{id b:name}}"
    ),
    "mixed": (
        "{...on Query{...r}} fragment r on Query{projects(first:3){nodes{...p ...on Project{agents{nodes{id ...b}}}}}"
        " viewer{...v}} fragment p on Project{a:id @skip(if:false)} fragment b on Agent{b:name}"
        " fragment v on Viewer{id}"
    ),
}  # fmt: skip


@pytest.mark.parametrize("document", REWRITTEN.values(), ids=REWRITTEN)
def test_fragments_count_as_though_they_were_written_out(document: str):
    assert weighed(document) == weighed(PLAIN)


def test_a_fragment_counts_each_time_it_is_spread():
    spread = "fragment p on Project{id @skip(if:false) agents(first:2){totalCount}}"
    once, twice = (weighed("{projects(first:3){nodes{" + "...p " * n + "}}}" + spread).weight for n in (1, 2))

    assert (once.cost, twice.cost, once.directives, twice.directives) == (3 * 3, 3 * 5, 1, 2)


async def test_a_bomb_of_fragments_is_counted_and_not_lit(ask):
    bomb = "{...f0}" + "".join(f"fragment f{n} on Query{{...f{n + 1} ...f{n + 1}}}" for n in range(60))

    body = await ask(bomb + "fragment f60 on Query{viewer{id @skip(if:true)}}")

    assert [limit for _, limit in exceeded(body)] == ["directives", "rootFields", "cost"]
    assert body["extensions"]["cost"]["requested"] == 2**53 - 1


@pytest.mark.parametrize(
    "document",
    [
        "{...a} fragment a on Query{...a}",
        "{...a} fragment a on Query{viewer{id} ...b} fragment b on Query{...{...a}}",
        "{projects{nodes{...a}}} fragment a on Project{agents{nodes{project{...a}}}}",
        "{...gone}",
        "{nope{nope{nope}}} fragment x on Nope{nope}",
        "{...{" * 150 + "viewer{id}" + "}" * 300,
        "{...on Nope{" * 2 + "viewer{id}" + "}" * 4,
        "{a" * 330 + "}" * 330,
    ],
    ids=["itself", "another", "below", "gone", "unknown", "inline", "unknown types", "330 deep"],
)
async def test_a_document_that_makes_no_sense_is_invalid(document: str, ask):
    assert {code for code, _ in exceeded(await ask(document))} <= {"VALIDATION_FAILED", "MALFORMED_REQUEST"}


async def test_the_same_alias_twice_is_one(ask):
    document = "{" + "viewer{" + "".join(f"a{n}:id " for n in range(15)) * 2 + "}}"

    assert exceeded(await ask(document)) == []


async def test_aliases_count_across_parents_that_are_merged(ask):
    halves = ("".join(f"{letter}{n}:id " for n in range(8)) for letter in "ab")

    body = await ask("{" + "".join(f"viewer{{{half}}}" for half in halves) + "}")

    assert exceeded(body) == [("VALIDATION_FAILED", "aliases")]
    assert "Viewer.id" in body["errors"][0]["message"]


async def test_introspection_can_not_be_multiplied(ask):
    roots = "{" + "".join(f"a{n}:__schema{{queryType{{name}}}} " for n in range(2)) + "}"
    named = "{" + "".join(f'a{n}:__type(name:"User"){{name}} ' for n in range(15)) + "}"

    assert exceeded(await ask(roots)) == [("VALIDATION_FAILED", "schemaAliases")]
    assert exceeded(await ask(named)) == []


async def test_only_the_operation_that_runs_is_weighed(http, scene: Scene):
    query = "query a{viewer{id}} query b{" + "viewer{id}" * 21 + "}"
    replies = [
        await http.post("/graphql", json={"query": query, "operationName": name}, headers=scene.root.headers)
        for name in "ab"
    ]

    assert [exceeded(reply.json()) for reply in replies] == [[], [("VALIDATION_FAILED", "rootFields")]]


async def test_limits_hold_on_streams_too(guest: Guest):
    asking = Asking(guest, "", lambda _: None, MutableHeaders(), Profile())

    results = [result async for result in await schema.stream(deep(11), context_value=asking)]

    assert [error.extensions for result in results for error in result.errors or ()] == [
        {"code": "VALIDATION_FAILED", "limit": "depth"}
    ]
