"""Between the network and the application: whose address a request has, what browsers may do, what is compressed.

From outside in: the request's id, its log line and the headers that guard every reply (RequestLog), the client's
address, CORS, compression, and then the application with its rate limits. So the address is known before anything
counts by it, and a refusal or a bug carries the same headers as everything else. WebSockets pass all of it untouched,
save that they have the client's address too; their origins are checked by the GraphQL door, against the same list.
"""

import ipaddress
from typing import Any, NamedTuple

from starlette.datastructures import Headers
from starlette.middleware.cors import CORSMiddleware
from starlette.middleware.gzip import GZipMiddleware, GZipResponder
from starlette.types import ASGIApp, Message, Receive, Scope, Send
from uvicorn.middleware.proxy_headers import ProxyHeadersMiddleware

from resolvers.reading import header, takes
from rest_shim import headers as declared
from schema.http import PREFLIGHT

METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE")
# What both doors take and tell by header, which a browser lets pages of other origins use only where it is told to.
SENT = sorted({"Authorization", "Content-Type", PREFLIGHT, *declared.SENT})
EXPOSED = sorted(declared.TOLD)
WORTH_COMPRESSING = 1024  # bytes
LEVEL = 1  # an eighth of a millisecond for a hundred agents; higher ones gain little
PEER = "roster.peer"


class Edge(NamedTuple):
    """Which other origins browsers may ask from, and which proxies are believed."""

    origins: tuple[str, ...] = ()
    proxies: tuple[str, ...] = ()


ALONE = Edge()


def around(app: ASGIApp, edge: Edge) -> ASGIApp:
    """Puts the edge around an application."""
    app = Compression(app)
    if edge.origins:
        app = CORSMiddleware(app, edge.origins, METHODS, SENT, expose_headers=EXPOSED)
    return Proxies(app, edge.proxies) if edge.proxies else app


class Compression(GZipMiddleware):
    """Compresses large replies to who takes that, if they say that they may be kept, and have no tag.

    What must not be kept holds tokens, whose length would show through compression. A tag names the bytes as they are.
    """

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        app = self.app
        if scope["type"] == "http" and takes(header(scope, b"accept-encoding"), "gzip"):
            app = Compressor(app, WORTH_COMPRESSING, LEVEL)
        await app(scope, receive, send)


class Compressor(GZipResponder):
    """Compresses one reply, or leaves it."""

    left = True

    async def send_with_compression(self, message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = Headers(raw=message["headers"])
            self.left = "etag" in headers or "no-store" in headers.get("cache-control", "no-store")
        await (self.send(message) if self.left else super().send_with_compression(message))


class Proxies:
    """Takes the client's address and scheme from X-Forwarded-For and -Proto, where a trusted proxy sends them.

    Of a chain the last address counts that is no trusted proxy's: what stands before it anyone can have written.
    """

    def __init__(self, app: ASGIApp, trusted: tuple[str, ...]) -> None:
        self.app = app
        checked: Any = self._checked
        self.forwarded: Any = ProxyHeadersMiddleware(checked, list(trusted))

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("client"):
            scope["client"] = scope[PEER] = (address(scope["client"][0]), scope["client"][1])
        await self.forwarded(scope, receive, send)

    async def _checked(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope.get("client"):
            host = address(scope["client"][0])
            scope["client"] = (host, scope["client"][1]) if host else scope[PEER]
        await self.app(scope, receive, send)


def address(text: str) -> str | None:
    """Returns an address in its usual form, an IPv4 one as such even where it came by IPv6, or None if it is none."""
    try:
        found = ipaddress.ip_address(text)
    except ValueError:
        return None
    return str(getattr(found, "ipv4_mapped", None) or found)
