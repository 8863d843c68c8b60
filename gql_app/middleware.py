"""Around every request: an id, headers that guard the reply, one log line, and the trace of a bug."""

import logging
import re
import time
from contextlib import suppress

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from resolvers.domain.errors import Code
from resolvers.domain.ids import new_log_id
from resolvers.reading import header

logger = logging.getLogger("roster.request")
INTERNAL_ERROR = 1011  # as WebSocket has it
REQUEST_ID = re.compile(r"[\w.:-]{1,64}", re.ASCII)
# What keeps browsers and caches from doing more with a reply than is meant, unless it says otherwise, as pages do.
GUARDS = {
    b"cache-control": b"no-store",
    b"content-security-policy": b"default-src 'none'; frame-ancestors 'none'",
    b"referrer-policy": b"no-referrer",
    b"x-content-type-options": b"nosniff",
}


class RequestLog:
    """Gives each reply its id and guards; logs a line, and the trace of what broke under the error id that was told."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._pass_on(scope, receive, send)
            return
        began = time.perf_counter()
        request_id = _request_id(header(scope, b"x-request-id"))
        scope.setdefault("state", {})["request_id"] = request_id
        own = (b"x-request-id", request_id.encode())
        status = 0

        async def answer(message: Message) -> None:
            nonlocal status
            if message["type"] == "http.response.start":
                status = message["status"]
                headers = dict(message["headers"])
                guards = [pair for pair in GUARDS.items() if pair[0] not in headers]
                message["headers"] = [*message["headers"], own, *guards]
            await send(message)

        try:
            await self.app(scope, receive, answer)
        except Exception:
            # The client has the answer already: Starlette renders a bug before it passes it on.
            ids = {"error_id": scope["state"].get("error_id"), "request_id": request_id}
            logger.exception("a request failed", extra=ids)
        finally:
            self._log(scope, status, request_id, began)

    async def _pass_on(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await self.app(scope, receive, send)
        except Exception:
            if scope["type"] != "websocket":
                raise
            error_id = new_log_id()
            logger.exception("a socket failed", extra={"error_id": error_id})
            with suppress(RuntimeError):  # it may be closed already
                reason = f"{Code.INTERNAL.says} {error_id}"
                await send({"type": "websocket.close", "code": INTERNAL_ERROR, "reason": reason})

    def _log(self, scope: Scope, status: int, request_id: str, began: float) -> None:
        route = getattr(scope.get("route"), "path", None) or "(none)"
        told = {
            "method": scope["method"],
            "route": route,
            "status": status,
            "ms": round((time.perf_counter() - began) * 1000, 1),
            "user": scope["state"].get("user_id"),
            "request_id": request_id,
        }
        logger.info("request", extra=told)


def _request_id(given: str | None) -> str:
    return given if given and REQUEST_ID.fullmatch(given) else new_log_id()
