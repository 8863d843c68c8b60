"""Over Roster's own schema and a database, compiled execution answers what graphql-core answers."""

import json
from typing import Any

import pytest
from graphql import DocumentNode, Executor, GraphQLArgument, GraphQLField, GraphQLObjectType, Undefined, execute
from graphql.utilities.coerce_input_value import coerce_input_value
from hypothesis import given
from hypothesis import strategies as st
from hypothesis_graphql import nodes, queries
from starlette.datastructures import MutableHeaders
from strawberry.execution import optimized_is_awaitable
from strawberry.schema.schema import StrawberryGraphQLCoreExecutionContext
from strawberry.schema.schema_converter import GraphQLCoreConverter
from strawberry.types.arguments import convert_arguments

from resolvers.domain.lifecycle import Status
from schema.build import schema, sdl
from schema.context import OPEN, Asking
from schema.executor.of_strawberry import StrawberryExecutor, arguments_of
from tests.documents import filled_in, literal, values
from tests.factories import Factory, Person, Scene
from tests.selections import Asked, asked
from tests.side_by_side import held_side_by_side, some


def arguments(_name: str, arg: GraphQLArgument) -> st.SearchStrategy[tuple[str, Any]]:
    return values(arg.type).map(lambda value: (literal(value), value))


LISTS = """{ projects(first: 5) { nodes { metrics { totalInstances } agents(first: 5) { totalCount edges { cursor node {
  agentType { slug agents(first: 2) { totalCount } } runsOn { revision } project { slug }
  events(first: 2) { nodes { kind } } } } } } } }"""
who = st.sampled_from(["root", "owner", "viewer", "stranger", None])
words = {"BigInt": st.integers().map(nodes.Int), "Decimal": st.just("1.5").map(nodes.String)}


@pytest.fixture
async def fleet(make: Factory, scene: Scene) -> Scene:
    """The scene with more agents, of two types and in two projects."""
    other = await make.agent_type(scene.root)
    mine = await make.project(scene.owner)
    for kind, status in ((other, Status.PAUSED), (scene.kind, Status.WORKING)):
        await make.agent(scene.owner, mine, kind, status)
        await make.agent(scene.owner, scene.project, kind, status)
    return scene


def known(scene: Scene, sent: Asked) -> Asked:
    """Returns an operation with the ids of things that there are."""
    names = {
        "@agent": str(scene.agent.id), "@project": str(scene.project.id), "@kind": str(scene.kind.id),
        "@user": str(scene.viewer.id), "@slug": scene.project.slug, "@email": scene.viewer.email,
    }  # fmt: skip
    return Asked(*json.loads(filled_in(list(sent), names)))


async def held(scene: Scene, who: str | None, sent: Asked) -> str:
    person = getattr(scene, who or "", None)
    headers = person.headers if isinstance(person, Person) else {}

    def run(executor: type[Executor], document: DocumentNode, variables: dict[str, Any], _told: list[Any]) -> Any:
        token = headers.get("Authorization", "")
        asking = Asking(scene.root, token, lambda _: None, MutableHeaders(), OPEN)
        return execute(
            schema._schema, document, None, asking, variables, executor_class=executor,
            is_awaitable=optimized_is_awaitable, operation_extensions=None,
        )  # fmt: skip

    return await held_side_by_side(run, known(scene, sent), StrawberryGraphQLCoreExecutionContext, StrawberryExecutor)


@some(0.1)
@given(who=who, sent=asked(schema._schema, arguments))
async def test_queries_are_answered_alike(fleet: Scene, who: str | None, sent: Asked):
    await held(fleet, who, sent)


@some(0.1)
@given(who=who, document=queries(sdl(), custom_scalars=words))
async def test_what_others_would_ask_is_answered_alike(fleet: Scene, who: str | None, document: str):
    await held(fleet, who, Asked(document, {}))


async def test_compiled_it_sends_no_more_statements(http, fleet: Scene, statements: list[str]):
    sent, answers = [], []
    for _ in range(3):
        statements.clear()
        reply = (await http.post("/graphql", json={"query": LISTS}, headers=fleet.owner.headers)).json()
        sent.append(len(statements))
        answers.append(reply["data"])

    assert sent[1:] == sent[:1] * 2
    assert answers[1:] == answers[:1] * 2
    assert all(project["agents"]["edges"] for project in answers[0]["projects"]["nodes"])


def taking() -> list[GraphQLField]:
    """Returns the fields of the schema that take arguments."""
    kinds = [kind for kind in schema._schema.type_map.values() if isinstance(kind, GraphQLObjectType)]
    return [
        field
        for kind in kinds
        for field in kind.fields.values()
        if field.args and GraphQLCoreConverter.DEFINITION_BACKREF in field.extensions
    ]


@some(0.2)
@given(data=st.data())
def test_arguments_reach_resolvers_as_strawberry_converts_them(data: st.DataObject):
    field = data.draw(st.sampled_from(taking()))
    declared = field.extensions[GraphQLCoreConverter.DEFINITION_BACKREF]
    given = {name: data.draw(values(arg.type)) for name, arg in field.args.items() if data.draw(st.booleans())}
    coerced = {name: coerce_input_value(value, field.args[name].type) for name, value in given.items()}
    raw = {name: value for name, value in coerced.items() if value is not Undefined}
    scalars, config = schema.schema_converter.scalar_registry, schema.config

    expected = convert_arguments(dict(raw), declared.arguments, scalars, config)

    assert arguments_of(schema, declared)(raw, None) == expected
