"""GraphiQL in a real browser: one signs in, asks, changes things and signs out, and nothing comes from elsewhere."""

import json
import os
import re
import shutil
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from playwright.sync_api import Browser, Page, WebSocketRoute, expect, sync_playwright

from gql_app.pages.build import BuildError, build
from tests.processes import PATIENCE, ROOT, Place, Server

CHROMIUM = next(filter(None, map(shutil.which, ["chromium", "chromium-browser", "google-chrome"])), None)
ALONE = ["--disable-background-networking", "--disable-component-update", "--disable-sync", "--no-first-run"]
ARGS = ["--no-sandbox", "--disable-gpu", *ALONE]
EMAIL, PASSWORD = ROOT.values()

expect.set_options(timeout=PATIENCE * 1000)
pytestmark = pytest.mark.xdist_group("explorer")  # one worker starts the browser, and not each


def missing(what: str) -> None:
    if os.environ.get("CI"):
        pytest.fail(what)
    pytest.skip(what)


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A real browser, with nothing to do but what it is told."""
    if CHROMIUM is None:
        missing("no chromium or google-chrome is installed to open the page with")
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory, prepared: Path) -> Iterator[Place]:
    """Where servers with GraphiQL start."""
    try:
        build()
    except BuildError as error:
        missing(f"GraphiQL can't be built here: {error}")
    with Place(tmp_path_factory.mktemp("explorer")).settle(prepared) as place:
        yield place


@pytest.fixture(scope="module")
def served(place: Place) -> Server:
    """A server with GraphiQL."""
    return place.serve()


@contextmanager
def watched(browser: Browser, server: Server, scheme: str = "light") -> Iterator[Page]:
    """An empty page of someone who was never here; whatever goes wrong in it fails the test."""
    wrong: list[str] = []
    ours = (f"{server.address}/", f"{server.address}/".replace("http", "ws", 1), "data:")
    page = browser.new_page(color_scheme=scheme, viewport={"width": 1440, "height": 860})
    page.on("console", lambda it: wrong.append(it.text) if it.type == "error" else None)
    page.on("pageerror", lambda error: wrong.append(str(error)))
    for connection in ("request", "websocket"):
        page.on(connection, lambda it: None if it.url.startswith(ours) else wrong.append(it.url))
    yield page
    page.close()
    assert wrong == []


@contextmanager
def opened(browser: Browser, server: Server, scheme: str = "light") -> Iterator[Page]:
    """GraphiQL as someone sees it who was never here."""
    with watched(browser, server, scheme) as page:
        page.goto(f"{server.address}/graphql")
        expect(page.locator(".graphiql-query-editor .view-line").first).to_be_visible()
        yield page


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Server) -> Iterator[Page]:
    with opened(browser, served, getattr(request, "param", "light")) as page:
        yield page


def spawn(served: Server) -> tuple[dict[str, str], str]:
    """Spawns an agent in a project of its own; returns it, and the cursor of that event."""
    http, slug = served.http, uuid4().hex
    headers = served.sign_in()

    def make(path: str, **given: str) -> dict[str, str]:
        return http.post(f"/api/v1{path}", json=given, headers=headers).raise_for_status().json()

    kind = make("/agent-types", name="Type", slug=slug, personality_prompt="You test.", primary_model="none")
    project = make("/projects", name="Project", slug=slug)
    agent = make(f"/projects/{project['id']}/agents", name="Agent", agent_type_id=kind["id"])
    document = f'{{ agent(id: "{agent["id"]}") {{ events {{ nodes {{ cursor }} }} }} }}'
    reply = http.post("/graphql", json={"query": document}, headers=headers).json()
    return agent, reply["data"]["agent"]["events"]["nodes"][0]["cursor"]


def sign_in(page: Page, password: str = PASSWORD) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password").fill(password)
    page.get_by_label("Password").press("Enter")


@pytest.fixture
def signed_in(page: Page) -> Page:
    """The page after signing in."""
    sign_in(page)
    expect(page.get_by_role("status")).to_contain_text(f"Signed in as Admin{EMAIL}")
    expect(page.get_by_role("region", name="Account")).to_be_focused()
    return page


def run(page: Page, tab: str) -> None:
    page.get_by_role("button", name=tab, exact=True).click()
    page.get_by_role("button", name="Execute query").click()


def answers(page: Page, text: str) -> None:
    expect(page.locator(".graphiql-response .view-lines")).to_contain_text(text)


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_one_signs_in_and_runs_a_query(signed_in: Page, request: pytest.FixtureRequest):
    run(signed_in, "Overview")

    answers(signed_in, f'"email": "{EMAIL}"')
    shade = signed_in.evaluate("getComputedStyle(document.querySelector('.graphiql-container')).backgroundColor")
    dark = max(map(int, re.findall(r"\d+", shade)[:3])) < 128
    assert dark is (request.node.callspec.params["page"] == "dark")


def test_one_runs_a_mutation(signed_in: Page, served: Server):
    run(signed_in, "MakeProject")

    answers(signed_in, '"viewerRole": "OWNER"')
    made = served.http.get("/api/v1/projects/slug/next-release", headers=served.sign_in())
    assert made.json()["name"] == "Next Release"


def test_a_wrong_password_is_told_in_a_sentence(page: Page):
    sign_in(page, "Wrong-Horse-42")

    form = page.get_by_role("form", name="Sign in")
    expect(form.get_by_role("alert")).to_have_text("The e-mail address or the password is wrong.")
    expect(form.get_by_role("button", name="Sign in")).to_be_enabled()


def test_nobody_is_answered_in_a_sentence_as_well(page: Page):
    run(page, "Overview")

    answers(page, '"code": "UNAUTHENTICATED"')


def test_the_docs_say_what_the_schema_says(page: Page):
    page.get_by_role("button", name="Show Documentation Explorer").click()
    page.get_by_role("link", name="AgentStatus", exact=True).first.click()

    expect(page.locator(".graphiql-plugin")).to_contain_text("Held by a person until it is resumed.")


def test_in_production_the_docs_are_for_who_signed_in(place: Place, browser: Browser):
    server = place.serve(environment="production", graphiql="true")

    with opened(browser, server) as page:
        sign_in(page)
        expect(page.get_by_role("status")).to_be_visible()
        page.get_by_role("button", name="Show Documentation Explorer").click()

        expect(page.get_by_role("link", name="AgentStatus", exact=True).first).to_be_visible()


def test_a_session_outlives_a_reload_and_not_a_sign_out(signed_in: Page):
    signed_in.reload()
    who = signed_in.locator(".roster-who")
    expect(who).to_have_text(EMAIL)
    run(signed_in, "Overview")
    answers(signed_in, f'"email": "{EMAIL}"')

    who.click()
    expect(signed_in.get_by_role("button", name="Sign out")).to_be_focused()
    with signed_in.expect_response(lambda it: "Logout" in (it.request.post_data or "")) as logout:
        signed_in.get_by_role("button", name="Sign out").click()
    assert logout.value.json()["data"] == {"logout": {"userErrors": []}}
    assert signed_in.evaluate("sessionStorage.length") == 0
    signed_in.reload()
    expect(who).to_have_text("Sign in")


def operations(page: Page) -> list[str]:
    """The operations that are sent from now on, by name."""
    sent: list[str] = []
    page.on("request", lambda it: sent.extend(re.findall(r"(?:query|mutation) (\w+)", it.post_data or "")[:1]))
    return sent


def test_the_schema_is_asked_for_again_by_who_signed_in(page: Page):
    sent = operations(page)
    with page.expect_request(lambda it: "IntrospectionQuery" in (it.post_data or "")) as asked:
        sign_in(page)

    assert asked.value.headers["authorization"].startswith("Bearer ")
    assert sent == ["Login", "IntrospectionQuery"]


def test_a_token_is_renewed_shortly_before_it_expires(page: Page):
    page.clock.install()
    sign_in(page)
    expect(page.get_by_role("status")).to_be_visible()
    sent = operations(page)

    page.clock.fast_forward("10:00")
    assert sent == []
    with page.expect_response("**/graphql"):
        page.clock.fast_forward("04:40")

    assert sent == ["RefreshToken"]


def test_a_refused_token_is_renewed_once_and_the_request_sent_again(signed_in: Page):
    sent = operations(signed_in)
    refusal = {"errors": [{"message": "Sign in again.", "extensions": {"code": "UNAUTHENTICATED"}}]}

    signed_in.route("**/graphql", lambda route: route.fulfill(json=refusal), times=1)
    run(signed_in, "Overview")

    answers(signed_in, f'"email": "{EMAIL}"')
    assert sent == ["Overview", "RefreshToken", "Overview"]


PASTE = """text => {
  const clipboardData = new DataTransfer();
  clipboardData.setData('text/plain', text);
  document.activeElement.dispatchEvent(new ClipboardEvent('paste', { clipboardData, bubbles: true, cancelable: true }));
}"""


def write_variables(page: Page, **variables: object) -> None:
    page.locator('[aria-label="Variables"] .graphiql-editor:not(.hidden) .view-lines').click()
    page.keyboard.press("ControlOrMeta+A")
    page.evaluate(PASTE, json.dumps(variables))  # typed, each bracket and quote would get a partner


def watch(page: Page, agent: dict[str, str], after: str) -> None:
    page.get_by_role("button", name="LiveEvents", exact=True).click()
    write_variables(page, projectId=agent["project_id"], after=after)
    page.get_by_role("button", name="Execute query").click()


def take_step(served: Server, agent: dict[str, str], step: str) -> None:
    path = f"/api/v1/projects/{agent['project_id']}/agents/{agent['id']}/{step}"
    served.http.post(path, headers=served.sign_in()).raise_for_status()


def test_one_watches_what_happens(signed_in: Page, served: Server):
    agent, spawned = spawn(served)

    with signed_in.expect_websocket() as opened:
        watch(signed_in, agent, spawned)
    for step, kind in (("pause", "AGENT_PAUSED"), ("resume", "AGENT_RESUMED")):
        take_step(served, agent, step)
        answers(signed_in, f'"kind": "{kind}"')

    with opened.value.expect_event("close"):
        signed_in.get_by_role("button", name="Stop query").click()


@pytest.mark.parametrize(("code", "renewed"), [(1012, []), (4403, ["RefreshToken"])], ids=["restart", "token ended"])
def test_after_a_break_a_watch_goes_on_where_it_was(code: int, renewed: list[str], signed_in: Page, served: Server):
    agent, spawned = spawn(served)
    sockets: list[WebSocketRoute] = []
    told: list[dict[str, Any]] = []

    def between(socket: WebSocketRoute) -> None:
        roster = socket.connect_to_server()
        socket.on_message(lambda it: told.append(json.loads(it)) or roster.send(it))
        sockets.append(socket)

    signed_in.route_web_socket("**/graphql", between)
    watch(signed_in, agent, spawned)
    take_step(served, agent, "pause")
    answers(signed_in, '"kind": "AGENT_PAUSED"')
    sent = operations(signed_in)

    sockets[0].close(code=code, reason="A break.")
    take_step(served, agent, "resume")

    answers(signed_in, '"kind": "AGENT_RESUMED"')
    first, second = (message["payload"]["variables"]["after"] for message in told if message["type"] == "subscribe")
    assert first == spawned
    assert int(second) > int(first)
    assert sent == renewed
