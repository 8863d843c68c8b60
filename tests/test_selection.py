"""Of the items of a list only those fields are read that are asked for, and what is answered is the same."""

from typing import Any
from uuid import UUID
from weakref import WeakKeyDictionary

import httpx
import pytest
from graphql import GraphQLObjectType, get_named_type, is_leaf_type

from resolvers.domain.agents import Agent
from resolvers.domain.fields import part, whole
from schema import selection
from schema.build import schema
from tests.factories import Factory, Person, Scene

TIMES = 3  # from the second on, fields are left out and all is compiled
LISTS = {
    "types": ("AgentType", "agentTypes(first: 5) { % }"),
    "projects": ("Project", "projects(first: 5) { % }"),
    "users": ("User", "users(first: 5) { % }"),
    "sessions": ("Session", "sessions(first: 5) { % }"),
    "own-sessions": ("Session", "viewer { sessions(first: 5) { % } }"),
    "agents-of-types": ("Agent", "agentTypes(first: 5) { nodes { agents(first: 5) { % } } }"),
    "agents": ("Agent", "projects(first: 5) { nodes { agents(first: 5) { % } } }"),
    "members": ("Member", "projects(first: 5) { nodes { members(first: 5) { % } } }"),
    "events": ("Event", "projects(first: 5) { nodes { events(first: 5) { % } } }"),
    "events-of-agents": (
        "Event",
        "projects(first: 5) { nodes { agents(first: 5) { nodes { events(first: 5) { % } } } } }",
    ),
}
WAYS = {
    "nodes": ("nodes { % }", ""),
    "edges": ("edges { cursor node { % } }", ""),
    "fragment": ("nodes { ...F }", " fragment F on @ { % }"),
}


@pytest.fixture(autouse=True)
def choices(monkeypatch: pytest.MonkeyPatch) -> Any:
    """No choices that other tests have made."""
    made: Any = WeakKeyDictionary()
    monkeypatch.setattr(selection, "CHOICES", made)
    return made


def selections(kind: str) -> dict[str, str]:
    """Returns how each field of a type is selected."""
    fields: Any = schema._schema.type_map[kind].fields
    inner = {name: get_named_type(field.type) for name, field in fields.items()}
    return {name: name if is_leaf_type(type_) else f"{name}{{__typename}}" for name, type_ in inner.items()}


async def asked(http: httpx.AsyncClient, who: Person, document: str) -> list[Any]:
    """Returns the data of each of several times."""
    replies = [await http.post("/graphql", json={"query": document}, headers=who.headers) for _ in range(TIMES)]
    answers = [reply.json() for reply in replies]
    assert not any("errors" in answer for answer in answers)
    return [answer["data"] for answer in answers]


def items(found: Any, name: str) -> list[Any]:
    """Returns the values of a field anywhere in an answer."""
    inner = found.values() if isinstance(found, dict) else found if isinstance(found, list) else ()
    own = [found[name]] if isinstance(found, dict) and name in found else []
    return own + [value for part in inner for value in items(part, name)]


@pytest.mark.parametrize(
    ("place", "way"), [*((place, "nodes") for place in LISTS), ("agents", "edges"), ("agents", "fragment")]
)
async def test_a_field_alone_is_answered_as_among_all(http, make: Factory, scene: Scene, place: str, way: str):
    kind, around = LISTS[place]
    await make.agent(scene.owner, scene.project, scene.kind)
    fields = selections(kind)

    inner, behind = WAYS[way]
    form = f"{{ {around.replace('%', inner)} }}{behind.replace('@', kind)}"
    everything = form.replace("%", " ".join(f"as_{name}: {selected}" for name, selected in fields.items()))

    [together, *_] = await asked(http, scene.root, everything)

    for name, selected in fields.items():
        expected = items(together, f"as_{name}")
        assert expected
        for answer in await asked(http, scene.root, form.replace("%", f"as_{name}: {selected}")):
            assert items(answer, f"as_{name}") == expected


async def test_only_what_is_asked_for_is_read(http, scene: Scene, statements: list[str]):
    document = f'{{ project(id: "{scene.project.id}") {{ agents {{ nodes {{ name agentType {{ slug }} }} }} }} }}'

    statements.clear()
    answers = await asked(http, scene.root, document)

    lists = [text for text in statements if "agents.name" in text]
    assert [text.count("agents.tokens_used") > 0 for text in lists] == [True, False, False]
    assert all("agents.agent_type_id" in text for text in lists)
    assert answers[1:] == answers[:1] * 2


async def test_only_so_many_choices_make_statements_of_their_own(http, scene: Scene, choices, monkeypatch):
    monkeypatch.setattr(selection, "MOST", 1)
    documents = [
        f'{{ project(id: "{scene.project.id}") {{ agents {{ nodes {{ {name} }} }} }} }}' for name in ("id", "name")
    ]

    for document in documents:
        await asked(http, scene.root, document)

    kinds: dict[GraphQLObjectType, Any] = dict(choices)
    assert [len(made) for kind, made in kinds.items() if kind.name == "Agent"] == [1]


def test_a_part_has_no_other_fields():
    some = part(Agent, ("id", "name"))(UUID(int=1), "Ada")  # type: ignore[call-arg]

    assert whole(type(some)) is Agent
    assert (some.id, some.name) == (UUID(int=1), "Ada")  # type: ignore[attr-defined]
    with pytest.raises(AttributeError, match="status"):
        _ = some.status  # type: ignore[attr-defined]
