"""What is selected of a list: whether to count it, and which fields of its items to read."""

from collections.abc import Iterable, Iterator
from typing import Any, NamedTuple
from weakref import WeakKeyDictionary

from graphql import (
    FieldNode,
    FragmentSpreadNode,
    GraphQLObjectType,
    GraphQLResolveInfo,
    InlineFragmentNode,
    SelectionSetNode,
    get_named_type,
)

from resolvers.domain.fields import Fields
from schema.executor.reads import Attribute, Edge, read_of

KEPT = "_wanted"
MOST = 64  # choices of fields, for each type of item; each makes a statement of its own, and clients make up many


class Wanted(NamedTuple):
    """What a list is to bring along: its length, and of its items these fields; None for all."""

    total: bool
    fields: Fields | None


CHOICES: WeakKeyDictionary[GraphQLObjectType, set[Fields]] = WeakKeyDictionary()


def wanted_of(info: GraphQLResolveInfo[Any]) -> Wanted:
    """Returns what is wanted of the connection that a field answers; its fields once the document comes again."""
    places: dict[Any, Wanted | None] = vars(info.field_nodes[0]).setdefault(KEPT, {})
    place = tuple(map(id, info.field_nodes))
    known, again = places.get(place), place in places
    if known is None:
        below = list(_selected(info.field_nodes, info))
        known = Wanted(bool(_named("totalCount", below)), _fields(below, info) if again else None)
        places[place] = known if again else None
    return known


def _fields(below: list[FieldNode], info: GraphQLResolveInfo[Any]) -> Fields | None:
    connection: Any = get_named_type(info.return_type)
    edges = list(_selected(_named("edges", below), info))
    items = [*_named("nodes", below), *_named("node", edges)]
    names = {field.name.value for field in _selected(items, info)}
    return _choice(get_named_type(connection.fields["nodes"].type), names)


def _named(name: str, fields: Iterable[FieldNode]) -> list[FieldNode]:
    return [field for field in fields if field.name.value == name]


def _selected(fields: Iterable[FieldNode], info: GraphQLResolveInfo[Any]) -> Iterator[FieldNode]:
    """Gives all that may be selected of several fields, whatever is skipped, and each fragment once."""
    waiting: list[SelectionSetNode | None] = [field.selection_set for field in fields]
    spread = set()
    while waiting:
        inner = waiting.pop()
        for part in inner.selections if inner else ():
            if isinstance(part, FieldNode):
                yield part
            elif isinstance(part, InlineFragmentNode):
                waiting.append(part.selection_set)
            elif isinstance(part, FragmentSpreadNode) and part.name.value not in spread:
                spread.add(part.name.value)
                waiting.append(info.fragments[part.name.value].selection_set)


def _choice(item: Any, names: Iterable[str]) -> Fields | None:
    fields: set[str] = set()
    for name in names:
        attributes = _attributes(item, name)
        if attributes is None:
            return None
        fields.update(attributes)
    choices, choice = CHOICES.setdefault(item, set()), Fields(fields)
    if choice not in choices and len(choices) >= MOST:
        return None
    choices.add(choice)
    return choice


def _attributes(item: GraphQLObjectType, name: str) -> tuple[str, ...] | None:
    """Returns which attributes of an item a field is made of; None where only its resolver knows."""
    if name not in item.fields:
        return ()  # __typename
    match read_of(item.fields[name], name):
        case Attribute(attribute):
            return (attribute,)
        case Edge(attributes=attributes):
            return attributes
    return None
