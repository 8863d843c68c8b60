"""Reading requests and writing answers."""

from collections.abc import Collection, Mapping
from typing import Annotated, Any
from urllib.parse import urlencode

import msgspec
from starlette.datastructures import QueryParams
from starlette.requests import Request
from starlette.responses import Response

from resolvers.domain.drafts import UNKNOWN
from resolvers.domain.errors import Code, Fault, Refusal
from resolvers.domain.events import Event, Stretch
from resolvers.domain.fields import Count, says
from resolvers.domain.paging import Page
from resolvers.reading import check_content, read_all, read_json
from rest_shim.conditions import tag

ANSWERS = frozenset({"*/*", "application/*", "application/json", "application/problem+json"})
# What is told to one user, a browser may keep for that user, and asks each time whether it still holds.
KEPT = {"Cache-Control": "private, no-cache", "Vary": "Authorization"}
encode = msgspec.json.Encoder().encode


class Pagination(msgspec.Struct, frozen=True):
    """Where a page stands in its list."""

    total: Annotated[Count, says("How many items the whole list has.")]
    page: Annotated[Count, says("The number of this page, from 1.")]
    page_size: Annotated[Count, says("How many items this page has.")]
    total_pages: Annotated[Count, says("How many pages there are.")]
    has_next: Annotated[bool, says("Whether a page follows.")]
    has_prev: Annotated[bool, says("Whether a page comes before.")]


class Onward(msgspec.Struct, frozen=True):
    """Where a part of the log ends, and the cursor after which to go on, now or later."""

    page_size: Annotated[Count, says("How many events this part has.")]
    has_next: Annotated[bool, says("Whether more follow now.")]
    after: Annotated[str, says("The cursor to go on after, now or later.")]


class Log(msgspec.Struct, frozen=True):
    """A part of a project's log."""

    data: Annotated[list[Event], says("The events, in the order in which they happened.")]
    pagination: Annotated[Onward, says("Where this part ends.")]


# What is shown as another record than the verb returns.
SHOWN: dict[type, type] = {Stretch: Log}


class Envelope(msgspec.Struct, frozen=True):
    """A page of a list."""

    data: list[Any]
    pagination: Pagination


async def read_body(request: Request) -> dict[str, object]:
    """Reads a JSON object, or raises what is wrong with it."""
    check_content(request.headers.get("content-type", ""))
    return read_json(await read_all(request.receive))


def read_query(query: QueryParams, lists: frozenset[str]) -> dict[str, object]:
    """Returns the query string's words: a list for repeatable ones, else the one that was given."""
    words: dict[str, object] = {}
    for name in query:
        values = query.getlist(name)
        words[name] = values if name in lists or len(values) > 1 else values[0]
    return words


def answer(value: object, status: int = 200, headers: Mapping[str, str] | None = None) -> Response:
    """Returns a record as JSON, with an ETag if it has versions."""
    body = encode(value)
    version = getattr(value, "version", None)
    tags = {"ETag": tag(version, body)} if version is not None else {}
    return Response(body, status, {**tags, **(headers or {})}, media_type="application/json")


def enveloped(page: Page[Any]) -> Envelope:
    """Returns a page with its place in the list."""
    limit, total = page.window.limit, page.total or 0
    number, pages = page.window.offset // limit + 1, -(-total // limit)
    return Envelope(page.items, Pagination(total, number, len(page.items), pages, number < pages, number > 1))


def answer_page(page: Page[Any], request: Request) -> Response:
    """Returns a page in its envelope, with links to its neighbours."""
    envelope = enveloped(page)
    place = envelope.pagination
    before, after = place.page - 1 if place.has_prev else 0, place.page + 1 if place.has_next else 0
    targets = {"first": 1, "prev": before, "next": after, "last": place.total_pages}
    here = _here(request, "page")
    links = [f'<{here}{to}>; rel="{name}"' for name, to in targets.items() if to]
    headers = {"Link": ", ".join(links), **KEPT}
    return Response(encode(envelope), headers=headers, media_type="application/json")


def answer_stretch(part: Stretch, request: Request) -> Response:
    """Returns a part of the log in an envelope like a page's, with a link to what follows now."""
    log = Log(part.events, Onward(len(part.events), part.has_next, part.after))
    links = {"Link": f'<{_here(request, "after")}{part.after}>; rel="next"'} if part.has_next else {}
    headers = {**links, **KEPT, "Vary": "Accept, Authorization"}
    return Response(encode(log), headers=headers, media_type="application/json")


def refuse_words(words: Mapping[str, object], known: Collection[str] = ()) -> None:
    """Raises VALIDATION_FAILED for words of a query string that are not known, or come more than once."""
    faults = [Fault(Code.VALIDATION_FAILED, UNKNOWN, name) for name in words if name not in known]
    twice = [name for name, value in words.items() if name in known and isinstance(value, list)]
    faults += [Fault(Code.VALIDATION_FAILED, "Give it once.", name) for name in twice]
    if faults:
        raise Refusal(Code.VALIDATION_FAILED, faults=faults)


def _here(request: Request, name: str) -> str:
    """Returns the address that was asked for, up to the value that one parameter is to have."""
    others = [(key, value) for key, value in request.query_params.multi_items() if key != name]
    return f"{request.scope['path']}?{urlencode([*others, (name, '')])}"
