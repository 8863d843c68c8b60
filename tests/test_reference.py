"""The REST reference in a real browser: one signs in, reads, and asks; nothing goes elsewhere."""

import json
import re
from collections.abc import Iterator
from typing import Any

import pytest
from playwright.sync_api import Browser, Locator, Page, expect

from tests import test_explorer
from tests.node_tools import Node
from tests.processes import ROOT, Server
from tests.test_explorer import watched

EMAIL, PASSWORD = ROOT.values()
PALE = """async (where) => {
  await Promise.all(document.getAnimations().map((animation) => animation.finished));
  const { violations } = await axe.run(where, { runOnly: ['color-contrast'] });
  return violations.flatMap((rule) => rule.nodes.map((node) => `${node.target}: ${node.any[0].message}`));
}"""
browser, place, served = test_explorer.browser, test_explorer.place, test_explorer.served
pytestmark = test_explorer.pytestmark


@pytest.fixture
def page(request: pytest.FixtureRequest, browser: Browser, served: Server) -> Iterator[Page]:
    """The reference, as it is shown first."""
    with watched(browser, served, getattr(request, "param", "light")) as page:
        page.goto(f"{served.address}/docs")
        expect(page.locator(".opblock").first).to_be_visible()
        yield page


def sign_in(page: Page) -> None:
    page.get_by_label("E-mail address").fill(EMAIL)
    page.get_by_label("Password", exact=True).fill(PASSWORD)
    page.get_by_role("button", name="Sign in", exact=True).click()
    expect(page.get_by_role("status")).to_have_text(f"Signed in as {EMAIL}")


def opened(page: Page, name: str) -> Locator:
    """Opens an operation."""
    operation = page.locator(f"[id$={name}]")
    operation.locator(".opblock-summary-control").click()
    expect(operation.get_by_role("button", name="Execute")).to_be_visible()
    return operation


def execute(page: Page, name: str, body: dict[str, Any] | None = None) -> int:
    """Opens an operation and runs it; returns the status that is shown."""
    operation = opened(page, name)
    if body:
        operation.locator("textarea").fill(json.dumps(body))
    operation.get_by_role("button", name="Execute").click()
    shown = operation.locator(".live-responses-table .response-col_status").nth(1)
    expect(shown).to_be_visible()
    return int(shown.inner_text().split()[0])


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_one_signs_in_and_asks(page: Page, request: pytest.FixtureRequest):
    sign_in(page)

    assert execute(page, "listAgentTypes") == 200
    shade = page.evaluate("getComputedStyle(document.body).backgroundColor")
    dark = max(map(int, re.findall(r"\d+", shade)[:3])) < 128
    assert dark is (request.node.callspec.params["page"] == "dark")


@pytest.mark.parametrize("page", ["light", "dark"], indirect=True)
def test_nothing_is_too_pale_to_be_read(page: Page, node: Node):
    page.evaluate((node.modules / "axe-core/axe.min.js").read_text())
    assert page.evaluate(PALE, "body") == []

    sign_in(page)
    for name in ("createAgentType", "administerUser", "deleteUser"):
        opened(page, name)
    execute(page, "listAgentTypes")
    assert page.evaluate(PALE, ".roster-bar, .is-open") == []


def test_one_is_signed_in_by_running_login_until_one_signs_out(page: Page):
    assert execute(page, "login", {"email": EMAIL, "password": PASSWORD}) == 200

    expect(page.get_by_role("status")).to_have_text(f"Signed in as {EMAIL}")
    expect(page.get_by_role("button", name="Authorize")).to_have_count(0)
    assert execute(page, "getMe") == 200
    page.reload()
    expect(page.get_by_role("status")).to_have_text(f"Signed in as {EMAIL}")
    with page.expect_response("**/auth/logout") as logout:
        page.get_by_role("button", name="Sign out").click()
    assert logout.value.status == 200
    expect(page.get_by_label("Password", exact=True)).to_be_visible()


def test_a_token_of_ones_own_is_spoken_for(page: Page, served: Server):
    token = served.sign_in()["Authorization"].removeprefix("Bearer ")
    page.get_by_role("button", name="Authorize").first.click()
    page.locator("#auth-bearer-value").fill(token)
    page.locator(".auth-btn-wrapper").get_by_role("button", name="Apply credentials").click()
    page.get_by_role("button", name="Close").first.click()

    assert execute(page, "getStats") == 200


def test_every_operation_is_there(page: Page, served: Server):
    document = served.http.get("/api/v1/openapi.json").json()
    names = {each["operationId"] for path in document["paths"].values() for each in path.values()}

    shown = page.locator(".opblock").evaluate_all("all => all.map(one => one.id.split('-').pop())")

    assert set(shown) == names
