"""JSON Schemas of what is sent and answered, made from the records and inputs themselves."""

from collections.abc import Callable, Iterable
from typing import Any, get_args, get_origin

import msgspec

from resolvers.domain.errors import Code
from resolvers.domain.fields import Input
from resolvers.domain.paging import MAX_LIMIT, Page
from resolvers.domain.words import PUBLIC_NAMES, Word
from rest_shim.http import SHOWN, Envelope, Pagination
from rest_shim.problems import Problem

Schema = dict[str, Any]

PLACE = "#/components/schemas/"
# PostgreSQL keeps no NUL, so no text that is sent may hold one.
STORABLE = r"^[^\x00]*$"
OPTIONAL = [field.name for field in msgspec.structs.fields(Problem) if field.default is msgspec.UNSET]


def ref(kind: type) -> Schema:
    """Points at the schema of a record, an input or an enum."""
    return {"$ref": PLACE + PUBLIC_NAMES.get(kind.__name__, kind.__name__)}


def answered(kind: Any) -> Schema:
    """Returns the schema of what a verb returns: a record, or a page of records."""
    return {"$ref": f"{PLACE}{item_of(kind).__name__}Page"} if is_page(kind) else ref(SHOWN.get(kind, kind))


def is_page(kind: Any) -> bool:
    return get_origin(kind) is Page


def item_of(kind: Any) -> type:
    """Returns what a page is a page of."""
    [item] = get_args(kind)
    assert isinstance(item, type)
    return item


def schema_of(kind: Any) -> Schema:
    """Returns the schema of a field's type."""
    [found], _ = msgspec.json.schema_components([kind], ref_template=PLACE + "{name}")
    return _finished(found)


def components(kinds: Iterable[Any]) -> dict[str, Schema]:
    """Returns the named schemas of all that is sent and answered."""
    kinds = list(kinds)
    pages = [item_of(kind) for kind in kinds if is_page(kind)]
    structs = [SHOWN.get(kind, kind) for kind in kinds if not is_page(kind)]
    _, found = msgspec.json.schema_components([*structs, *pages, Pagination, Problem], ref_template=PLACE + "{name}")
    sent = {kind.__name__ for kind in structs if issubclass(kind, Input)}
    named = {PUBLIC_NAMES.get(name, name): _component(name, schema, sent) for name, schema in found.items()}
    return dict(sorted((named | {f"{item.__name__}Page": _page(item) for item in pages}).items()))


def _component(name: str, schema: Schema, sent: set[str]) -> Schema:
    done = _finished(schema)
    done["title"] = PUBLIC_NAMES.get(name, name)
    if "enum" in done:
        return _words(name, done)
    if name in sent:
        return storable(done)
    # What is answered is whole, whatever may be left out where it is made.
    optional = OPTIONAL if name == Problem.__name__ else ()
    done["required"] = [field for field in done["properties"] if field not in optional]
    for field in done["properties"].values():
        field.pop("default", None)
    return done


def _page(item: type) -> Schema:
    data = {"type": "array", "items": ref(item), "maxItems": MAX_LIMIT}
    return {
        "title": f"{item.__name__}Page",
        "description": Envelope.__doc__,
        "type": "object",
        "properties": {"data": data, "pagination": ref(Pagination)},
        "required": list(Envelope.__struct_fields__),
    }


def _words(name: str, schema: Schema) -> Schema:
    kinds: list[Iterable[Code | Word]] = [Code, *Word.__subclasses__()]
    members = list(next(kind for kind in kinds if kind.__name__ == name))  # type: ignore[attr-defined]
    meanings = [f"- `{member.value}`: {member.says}" for member in members]
    return schema | {
        "type": "string",
        "enum": [member.value for member in members],
        "description": "\n".join([schema["description"], "", *meanings]),
    }


def storable(schema: Schema) -> Schema:
    """Returns the schema of what is sent, where no text may hold a NUL."""
    done: Schema = _walked(schema, _without_nul)
    return done


def _without_nul(schema: Schema) -> Schema:
    is_free = schema.get("type") == "string" and not {"pattern", "format", "enum"} & schema.keys()
    return schema | {"pattern": STORABLE} if is_free else schema


def _finished(schema: Schema) -> Schema:
    done: Schema = _walked(schema, _in_public)
    return done


def _in_public(schema: Schema) -> Schema:
    if "$ref" in schema:
        name = schema["$ref"].removeprefix(PLACE)
        return schema | {"$ref": PLACE + PUBLIC_NAMES.get(name, name)}
    done = {key: value for key, value in schema.items() if (key, value) != ("required", [])}
    if done.get("type") == "object" and "properties" not in done:
        done.setdefault("additionalProperties", True)  # left unsaid, some generators take it for empty
    # Where a field says itself which types it takes; msgspec would overrule `type`.
    return done | {"type": done.pop("types")} if "types" in done else done


def _walked(value: Any, change: Callable[[Schema], Schema]) -> Any:
    if isinstance(value, list):
        return [_walked(item, change) for item in value]
    return change({key: _walked(inner, change) for key, inner in value.items()}) if isinstance(value, dict) else value
