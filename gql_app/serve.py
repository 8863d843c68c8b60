"""Starting and stopping: settings, port, database, first superuser, then the server."""

import asyncio
import errno
import os
import signal
import socket
import sys
from collections.abc import Awaitable, Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from subprocess import CalledProcessError
from types import FrameType
from typing import Any, NoReturn, TypeVar

import uvicorn
from pydantic import SecretStr
from uvicorn.supervisors import Multiprocess

from gql_app.asgi import SUPERVISOR, make_app, make_guest, profile, shown
from gql_app.embedded import Embedded, create_database
from gql_app.settings import PREFIX, Settings, StartError, secret_key
from gql_app.superuser import first_superuser
from gql_app.telemetry import configure_logging
from resolvers.context import Guest
from resolvers.domain.errors import Refusal
from resolvers.reading import MAX_BODY
from resolvers.store.migrate import current, migrate, newest

T = TypeVar("T")

OPTIONS: dict[str, Any] = {
    "log_config": None,
    "access_log": False,
    "server_header": False,
    "proxy_headers": False,
    "ws_max_size": MAX_BODY,
    "ws_per_message_deflate": False,  # events are small, and each connection would hold what it compresses with
}


@contextmanager
def database(settings: Settings) -> Iterator[str]:
    """Gives the URL of the database: the one that is set, or the embedded one, which runs meanwhile."""
    if settings.database_url is not None:
        yield settings.database_url.get_secret_value()
        return
    try:
        embedded = Embedded(settings.data_dir)
    except OSError as error:
        raise StartError(f"the data folder {settings.data_dir} can't be used: {error.strerror}") from error
    try:
        yield _embedded_url(embedded)
    finally:
        # A second Ctrl-C must not leave the database half stopped.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        embedded.stop()


def _embedded_url(embedded: Embedded) -> str:
    try:
        asyncio.run(create_database(embedded.start()))
    except Exception as error:
        raise StartError(f"the embedded PostgreSQL did not start: {_reason(error)}; see {embedded.log}") from error
    return embedded.url()


def serve(settings: Settings) -> None:
    """Serves until told to stop; then running requests end, and the embedded database with its last user."""
    signal.signal(signal.SIGTERM, _leave)
    configure_logging(settings)
    profile(settings)  # a manifest that can't be used ends the start here, before a worker meets it
    with _bind(settings.host, settings.port) as listener, database(settings) as url:
        known = {"database_url": SecretStr(url), "secret_key": SecretStr(secret_key(settings))}
        told = asyncio.run(use(settings, url, lambda guest: first_superuser(guest, settings)))
        _announce(listener, settings, told)
        with suppress(KeyboardInterrupt):
            _run(settings.model_copy(update=known), url, listener)


async def use(settings: Settings, url: str, act: Callable[[Guest], Awaitable[T]]) -> T:
    """Does something with the database at its newest schema, or raises StartError."""
    guest = make_guest(settings, url)
    try:
        if await current(guest.store) != newest():
            if settings.database_url is not None:
                raise StartError("the database is not at this version's schema; run `roster migrate` first")
            await migrate(guest.store)
        return await act(guest)
    except Refusal as refusal:
        raise StartError(_reason(refusal)) from refusal
    finally:
        await guest.close()


def _run(settings: Settings, url: str, listener: socket.socket) -> None:
    options = OPTIONS | {"timeout_graceful_shutdown": settings.stop_seconds}
    try:
        listener.listen(2048)
    except OSError as error:
        raise _taken(settings.host, settings.port, error) from error
    if settings.workers == 1:
        app = make_app(make_guest(settings, url), **shown(settings))
        uvicorn.Server(uvicorn.Config(app, **options)).run(sockets=[listener])
        return
    # Each worker reads its settings anew, so it must find what was found out here.
    os.environ[SUPERVISOR] = str(os.getpid())
    for name in ("database_url", "secret_key"):
        os.environ[PREFIX + name.upper()] = getattr(settings, name).get_secret_value()
    config = uvicorn.Config("gql_app.asgi:create_app", factory=True, workers=settings.workers, **options)
    Multiprocess(config, sockets=[listener]).run()


def _bind(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind((host, port))
    except OSError as error:
        listener.close()
        raise _taken(host, port, error) from error
    listener.set_inheritable(True)
    return listener


def _taken(host: str, port: int, error: OSError) -> StartError:
    if error.errno == errno.EADDRINUSE:
        return StartError(f"port {port} of {host} is taken; choose another one with --port")
    return StartError(f"can't listen on {host}, port {port}: {error.strerror}")


def _announce(listener: socket.socket, settings: Settings, told: str | None) -> None:
    host, port = listener.getsockname()[:2]
    base = f"http://{f'[{host}]' if ':' in host else host}:{port}"
    lines = [told] if told else []
    lines += [f"GraphiQL  {base}/graphql"] if settings.explorer else [f"GraphQL   {base}/graphql"]
    lines += [f"REST      {base}/docs" if settings.docs else f"REST      {base}/api/v1", f"Health    {base}/health"]
    sys.stdout.write("\n".join(lines) + "\n")
    sys.stdout.flush()


def _leave(_signal: int, _frame: FrameType | None) -> NoReturn:
    sys.exit(0)


def _reason(error: BaseException) -> str:
    if isinstance(error, Refusal):
        cause = error.__cause__
        return error.faults[0].message if cause is None else f"the database can't be used: {_reason(cause)}"
    if isinstance(error, CalledProcessError):
        return f"{Path(error.cmd[0]).name} failed"
    lines = str(error).strip().splitlines() or [type(error).__name__]
    return lines[0]
