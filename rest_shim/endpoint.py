"""From a verb's signature to an endpoint: what it takes is read from the request, what it returns is rendered."""

import inspect
import re
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from types import UnionType
from typing import Any, NamedTuple, Union, get_args, get_origin, get_type_hints
from uuid import UUID

import msgspec
from starlette.requests import Request
from starlette.responses import Response

from resolvers import auth
from resolvers.context import Context, Guest
from resolvers.domain.drafts import Draft, Query
from resolvers.domain.events import Stretch
from resolvers.domain.ids import known_id
from resolvers.domain.paging import ListDraft, NumberedList, Page
from resolvers.idempotency import REPLAYED, Key
from resolvers.reading import JSON, check_accept, preferred
from rest_shim.conditions import conditional, expected_versions, refuse_idle
from rest_shim.http import ANSWERS, KEPT, answer, answer_page, answer_stretch, read_body, read_query, refuse_words
from rest_shim.stream import EVENTS, Follow, stream

Verb = Callable[..., Awaitable[Any]]


class Endpoint(NamedTuple):
    """A method and a path under /api/v1, answered by a verb."""

    method: str
    path: str
    verb: Verb
    status: int = 200
    location: str | None = None
    # What lets one hear the same as it happens, for clients that ask for text/event-stream.
    follow: Follow | None = None


class Takes(NamedTuple):
    """What a verb takes, read from its signature."""

    signed_in: bool
    ids: tuple[str, ...]
    texts: tuple[str, ...]
    body: tuple[str, type[msgspec.Struct]] | None
    listing: tuple[str, type[Any]] | None
    query: tuple[str, type[msgspec.Struct]] | None
    version: bool
    key: bool


def takes(endpoint: Endpoint) -> Takes:
    """Reads a verb's signature: ids and slugs stand in the path, drafts in the body or in the query."""
    hints = get_type_hints(endpoint.verb)
    first, *names = inspect.signature(endpoint.verb).parameters
    in_path = set(re.findall(r"{(\w+)}", endpoint.path))
    body, listing, query = (
        [(name, get_args(hints[name])[0]) for name in names if get_origin(hints[name]) is kind]
        for kind in (Draft, ListDraft, Query)
    )
    ids = tuple(name for name in names if name in in_path and UUID in (hints[name], *get_args(hints[name])))
    return Takes(
        signed_in=hints[first] is not Guest,
        ids=ids,
        texts=tuple(in_path.difference(ids)),
        body=body[0] if body else None,
        listing=listing[0] if listing else None,
        query=query[0] if query else None,
        version="expected_version" in names,
        key="idempotency_key" in names,
    )


def serve(endpoint: Endpoint) -> Callable[[Request], Awaitable[Response]]:
    """Makes the handler: sign in, read, call the one verb, render."""
    wants = takes(endpoint)
    repeatable = frozenset(_lists(asked[1])) if (asked := wants.listing or wants.query) else frozenset()
    reads = endpoint.method == "GET"
    answers = ANSWERS | {EVENTS, "text/*"} if endpoint.follow else ANSWERS

    async def handler(request: Request) -> Response:
        accept = request.headers.get("accept", "")
        check_accept(accept, answers)
        caller = await _signed_in(request) if wants.signed_in else request.state.guest
        given: dict[str, Any] = {name: known_id(request.path_params[name]) for name in wants.ids}
        given |= {name: request.path_params[name] for name in wants.texts}
        words = read_query(request.query_params, repeatable) if request.scope["query_string"] else {}
        if endpoint.follow and preferred(accept, (JSON, EVENTS)) == EVENTS:
            return await stream(request, endpoint.follow, caller, **given)
        if wants.listing:
            given[wants.listing[0]] = NumberedList(wants.listing[1], words)
        elif wants.query:
            given[wants.query[0]] = Query(wants.query[1], words)
        else:
            refuse_words(words)
        if not reads:
            refuse_idle(request, guarded=wants.version)
        if wants.body:
            given[wants.body[0]] = Draft(wants.body[1], await read_body(request))
        if wants.version:
            given["expected_version"] = expected_versions(request)
        key = _idempotency_key(request) if wants.key else None
        if key:
            given["idempotency_key"] = key
        response = _render(endpoint, request, await endpoint.verb(caller, **given))
        if key and key.replayed:
            response.headers[REPLAYED] = "true"
        return conditional(request, response) if reads else response

    return handler


async def _signed_in(request: Request) -> Context:
    ctx = await auth.identify(request.state.guest, request.headers.get("authorization", ""))
    request.state.user_id = str(ctx.who.id)
    return ctx


def _idempotency_key(request: Request) -> Key | None:
    text = request.headers.get("idempotency-key")
    return None if text is None else Key(text)


def _render(endpoint: Endpoint, request: Request, value: Any) -> Response:
    if isinstance(value, Page):
        return answer_page(value, request)
    if isinstance(value, Stretch):
        return answer_stretch(value, request)
    headers = dict(KEPT) if endpoint.method == "GET" else {}
    if endpoint.status == HTTPStatus.CREATED:
        here = endpoint.location or request.url.path + "/{id}"
        headers["Location"] = here.format(id=getattr(value, "id", None) or value.user_id)
    return answer(value, endpoint.status, headers)


def _lists(kind: type[msgspec.Struct]) -> list[str]:
    return [field.name for field in msgspec.structs.fields(kind) if _holds_list(field.type)]


def _holds_list(kind: Any) -> bool:
    if get_origin(kind) is list:
        return True
    inner = get_args(kind) if get_origin(kind) in {Union, UnionType} or hasattr(kind, "__metadata__") else ()
    return any(_holds_list(part) for part in inner if not isinstance(part, msgspec.Meta))
