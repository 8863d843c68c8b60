"""Events as they happen, as text/event-stream: for curl, and for EventSource."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager, AsyncExitStack
from typing import Protocol
from uuid import UUID

from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.types import Receive, Scope, Send

from resolvers.context import Context
from resolvers.domain.errors import Code, Refusal
from resolvers.domain.events import Event
from resolvers.domain.ids import known_id
from resolvers.events import Following
from rest_shim.http import encode, read_query, refuse_words

EVENTS = "text/event-stream"
KEEPALIVE_SECONDS = 15.0
RETRY_MS = 1_000
# Proxies hand each event on at once.
HEADERS = {
    "Content-Type": EVENTS,
    "Cache-Control": "no-store",
    "Vary": "Accept, Authorization",
    "X-Accel-Buffering": "no",
}
WORDS = ("after", "agent_id")


class Follow(Protocol):
    """A verb that lets one hear what happens in a project."""

    def __call__(
        self, ctx: Context, project_id: UUID, *, agent_id: UUID | None, after: str | None
    ) -> AbstractAsyncContextManager[Following]: ...


async def stream(request: Request, follow: Follow, ctx: Context, project_id: UUID) -> Response:
    """Answers with what happens from now on; what is to be refused is refused before the first byte."""
    words = read_query(request.query_params, frozenset())
    refuse_words(words, WORDS)
    agent_id = known_id(str(words["agent_id"])) if "agent_id" in words else None
    # A client that connects again asks for the same address as at first, and says here how far it has come.
    after = request.headers.get("last-event-id") or words.get("after")
    async with AsyncExitStack() as stack:
        following = await stack.enter_async_context(
            follow(ctx, project_id, agent_id=agent_id, after=None if after is None else str(after))
        )
        if request.method == "HEAD":
            return Response(headers=HEADERS)
        return EventStream(following, stack.pop_all())


class EventStream(StreamingResponse):
    """What is heard, until the client leaves or may hear no more."""

    def __init__(self, following: Following, held: AsyncExitStack) -> None:
        super().__init__(_told(following), headers=HEADERS)
        self._held = held

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        async with self._held:
            await super().__call__(scope, receive, send)


async def _told(following: Following) -> AsyncIterator[bytes]:
    # Who is cut off before the first event knows where to go on, too.
    yield f"retry: {RETRY_MS}\nid: {following.cursor}\n\n".encode()
    try:
        async for event in _with_pauses(following):
            yield block_of(event) if event else b": still here\n\n"
    except Refusal as refusal:
        # At a stop of the server there is no word of an end, so that the client goes on elsewhere.
        if refusal.code is not Code.UNAVAILABLE:
            yield b"event: end\ndata: " + encode(refusal.faults[0]) + b"\n\n"


async def _with_pauses(following: Following) -> AsyncIterator[Event | None]:
    """Hands events on, and None when there was none for a while."""
    coming = aiter(following)
    while True:
        heard = asyncio.ensure_future(anext(coming))
        try:
            while not (await asyncio.wait([heard], timeout=KEEPALIVE_SECONDS))[0]:
                yield None
            yield heard.result()
        finally:
            heard.cancel()


def block_of(event: Event) -> bytes:
    """Writes an event as EventSource reads it."""
    return f"id: {event.cursor}\nevent: {event.kind}\ndata: ".encode() + encode(event) + b"\n\n"
