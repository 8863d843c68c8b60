"""The ASGI application: both doors, health, and what lies around them."""

import asyncio
import gc
import os
import signal
import threading
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import timedelta
from types import FrameType
from typing import Any

from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import JSONResponse, RedirectResponse, Response
from starlette.routing import Route, WebSocketRoute
from starlette.types import ASGIApp, Receive, Scope, Send

from gql_app.edge import ALONE, Edge, around
from gql_app.middleware import RequestLog
from gql_app.pages.explorer import Explorer
from gql_app.rate_limits import RateLimits
from gql_app.settings import Settings, SettingsError, read_settings, secret_key
from gql_app.telemetry import configure_logging
from resolvers.context import Client, Guest
from resolvers.counters import Counters
from resolvers.domain.errors import Refusal
from resolvers.domain.rates import Policy
from resolvers.hashing import Hasher
from resolvers.rates import Rates
from resolvers.store.engine import Store
from resolvers.store.feed import Feed
from resolvers.store.migrate import current, newest
from resolvers.tokens import Keys
from rest_shim import openapi, problems
from rest_shim.problems import refused, unrouted
from rest_shim.routes import routes
from schema import http
from schema.context import OPEN, Profile
from schema.http import Door
from schema.manifest import ManifestError, read

GRAPHQL = "/graphql"
SUPERVISOR = "ROSTER_SUPERVISOR"


def make_guest(settings: Settings, url: str, hasher: Hasher | None = None) -> Guest:
    """Makes what every verb needs."""
    lifetimes = timedelta(minutes=settings.access_token_minutes), timedelta(days=settings.refresh_token_days)
    store = Store(url, settings.pool_size)
    keys = Keys(secret_key(settings), *lifetimes)
    return Guest(store, keys, hasher or Hasher(), Feed(store), rates(settings), Client())


def rates(settings: Settings) -> Rates:
    """Makes the rate limits that are set."""
    names = ("user", "address", "sign_in")
    policies = {name: Policy.parse(name.replace("_", "-"), getattr(settings, f"rate_limit_{name}")) for name in names}
    store = settings.rate_limit_store
    return Rates(**policies, counters=Counters(store.get_secret_value() if store else None))


def make_app(
    guest: Guest,
    *,
    explorer: bool,
    docs: bool = True,
    profile: Profile = OPEN,
    edge: Edge = ALONE,
    parent: int | None = None,
) -> ASGIApp:
    """Puts the application together; a worker leaves when its parent process is gone."""

    @asynccontextmanager
    async def lifespan(_: Starlette) -> AsyncIterator[None]:
        watch = asyncio.create_task(_leave_with(parent)) if parent else None
        _at_signals(guest.feed.stop)
        yield
        if watch:
            watch.cancel()
        await guest.close()

    pages = Explorer()
    door = Door(page=pages.page if explorer else None, profile=profile, origins=edge.origins)
    graphql = Route(GRAPHQL, door)
    app = Starlette(
        routes=[
            *routes(),
            Route("/", home),
            Route("/health", health),
            Route("/ready", ready),
            graphql,
            WebSocketRoute(GRAPHQL, door),
            *(pages.routes(docs=docs) if explorer or docs else ()),
            Route(openapi.PATH, openapi.serve),
        ],
        middleware=[Middleware(RateLimits, guest, GRAPHQL), Middleware(Shortcut, graphql)],
        exception_handlers={Refusal: refused, HTTPException: unrouted, Exception: broken},
        lifespan=lifespan,
    )
    app.router.redirect_slashes = False
    app.state.guest = guest
    return RequestLog(around(app, edge))


class Shortcut:
    """Takes requests straight to the one route that answers its refusals itself, past the others and their handlers."""

    def __init__(self, app: ASGIApp, route: Route) -> None:
        self.app, self.route = app, route

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http" and scope["path"] == self.route.path:
            scope["route"] = self.route
            await self.route.handle(scope, receive, send)
        else:
            await self.app(scope, receive, send)


def profile(settings: Settings) -> Profile:
    """Says how open the GraphQL door is; raises SettingsError for a manifest that can't be used."""
    try:
        trusted = read(settings.trusted_documents) if settings.trusted_documents else None
    except ManifestError as error:
        raise SettingsError(f"ROSTER_TRUSTED_DOCUMENTS: {error}") from error
    return Profile(settings.production, trusted)


def edge(settings: Settings) -> Edge:
    """Says who may ask from elsewhere, and which proxies are believed."""
    return Edge(settings.cors_origins or (), settings.trusted_proxies or ())


def shown(settings: Settings) -> dict[str, Any]:
    """Says what an application shows, and to whom."""
    pages = {"explorer": settings.explorer, "docs": settings.docs}
    return {**pages, "profile": profile(settings), "edge": edge(settings)}


def create_app() -> ASGIApp:
    """Makes the application of one worker process, from the environment."""
    settings = read_settings()
    configure_logging(settings)
    if settings.database_url is None:
        raise SystemExit("Start with `roster serve`: it starts the embedded database first.")
    leave_garbage()
    guest = make_guest(settings, settings.database_url.get_secret_value())
    return make_app(guest, **shown(settings), parent=int(os.environ[SUPERVISOR]))


def leave_garbage() -> None:
    """Looks for garbage seldom, and never among what lives by now."""
    # Few objects of a request are in cycles, and a list of a hundred makes more than Python lets lie by default.
    gc.freeze()
    gc.set_threshold(50_000, 20, 50)


async def _leave_with(parent: int) -> None:
    # A supervisor killed with -9 stops nobody, and its workers would keep the port from the next start.
    while os.getppid() == parent:  # noqa: ASYNC110 — no event tells of it
        await asyncio.sleep(0.5)
    os.kill(os.getpid(), signal.SIGTERM)


async def broken(request: Request, error: Exception) -> Response:
    """Answers a bug of ours in the words of the door that it broke."""
    answer = http.broken if request.url.path == GRAPHQL else problems.broken
    return await answer(request, error)


def _at_signals(act: Callable[[], None]) -> None:
    # Streams never end by themselves, and uvicorn tells nobody that it waits for them.
    if threading.current_thread() is not threading.main_thread():
        return
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        server_s = signal.getsignal(number)

        def handle(number: int, frame: FrameType | None, then: Any = server_s) -> None:
            loop.call_soon_threadsafe(act)
            if callable(then):
                then(number, frame)

        if callable(server_s):
            signal.signal(number, handle)


async def home(_: Request) -> Response:
    return RedirectResponse(GRAPHQL)


async def health(_: Request) -> Response:
    return JSONResponse({"status": "alive"})


async def ready(request: Request) -> Response:
    """Answers 200 when the database is reachable and migrated, else 503."""
    guest: Guest = request.app.state.guest
    try:
        state = "ready" if await current(guest.store) == newest() else "not migrated"
    except Refusal:
        state = "database unreachable"
    return JSONResponse({"status": state}, 200 if state == "ready" else 503)
