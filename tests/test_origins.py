"""Pages of other origins in a real browser: what they may send, what they may read, and that strangers may nothing."""

from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Thread
from typing import Any, NamedTuple

import pytest
from playwright.sync_api import Browser, Error, Page

from gql_app.edge import EXPOSED, SENT
from tests import test_explorer
from tests.processes import ROOT, Place, Server

EMAIL, PASSWORD = ROOT.values()
ASK = """async ([url, method, headers, body]) => {
  const reply = await fetch(url, { method, headers, body: body && JSON.stringify(body) });
  const text = reply.headers.get('Content-Type') === 'text/event-stream'
    ? new TextDecoder().decode((await reply.body.getReader().read()).value)
    : await reply.text();
  return [reply.status, Object.fromEntries(reply.headers), text && text.startsWith('{') ? JSON.parse(text) : text];
}"""
browser = test_explorer.browser
pytestmark = test_explorer.pytestmark


class Empty(BaseHTTPRequestHandler):
    """Answers an empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<title>Elsewhere</title>")

    def log_message(self, *_: object) -> None:
        pass


class Origins(NamedTuple):
    """Two other origins of pages: one that is set, and one that is not."""

    friend: str
    stranger: str


@pytest.fixture(scope="module")
def origins() -> Iterator[Origins]:
    """Where an empty page really is, since browsers tell addresses of this machine from what a test makes up."""
    with ThreadingHTTPServer(("127.0.0.1", 0), Empty) as site:
        Thread(target=site.serve_forever, daemon=True).start()
        yield Origins(*(f"http://{host}:{site.server_port}" for host in ("127.0.0.1", "localhost")))
        site.shutdown()


@pytest.fixture(scope="module")
def server(origins: Origins, tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Server]:
    """A server that lets one other origin in, and each address sign in twice an hour."""
    with Place(tmp_path_factory.mktemp("origins")).settle(prepared) as place:
        limits = {"rate_limit_user": "9999/hour", "rate_limit_sign_in": "2/hour"}
        yield place.serve(cors_origins=origins.friend, **limits)


class Reply(NamedTuple):
    """What a page may know of a reply."""

    status: int
    headers: dict[str, str]
    body: Any


class Elsewhere:
    """A page of another origin, what it has sent, and which headers it could read."""

    def __init__(self, page: Page, server: Server) -> None:
        self.page, self.api = page, f"{server.address}/api/v1"
        self.sent: set[str] = set()
        self.read: set[str] = set()
        self.usual: dict[str, str] = {}

    def ask(self, method: str, url: str, body: object = None, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()} | self.usual
        named |= {"Content-Type": "application/json"} if body else {}
        reply = Reply(*self.page.evaluate(ASK, [self.api + url, method, named, body]))
        self.sent |= {*named}
        self.read |= {*reply.headers}
        return reply

    def sign_in(self) -> Reply:
        return self.ask("POST", "/auth/login", {"email": EMAIL, "password": PASSWORD})


@contextmanager
def at(origin: str, browser: Browser, server: Server) -> Iterator[Elsewhere]:
    """An empty page of an origin."""
    page = browser.new_page()
    page.goto(origin)
    yield Elsewhere(page, server)
    page.close()


def test_a_page_of_an_origin_that_is_set_may_send_and_read_what_it_needs(
    browser: Browser, server: Server, origins: Origins
):
    with at(origins.friend, browser, server) as page:
        page.usual = {"Authorization": f"Bearer {page.sign_in().body['access_token']}"}
        page.sign_in()
        assert int(page.sign_in().headers["retry-after"]) > 0

        new, once = {"name": "Elsewhere", "slug": "elsewhere"}, {"Idempotency_Key": "once", "X_Request_ID": "of-mine"}
        made = page.ask("POST", "/projects", new, **once)
        assert (made.status, made.headers["x-request-id"]) == (201, "of-mine")
        assert made.headers["ratelimit"].startswith(made.headers["ratelimit-policy"].partition(";")[0])
        assert page.ask("POST", "/projects", new, **once).headers["idempotency-replayed"] == "true"
        place, tag = made.headers["location"].removeprefix("/api/v1"), made.headers["etag"]
        assert page.ask("GET", place, If_None_Match=tag).status == 304
        assert [page.ask("PATCH", place, {"name": name}, If_Match=tag).status for name in "ab"] == [200, 412]
        assert 'rel="first"' in page.ask("GET", "/projects").headers["link"]
        events = page.ask("GET", f"{place}/events", Accept="text/event-stream", Last_Event_ID="0")
        assert events.body.startswith("retry: ")
        asked = page.ask("GET", "/../../graphql?query={viewer{email}}", GraphQL_Require_Preflight="1")
        assert asked.body["data"] == {"viewer": {"email": EMAIL}}
        page.usual = {}
        assert page.ask("GET", "/users/me").headers["www-authenticate"] == "Bearer"

        assert page.sent - {"Accept"} == {*SENT}
        assert {name.lower() for name in EXPOSED} <= page.read


def test_a_page_of_any_other_origin_may_nothing(browser: Browser, server: Server, origins: Origins):
    with at(origins.stranger, browser, server) as page:
        for method, url, body in (
            ("GET", "/users/me", None),
            ("POST", "/auth/login", {}),
            ("DELETE", "/projects", None),
        ):
            with pytest.raises(Error, match="Failed to fetch"):
                page.ask(method, url, body)
