"""GraphQL over HTTP: what is refused before anything runs, and how it is answered."""

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from datetime import timedelta
from typing import Any

import msgspec
from cross_web import HTTPException, StarletteRequestAdapter
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry import UNSET
from strawberry.asgi import GraphQL
from strawberry.exceptions import ConnectionRejectionError
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.base import BaseRequestProtocol
from strawberry.http.types import QueryParams
from strawberry.subscriptions import GRAPHQL_SSE_PROTOCOL, GRAPHQL_TRANSPORT_WS_PROTOCOL
from strawberry.types import ExecutionResult
from strawberry.types.unset import UnsetType

from resolvers.context import Context, Guest
from resolvers.domain.errors import REFUSALS, Code, Refusal
from resolvers.domain.ids import new_log_id
from resolvers.reading import JSON, check_accept, check_content, header, preferred, read_all, read_json
from schema.build import schema
from schema.context import Asking, Profile
from schema.problems import top_level, unfit
from schema.socket import Handler, Socket, read_message
from schema.trusted import looked_up, with_document

GRAPHQL = "application/graphql-response+json"
METHODS = {"GET", "HEAD", "OPTIONS", "POST"}
ALLOW = {"Allow": ", ".join(sorted(METHODS))}
PREFLIGHT = "GraphQL-Require-Preflight"
DOCUMENT = {"query", "documentId"}
STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 415: Code.UNSUPPORTED_MEDIA_TYPE}
EVENTS = "text/event-stream"
TOLD = {"cache-control": "private, no-cache", "vary": "Accept, Authorization"}
STREAMED = ("event-stream", "multipart")
ANSWERS = frozenset({"*/*", "application/*", JSON, GRAPHQL, EVENTS, "text/html", "text/*"})
Page = Callable[[Request], Awaitable[Response]]
"""What a browser gets instead of JSON."""


class Adapter(StarletteRequestAdapter):
    """A request whose body was found to be JSON, by whatever name of it."""

    @property
    def content_type(self) -> str | None:
        return JSON


class Door(GraphQL[Asking, None]):
    """Strawberry's view, with refusals that carry their code."""

    request_adapter_class = Adapter
    websocket_adapter_class = Socket
    graphql_transport_ws_handler_class = Handler

    def __init__(self, *, page: Page | None, profile: Profile, origins: Sequence[str] = ()) -> None:
        super().__init__(
            schema,
            graphql_ide="graphiql" if page else None,
            subscription_protocols=(GRAPHQL_TRANSPORT_WS_PROTOCOL, GRAPHQL_SSE_PROTOCOL),
            connection_init_wait_timeout=timedelta(seconds=10),
            allowed_origins=origins,
        )
        self._page, self.profile = page, profile

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "websocket":
            await self.run(WebSocket(scope, receive, send))
            return
        if scope["method"] == "OPTIONS":
            await Response(status_code=204, headers=ALLOW)(scope, receive, send)
            return
        if scope["method"] == "HEAD":
            scope = {**scope, "method": "GET"}  # the server leaves the body out
        request = Request(scope, receive)
        try:
            await check(request)
            if self.profile.closed:
                check_origin(request)
            response = await self._again(request) or await self.run(request)
        except Refusal as refusal:
            response = refused(refusal, request)
        except HTTPException as error:
            code = STATUS_CODES.get(error.status_code, Code.MALFORMED_REQUEST)
            response = refused(unfit(error.__cause__) or Refusal(code, error.reason), request)
        await response(scope, receive, send)

    async def _again(self, request: Request) -> Response | None:
        """Answers an operation that came before, past what was found out about it then; None where that is not it."""
        accept = header(request.scope, b"accept")
        if request.method != "POST" or any(kind in accept for kind in STREAMED):
            return None
        asked = with_document(read_json(await request.body()))
        query, name, variables = asked.get("query"), asked.get("operationName"), asked.get("variables")
        if not isinstance(query, str) or not isinstance(name, str | None):
            return None
        if not isinstance(variables, dict | None) or not isinstance(asked.get("extensions"), dict | None):
            return None
        try:
            text = looked_up(query, self.profile.trusted)
        except Refusal:
            return None
        said = await self.get_sub_response(request)
        result = await schema.again(text, name, variables or {}, await self.get_context(request, said))
        return result and self.create_response(await self.process_result(request, result), said)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Asking:
        headers = response.headers if isinstance(response, Response) else MutableHeaders()

        def signed_in(ctx: Context) -> None:
            request.state.user_id = str(ctx.who.id)

        guest = on_socket(request) if isinstance(request, WebSocket) else request.state.guest
        return Asking(guest, header(request.scope, b"authorization"), signed_in, headers, self.profile)

    async def on_ws_connect(self, context: Asking) -> UnsetType:
        """Lets in who is signed in, by the header or by `Authorization` of connection_init's payload."""
        await context.pay()
        try:
            await context.anew().signed_in()
        except Refusal as refusal:
            raise ConnectionRejectionError from refusal
        return UNSET

    def decode_json(self, data: str | bytes) -> object:
        return read_message(data)

    async def create_streaming_response(
        self, request: Request | WebSocket, stream: Callable[[], AsyncIterator[str]], *more: Any, **others: Any
    ) -> Response:
        feed = request.app.state.guest.feed

        async def until_the_stop() -> AsyncIterator[str]:
            async for part in stream():
                if feed.stopping:
                    return  # without a word of the end, so that the client goes on elsewhere
                yield part

        return await super().create_streaming_response(request, until_the_stop, *more, **others)

    async def get_sub_response(self, request: Request | WebSocket) -> Response:
        response = await super().get_sub_response(request)
        response.media_type = answered_as(request)
        return response

    def create_response(
        self, response_data: GraphQLHTTPResponse | list[GraphQLHTTPResponse], sub_response: Response
    ) -> Response:
        assert isinstance(response_data, dict)  # batches are refused
        media_type = sub_response.media_type or JSON
        code = status(response_data) if media_type == GRAPHQL or rate_limited(response_data) else 200
        return Response(self.encode_json(response_data), code, {**TOLD, **sub_response.headers}, media_type)

    def should_render_graphql_ide(self, request: BaseRequestProtocol) -> bool:
        return "documentId" not in request.query_params and super().should_render_graphql_ide(request)

    def parse_json(self, data: str | bytes) -> Any:
        # A body is bytes, and variables in a query string are text.
        return with_document(read_json(data)) if isinstance(data, bytes) else read_json(data.encode())

    def parse_query_params(self, params: QueryParams) -> dict[str, Any]:
        return with_document(super().parse_query_params(params))

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        answer = await super().process_result(request, result)
        if answer.get("data") is None and not any(error.path for error in result.errors or ()):
            # Nothing has run, so there are no data, not even none.
            answer.pop("data", None)
        return answer

    async def render_graphql_ide(self, request: Request) -> Response:
        assert self._page  # without one, nobody is taken for a browser
        return await self._page(request)

    def encode_json(self, data: object) -> bytes:
        return msgspec.json.encode(data)


async def check(request: Request) -> None:
    """Raises for a method, a media type or a size that no document can make right."""
    if request.method not in METHODS:
        raise Refusal(Code.METHOD_NOT_ALLOWED, headers=ALLOW)
    check_accept(header(request.scope, b"accept"), ANSWERS)
    if request.method == "POST":
        check_content(header(request.scope, b"content-type"))
        request._body = await read_all(request.receive)  # noqa: SLF001 — where Starlette keeps a body that was read


def check_origin(request: Request) -> None:
    """Raises for a GET that another site could have a browser send: one without a header that makes it ask first."""
    asked = request.scope["query_string"] and DOCUMENT.intersection(request.query_params)
    if asked and PREFLIGHT not in request.headers:
        raise Refusal(Code.MALFORMED_REQUEST, f"Send the header {PREFLIGHT}: 1 with a GET, or use POST.")


def answered_as(request: Request | WebSocket) -> str:
    """Returns the media type in which a client likes its answer best."""
    return preferred(header(request.scope, b"accept"), (JSON, GRAPHQL))


def on_socket(socket: WebSocket) -> Guest:
    """Returns who asks over a socket, where each operation has a meter of its own."""
    guest: Guest = socket.app.state.guest
    return guest.met(socket.client and socket.client.host, header(socket.scope, b"user-agent"))


def status(answer: GraphQLHTTPResponse) -> int:
    """Returns the HTTP status of an answer that is not plain JSON, where it would always be 200."""
    if "data" in answer:
        return 200
    errors: Any = answer["errors"]
    found = REFUSALS[Code(errors[0]["extensions"]["code"])].status
    # The audits want 400 for documents and variables that do not fit; the draft has moved on to 422 since.
    return 400 if found == REFUSALS[Code.VALIDATION_FAILED].status else found


def rate_limited(answer: GraphQLHTTPResponse) -> bool:
    """Tells whether an operation did not run because there was no room for all that it asks for."""
    errors: Any = answer.get("errors") or ()
    return "data" not in answer and any(error["extensions"]["code"] == Code.RATE_LIMITED.value for error in errors)


def refused(refusal: Refusal, request: Request, error_id: str | None = None) -> Response:
    """Answers a request that was refused before anything ran."""
    body = msgspec.json.encode(top_level(refusal, error_id))
    return Response(body, refusal.status, refusal.headers, media_type=answered_as(request))


async def broken(request: Request, _error: Exception) -> Response:
    """Answers a bug of ours outside the resolvers with an id, under which the log has the trace."""
    request.state.error_id = new_log_id()
    return refused(Refusal(Code.INTERNAL), request, request.state.error_id)
