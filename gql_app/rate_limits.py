"""Before both doors: whose a request is, without a look into the database, and whether there is room for it."""

from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.context import Guest
from resolvers.domain.errors import Refusal
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
        request = Request(scope, receive)
        met = self.guest.met(request.client and request.client.host, request.headers.get("user-agent"))
        meter = met.meter(request.headers.get("authorization", ""))
        request.state.meter = meter

        async def answer(message: Message) -> None:
            if message["type"] == "http.response.start":
                MutableHeaders(scope=message).update(meter.headers())
            await send(message)

        try:
            await meter.take()
        except Refusal as refusal:
            refuse = http.refused if request.url.path == self.graphql else problems.render
            await refuse(refusal, request)(scope, receive, answer)
        else:
            await self.app(scope, receive, answer)

    def _counts(self, path: str) -> bool:
        return path == self.graphql or path.startswith(f"{PREFIX}/")
