"""GraphQL over WebSocket, by the protocol graphql-transport-ws."""

import asyncio
import logging
from collections.abc import AsyncGenerator, Mapping
from contextlib import suppress
from typing import Annotated, Any

import msgspec
from msgspec import UNSET, Meta, UnsetType
from starlette.websockets import WebSocketDisconnect
from strawberry.asgi import ASGIWebSocketAdapter
from strawberry.http.exceptions import NonJsonMessageReceived, WebSocketDisconnected
from strawberry.subscriptions.protocols.graphql_transport_ws.handlers import BaseGraphQLTransportWSHandler

from resolvers.domain.errors import Code, Refusal
from resolvers.domain.ids import new_log_id
from resolvers.domain.limits import OPERATIONS
from resolvers.reading import read_json
from schema.context import Asking
from schema.problems import top_level
from schema.trusted import with_document

logger = logging.getLogger("roster.schema")
PING_SECONDS = 15
# Clients take this one for "try again with another token", and 4401 for a mistake of theirs.
FORBIDDEN = 4403
BAD_REQUEST = 4400
INTERNAL_ERROR = 1011
SERVICE_RESTART = 1012
TRY_AGAIN_LATER = 1013
LONGEST_REASON = 120


class Ask(msgspec.Struct):
    """What a client asks to run: a text, or a trusted document by its id."""

    query: str | UnsetType = UNSET
    documentId: str | UnsetType = UNSET  # noqa: N815 — the name of GraphQL over HTTP
    variables: dict[str, Any] | UnsetType | None = UNSET
    operationName: str | UnsetType | None = UNSET  # noqa: N815 — the protocol's name
    extensions: dict[str, Any] | UnsetType | None = UNSET

    def __post_init__(self) -> None:
        if (self.query is UNSET) == (self.documentId is UNSET):
            raise ValueError("give either `query` or `documentId`")


Name = Annotated[str, Meta(min_length=1, max_length=255)]


class Message(msgspec.Struct, tag_field="type"):
    """What a client may send."""


class Empty(Message):
    """A message that says nothing but what it is."""

    payload: dict[str, Any] | UnsetType | None = UNSET


class Init(Empty, tag="connection_init"):
    """The first message; its payload tells who connects."""


class Ping(Empty, tag="ping"):
    """Asks for a sign of life."""


class Pong(Empty, tag="pong"):
    """Gives one."""


class Subscribe(Message, tag="subscribe"):
    """Asks for an operation to be run."""

    id: Name
    payload: Ask


class Complete(Message, tag="complete"):
    """Ends one."""

    id: Name


class Socket(ASGIWebSocketAdapter):
    """A WebSocket on which only messages of the protocol come in, and text goes out."""

    async def iter_json(self, *, ignore_parsing_errors: bool = False) -> AsyncGenerator[object, None]:
        async for message in super().iter_json(ignore_parsing_errors=ignore_parsing_errors):
            try:
                read = msgspec.convert(message, Init | Ping | Pong | Subscribe | Complete)
            except msgspec.ValidationError as error:
                await self.close(BAD_REQUEST, f"This is no message of the protocol: {error}"[:LONGEST_REASON])
                return
            yield msgspec.to_builtins(read)

    async def send_json(self, message: Mapping[str, object]) -> None:
        try:
            await self.ws.send_text(msgspec.json.encode(message).decode())
        except (WebSocketDisconnect, RuntimeError) as error:
            raise WebSocketDisconnected from error


class Handler(BaseGraphQLTransportWSHandler[Asking, None]):
    """Strawberry's handler, with a sign of life, and an end for those who are signed in no more."""

    async def handle(self) -> None:
        pinging = asyncio.create_task(self._ping())
        try:
            await super().handle()
        finally:
            pinging.cancel()

    async def _ping(self) -> None:
        with suppress(WebSocketDisconnected):
            while True:
                await asyncio.sleep(PING_SECONDS)
                if self.connection_acknowledged:
                    await super().send_message({"type": "ping"})

    async def handle_message(self, message: Any) -> None:
        """Obeys a message, which is well-formed by now: a KeyError on the way is no mistake of the client."""
        await getattr(self, f"handle_{message['type']}")(message)

    async def handle_connection_init(self, message: Any) -> None:
        """Lets someone in, unless that is too often."""
        try:
            await super().handle_connection_init(message)
        except Refusal as refusal:
            await self._close(TRY_AGAIN_LATER, refusal.faults[0].message)

    async def handle_subscribe(self, message: Any) -> None:
        """Runs an operation, unless too many run already, or there were too many."""
        try:
            if self.connection_acknowledged and message["id"] not in self.operations:
                if len(self.operations) >= OPERATIONS.value:
                    raise OPERATIONS.refusal()
                await self.context.pay()
        except Refusal as refusal:
            await self.send_message({"id": message["id"], "type": "error", "payload": top_level(refusal)["errors"]})
        else:
            await super().handle_subscribe(message | {"payload": with_document(message["payload"])})

    async def send_message(self, message: Any) -> None:
        """Sends a message, or closes the socket: of someone whose token speaks for nobody now, or of all at the end."""
        if self.context.guest.feed.stopping:
            await self._close(SERVICE_RESTART, "The server is stopping.")
        elif signed_out(message):
            await self._close(FORBIDDEN, "Sign in again.")
        else:
            await super().send_message(message)

    async def handle_task_exception(self, error: Exception) -> None:
        """Ends a connection on which a bug of ours was met outside the resolvers."""
        if isinstance(error, WebSocketDisconnected):
            return  # nobody is there to be told
        error_id = new_log_id()
        logger.error("a socket failed", exc_info=error, extra={"error_id": error_id})
        await self._close(INTERNAL_ERROR, f"{Code.INTERNAL.says} {error_id}")

    async def _close(self, code: int, reason: str) -> None:
        with suppress(RuntimeError):  # it may be closed already
            await self.websocket.close(code, reason)


def signed_out(message: dict[str, Any]) -> bool:
    """Tells whether a message says that nobody is signed in."""
    payload = message.get("payload")
    errors = payload if isinstance(payload, list) else (payload or {}).get("errors", ())
    return any(error.get("extensions", {}).get("code") == Code.UNAUTHENTICATED.value for error in errors)


def read_message(text: str | bytes) -> Any:
    """Reads a message, or raises NonJsonMessageReceived."""
    try:
        return read_json(text if isinstance(text, bytes) else text.encode())
    except (Refusal, UnicodeEncodeError) as error:
        raise NonJsonMessageReceived from error
