"""Before both doors: whose a request is, without a look into the database, and whether there is room for it."""

from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.context import Guest
from resolvers.domain.errors import Refusal
from resolvers.reading import header
from rest_shim import problems
from rest_shim.routes import PREFIX
from schema import http


class RateLimits:
    """Counts each request to one of the doors, and answers those that are too many; tells the rest what is left."""

    def __init__(self, app: ASGIApp, guest: Guest, graphql: str) -> None:
        self.app, self.guest, self.graphql = app, guest, graphql

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http" or not self._counts(scope["path"]):
            await self.app(scope, receive, send)
            return
        host, _ = scope.get("client") or (None, 0)
        met = self.guest.met(host, header(scope, b"user-agent"))
        meter = met.meter(header(scope, b"authorization"))
        scope["state"]["guest"] = met.counted(meter)

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                told = [(name.lower().encode(), value.encode()) for name, value in meter.headers().items()]
                message["headers"] = [*message["headers"], *told]
            await send(message)

        try:
            await meter.take()
        except Refusal as refusal:
            refuse = http.refused if scope["path"] == self.graphql else problems.render
            await refuse(refusal, Request(scope))(scope, receive, answer)
        else:
            await self.app(scope, receive, answer)

    def _counts(self, path: str) -> bool:
        return path == self.graphql or path.startswith(f"{PREFIX}/")
