"""The schema reads well: what a frontend developer meets in the docs pane."""

import re
from collections.abc import Iterator
from typing import NamedTuple

import pytest
from graphql import GraphQLArgument, GraphQLInputField, get_named_type, is_input_object_type

from schema.build import schema

TYPES = {name: kind for name, kind in schema._schema.type_map.items() if not name.startswith("__")}
MUTATIONS = TYPES["Mutation"].fields
VERBS = {
    "activate", "add", "archive", "change", "clean", "create", "deactivate", "delete", "login", "logout", "pause",
    "refresh", "register", "remove", "resume", "revoke", "spawn", "terminate", "transition", "update",
}  # fmt: skip

# A boolean says too little where a third case may come, or where a mutation of its own would say more.
LASTING = "a lasting property of the thing, not a way of doing something"
FILTER = "both values are of use, and leaving it out is the third"
BOOLEANS = {
    "AgentTypeFilterInput.isActive": FILTER,
    "UserFilterInput.isActive": FILTER,
    "UserFilterInput.isSuperuser": FILTER,
    "CreateAgentTypeInput.isActive": LASTING,
    "UpdateAgentTypeInput.isActive": LASTING,
    "CreateUserInput.isActive": LASTING,
    "CreateUserInput.isSuperuser": LASTING,
    "UpdateUserInput.isActive": LASTING,
    "UpdateUserInput.isSuperuser": LASTING,
}


class Element(NamedTuple):
    """Something with a name and a description."""

    name: str
    description: str | None
    taken: GraphQLArgument | GraphQLInputField | None = None


def elements() -> Iterator[Element]:
    """Yields every type, field, argument, input field and enum value, and every directive."""
    for name, kind in TYPES.items():
        yield Element(name, kind.description)
        for word, value in getattr(kind, "values", {}).items():
            yield Element(f"{name}.{word}", value.description)
        for word, field in getattr(kind, "fields", {}).items():
            yield Element(f"{name}.{word}", field.description, field if is_input_object_type(kind) else None)
            for argument, taken in getattr(field, "args", {}).items():
                yield Element(f"{name}.{word}({argument}:)", taken.description, taken)
    for directive in schema._schema.directives:
        yield Element(f"@{directive.name}", directive.description)
        for argument, taken in directive.args.items():
            yield Element(f"@{directive.name}({argument}:)", taken.description, taken)


OURS = [element for element in elements() if not element.name.startswith("@")]


def test_everything_is_described_in_sentences():
    poor = {element.name: element.description for element in elements() if not reads(element.description)}
    assert poor == {}


def reads(text: str | None) -> bool:
    """Tells whether a text begins and ends as a sentence does, and has more than a word."""
    return bool(text and re.fullmatch(r"[A-Z0-9`].*[^\s.][.!?]", text, re.DOTALL) and " " in text)


@pytest.mark.parametrize("text", [None, "", "No end", "no beginning.", "Word.", "Two dots..", "A space ."])
def test_what_is_no_sentence_is_found(text: str | None):
    assert not reads(text)


def test_no_description_repeats_the_name():
    def words(text: str) -> set[str]:
        return set(re.sub("([A-Z])", r" \1", text).lower().replace("_", " ").strip(".").split())

    echoes = [e.name for e in OURS if words(e.description or "") <= words(e.name.split(".")[-1]) | {"the", "a", "an"}]
    assert echoes == []


def test_mutations_begin_with_a_verb():
    assert [name for name in MUTATIONS if re.split("[A-Z]", name)[0] not in VERBS] == []


@pytest.mark.parametrize("name", MUTATIONS)
def test_mutations_take_one_input_and_answer_one_payload(name: str):
    field, kind = MUTATIONS[name], name[0].upper() + name[1:]
    taken = {argument: str(given.type) for argument, given in field.args.items()}
    assert taken in ({"input": f"{kind}Input!"}, {})
    assert str(field.type) == f"{kind}Payload!"
    assert str(TYPES[f"{kind}Payload"].fields["userErrors"].type) == "[UserError!]!"


def test_there_are_no_boolean_traps():
    found = [element.name for element in OURS if element.taken and get_named_type(element.taken.type).name == "Boolean"]
    assert sorted(found) == sorted(BOOLEANS)


def test_what_may_be_left_out_shows_no_null_as_its_default():
    assert [element.name for element in OURS if element.taken and element.taken.default_value is None] == []
