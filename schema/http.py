"""GraphQL over HTTP: what is refused before anything runs, and how it is answered."""

from typing import Any

import msgspec
from cross_web import HTTPException, StarletteRequestAdapter
from starlette.requests import Request
from starlette.responses import Response
from starlette.types import Receive, Scope, Send
from starlette.websockets import WebSocket
from strawberry.asgi import GraphQL
from strawberry.http import GraphQLHTTPResponse
from strawberry.http.ides import GraphQL_IDE
from strawberry.types import ExecutionResult

from resolvers.context import Context
from resolvers.domain.errors import Code, Refusal
from resolvers.reading import JSON, check_accept, check_content, read_all, read_json
from schema.build import schema
from schema.context import Asking
from schema.problems import top_level

METHODS = {"GET", "POST"}
STATUS_CODES = {404: Code.NOT_FOUND, 405: Code.METHOD_NOT_ALLOWED, 415: Code.UNSUPPORTED_MEDIA_TYPE}
ANSWERS = frozenset(
    {"*/*", "application/*", "application/json", "application/graphql-response+json", "text/html", "text/*"}
)


class Adapter(StarletteRequestAdapter):
    """A request whose body was found to be JSON, by whatever name of it."""

    @property
    def content_type(self) -> str | None:
        return JSON


class Door(GraphQL[Asking, None]):
    """Strawberry's view, with refusals that carry their code."""

    request_adapter_class = Adapter

    def __init__(self, *, explorer: bool) -> None:
        ide: GraphQL_IDE | None = "graphiql" if explorer else None
        super().__init__(schema, graphql_ide=ide, subscription_protocols=())

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        request = Request(scope, receive)
        try:
            await check(request)
            response = await self.run(request)
        except Refusal as refusal:
            response = refused(refusal)
        except HTTPException as error:
            code = STATUS_CODES.get(error.status_code, Code.MALFORMED_REQUEST)
            response = refused(Refusal(code, error.reason))
        await response(scope, receive, send)

    async def get_context(self, request: Request | WebSocket, response: Response | WebSocket) -> Asking:
        assert isinstance(response, Response)  # nothing but HTTP comes here
        guest = request.app.state.guest.met(request.client and request.client.host, request.headers.get("user-agent"))

        def signed_in(ctx: Context) -> None:
            request.state.user_id = str(ctx.who.id)

        return Asking(guest, request.headers.get("authorization", ""), signed_in, response.headers)

    def parse_json(self, data: str | bytes) -> Any:
        return read_json(data if isinstance(data, bytes) else data.encode())

    async def process_result(self, request: Request, result: ExecutionResult) -> GraphQLHTTPResponse:
        answer = await super().process_result(request, result)
        if answer.get("data") is None and not any(error.path for error in result.errors or ()):
            # Nothing has run, so there are no data, not even none.
            answer.pop("data", None)
        return answer

    def encode_json(self, data: object) -> bytes:
        return msgspec.json.encode(data)


async def check(request: Request) -> None:
    """Raises for a method, a media type or a size that no document can make right."""
    if request.method not in METHODS:
        raise Refusal(Code.METHOD_NOT_ALLOWED, headers={"Allow": ", ".join(sorted(METHODS))})
    check_accept(request.headers.get("accept", ""), ANSWERS)
    if request.method == "POST":
        check_content(request.headers.get("content-type", ""))
        request._body = await read_all(request.stream())  # noqa: SLF001 — where Starlette keeps a body that was read


def refused(refusal: Refusal) -> Response:
    """Answers a request that was refused before anything ran."""
    body = msgspec.json.encode(top_level(refusal))
    return Response(body, refusal.status, refusal.headers, media_type="application/json")
