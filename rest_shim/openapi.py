"""OpenAPI 3.1, made from what parses and renders: the routes, the verbs' signatures, records, inputs and refusals."""

import hashlib
import inspect
import re
from functools import cache
from http import HTTPStatus
from itertools import groupby
from typing import Any, get_type_hints

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from resolvers.domain.errors import REFUSALS, Code
from resolvers.domain.events import Stretch
from resolvers.domain.fields import Slug
from resolvers.domain.paging import Numbered, default_sort
from resolvers.domain.sessions import Message
from resolvers.idempotency import REPLAYED
from resolvers.reading import JSON, check_accept
from rest_shim import examples
from rest_shim.endpoint import Endpoint, Takes, Verb, takes
from rest_shim.headers import ALWAYS, HEADERS, PARAMETERS, READ, SOME, WITH_STATUS, header_refs, parameter_ref
from rest_shim.http import ANSWERS
from rest_shim.names import camel, operation_id, tag, tags
from rest_shim.problems import PROBLEM, Problem, problem
from rest_shim.refusals import is_conditional, refusals
from rest_shim.routes import ENDPOINTS, PREFIX
from rest_shim.schemas import Schema, answered, components, is_page, item_of, ref, schema_of, storable
from rest_shim.stream import EVENTS, block_of

PATH = f"{PREFIX}/openapi.json"
INFO = {
    "title": "Roster",
    "version": "1.0.0",
    "summary": "The control plane for fleets of AI agents",
    "description": """Agent types, projects, agents, and what they do and cost.

Sign in with `login` and send the access token as `Authorization: Bearer …`. Lists take `page` and `limit`, and link to
their neighbours. Single things carry their version as `ETag`; send it back as `If-Match`, and a change that comes too
late is refused. A request with an `Idempotency-Key` can be sent again. Every refusal has the same body, with codes for
programs and sentences for people.""",
}
BEARER = {
    "type": "http",
    "scheme": "bearer",
    "bearerFormat": "JWT",
    "description": "The access token that `login` answers.",
}
NOT_MODIFIED = {
    "description": "You have it already.",
    "headers": header_refs(ALWAYS | READ | {"ETag": "ETag"}),
}

LIVE = {
    EVENTS: {
        "schema": {"type": "string", "description": "Each event with its cursor as `id`, its kind and itself as JSON."},
        "example": block_of(examples.EVENT).decode(),
    }
}


@cache
def document() -> Schema:
    """Makes the OpenAPI document of all of /api/v1."""
    by_path = groupby(ENDPOINTS, key=lambda endpoint: endpoint.path)
    sent = [wants.body[1] for wants in map(takes, ENDPOINTS) if wants.body]
    return {
        "openapi": "3.1.1",
        "info": INFO,
        "servers": [{"url": PREFIX}],
        "tags": tags(),
        "paths": {path: {each.method.lower(): _operation(each) for each in same} for path, same in by_path},
        "components": {
            "schemas": components([*(_returns(endpoint.verb) for endpoint in ENDPOINTS), *sent]),
            "responses": _refusals(),
            "parameters": PARAMETERS,
            "headers": HEADERS,
            "securitySchemes": {"bearer": BEARER},
        },
    }


def text() -> str:
    """Returns the document as it is committed."""
    return msgspec.json.format(_packed()[0], indent=2).decode() + "\n"


@cache
def _packed() -> tuple[bytes, dict[str, str]]:
    body = msgspec.json.encode(document())
    return body, {"ETag": f'"{hashlib.sha256(body).hexdigest()[:32]}"', "Cache-Control": "no-cache"}


async def serve(request: Request) -> Response:
    """Answers the document, to anyone."""
    check_accept(request.headers.get("accept", ""), ANSWERS)
    body, headers = _packed()
    if headers["ETag"] in request.headers.get("if-none-match", ""):
        return Response(status_code=304, headers=headers)
    return Response(body, headers=headers, media_type=JSON)


def _operation(endpoint: Endpoint) -> Schema:
    wants, says = takes(endpoint), inspect.getdoc(endpoint.verb) or ""
    made: Schema = {
        "operationId": operation_id(endpoint),
        "tags": [tag(endpoint)],
        "summary": says.partition(";")[0].rstrip("."),
        "description": says,
        "security": [{"bearer": []}] if wants.signed_in else [],
        "parameters": _parameters(endpoint, wants),
    }
    if wants.body:
        content = {"schema": ref(wants.body[1]), "example": examples.SENT[wants.body[1]]}
        made["requestBody"] = {"required": True, "content": {JSON: content}}
    known = {"304": {"$ref": "#/components/responses/NotModified"}} if is_conditional(endpoint) else {}
    made["responses"] = {str(endpoint.status): _success(endpoint, wants), **known} | {
        str(status): {"$ref": f"#/components/responses/{_name(codes)}"} for status, codes in refusals(endpoint).items()
    }
    return made


def _parameters(endpoint: Endpoint, wants: Takes) -> list[Schema]:
    found = [_in_path(endpoint, name, wants) for name in re.findall(r"{(\w+)}", endpoint.path)]
    if wants.listing:
        kinds: tuple[Any, ...] = (Numbered, wants.listing[1])
        found += [_in_query(field) for kind in kinds for field in msgspec.structs.fields(kind)]
        found.append(_sort(kinds[1].sorts))
    if wants.query:
        found += [_in_query(field) for field in msgspec.structs.fields(wants.query[1])]
    names = {
        "LastEventId": endpoint.follow is not None,
        "IfMatch": wants.version or is_conditional(endpoint),
        "IfNoneMatch": is_conditional(endpoint),
        "IdempotencyKey": wants.key,
        "RequestId": True,
    }
    return found + [parameter_ref(name) for name, wanted in names.items() if wanted]


def _in_path(endpoint: Endpoint, name: str, wants: Takes) -> Schema:
    schema = {"type": "string", "format": "uuid"} if name in wants.ids else schema_of(Slug)
    example = examples.in_path(endpoint.path, name)
    return {"name": name, "in": "path", "required": True, "schema": schema, "example": example}


def _in_query(field: msgspec.structs.FieldInfo) -> Schema:
    schema = storable(schema_of(field.type))
    if isinstance(field.default, int):
        schema["default"] = field.default
    return {"name": field.name, "in": "query", "description": schema.pop("description"), "schema": schema}


def _sort(sorts: dict[str, Any]) -> Schema:
    words = {sign + name: name.upper() + end for name in sorts for sign, end in (("", ""), ("-", "_DESC"))}
    about = "What to sort by; with a minus the greatest comes first."
    schema = {"type": "string", "enum": [*words], "default": default_sort(sorts), "x-enum-varnames": [*words.values()]}
    return {"name": "sort", "in": "query", "description": about, "schema": schema}


def _success(endpoint: Endpoint, wants: Takes) -> Schema:
    kind = _returns(endpoint.verb)
    example = examples.answer_of(endpoint.verb, kind, item_of(kind) if is_page(kind) else None)
    told = {
        "Link": is_page(kind),
        "ETag": "version" in getattr(kind, "__struct_fields__", ()),
        "Location": endpoint.status == HTTPStatus.CREATED,
        REPLAYED: wants.key,
    }
    named = ALWAYS | {name: SOME[name] for name, holds in told.items() if holds}
    named |= {"Link": "Next"} if kind is Stretch else {}
    named |= {"X-Accel-Buffering": "AccelBuffering"} if endpoint.follow else {}
    named |= READ if endpoint.method == "GET" else {}
    return {
        "description": _about(kind, example),
        "headers": header_refs(named),
        "content": {JSON: {"schema": answered(kind), "example": example}} | (LIVE if endpoint.follow else {}),
    }


def _about(kind: Any, example: Any) -> str:
    if kind is Message:
        return str(example["message"])
    return f"A page of a list. Each item: {item_of(kind).__doc__}" if is_page(kind) else str(kind.__doc__)


def _returns(verb: Verb) -> Any:
    return get_type_hints(verb)["return"]


def _name(codes: list[Code]) -> str:
    return "Or".join(camel(f"_{code.value.lower()}") for code in codes)


def _refusals() -> dict[str, Schema]:
    every = (codes for endpoint in ENDPOINTS for codes in refusals(endpoint).values())
    return {"NotModified": NOT_MODIFIED} | dict(sorted((_name(codes), _refusal(codes)) for codes in every))


def _refusal(codes: list[Code]) -> Schema:
    told = {code: problem(examples.refusal_of(code), f"{PREFIX}/projects") for code in codes}
    bodies = {code.value: {"value": msgspec.to_builtins(body)} for code, body in told.items()}
    content = {"schema": ref(Problem), "examples": bodies}
    return {
        "description": " ".join(f"`{code.value}`: {code.says}" for code in codes),
        "headers": header_refs(ALWAYS | WITH_STATUS.get(REFUSALS[codes[0]].status, {})),
        "content": {JSON: content, PROBLEM: content},
    }
