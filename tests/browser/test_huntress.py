"""A Huntress account, from a wrong key to the first poll, in a real browser."""

from collections.abc import Callable, Iterator

import pytest
from flask import Flask
from playwright.sync_api import Browser, Page, Route, expect

from tests.browser.looks import in_each_look
from tests.support import desk_data
from tests.support.desk_data import ADMIN
from tests.support.poller import allow_host
from tests.support.rows import add, all_rows, change, fresh
from webapp import clock
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Category, Client, Connection, Ticket
from webapp.services.connections.connect_account import connect_account
from webapp.services.polling.poll_connection import poll_connection

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
PAGE = "/integrations/huntress/1"
ASKING = (f"{PAGE}/disconnect", f"{PAGE}/close-tickets")


@pytest.fixture
def huntress(app: Flask) -> Iterator[Simulator]:
    """The demo account over loopback, and people on an otherwise empty desk."""
    account = SimulatedAccount.demo(now=clock.utcnow())
    with Simulator(account) as simulator:
        allow_host(app, simulator.base_url)
        with app.app_context():
            desk_data.add_people()
            for row in list(account.organization_rows.values())[:5]:
                add(Client(name=str(row["name"])))
        yield simulator


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_from_a_wrong_key_to_the_first_poll(
    app: Flask, huntress: Simulator, open_page: OpenPage, sign_in: SignIn, has_script: bool
) -> None:
    page = open_page(java_script_enabled=has_script)
    sign_in(page, ADMIN)
    page.get_by_role("link", name="Connect an account").click()
    page.get_by_label("API key").fill("hk_demo")
    page.get_by_label("API secret").fill("hs_wrong")
    page.get_by_text("Advanced").click()
    page.get_by_label("Base URL").fill(huntress.base_url)
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_role("alert")).to_contain_text("the API key or the secret is wrong")
    expect(page.get_by_label("Base URL")).to_have_value(huntress.base_url)
    expect(page.get_by_label("API secret")).to_have_value("")
    page.get_by_label("API key").fill("hk_demo")
    page.get_by_label("API secret").fill("hs_demo")
    page.get_by_role("button", name="Connect").click()
    expect(page.get_by_text("Complete the routing configuration below")).to_be_visible()
    expect(page.locator(".connection .notice-warning")).to_contain_text(
        "Missing: Security board, Fallback client"
    )
    expect(page.get_by_role("button", name="Poll now")).to_be_disabled()

    page.get_by_label("Security board").select_option("Security")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_text("Saved, but routing is still incomplete")).to_be_visible()
    page.get_by_label("Fallback client").select_option("Internal (unmapped security)")
    page.get_by_label("Fallback (triage) board").select_option("Security Triage")
    page.get_by_label("Poll interval (minutes)").fill("600")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_role("alert")).to_contain_text("Enter a whole number from 1 to 60.")
    expect(page.get_by_label("Fallback (triage) board")).to_have_value("2")
    page.get_by_label("Poll interval (minutes)").fill("10")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_text("start polling when you are ready")).to_be_visible()
    expect(
        page.get_by_text("become tickets of priority Critical on board Security.")
    ).to_be_visible()

    page.get_by_role("link", name="Preview and start", exact=True).click()
    if not has_script:
        page.get_by_role("button", name="Look at Huntress").click()
    heading = page.get_by_role("heading", level=2)
    expect(heading).to_contain_text("on Security Triage")
    promised = int(heading.inner_text().split(" ")[0])
    page.get_by_role("button", name="Start polling").click()
    expect(page.get_by_text("Polling is started.")).to_be_visible()
    expect(page.locator("#connection-1")).to_contain_text("Waiting for a worker to start the poll")
    with app.app_context():
        assert poll_connection(1, trigger="manual").is_success
        assert len(all_rows(Ticket)) == promised > 0
    if not has_script:
        page.get_by_role("link", name="Refresh").click()
    expect(page.locator("#connection-1")).to_contain_text(f"{promised} tickets created")
    expect(page.locator("#connection-1")).to_contain_text("Connected to Tallow & Reed")


@pytest.fixture
def routed(app: Flask, huntress: Simulator) -> None:
    """The account connected and routed, with categories on two boards."""
    with app.app_context():
        connect_account(
            name="", base_url=huntress.base_url, api_key="hk_demo", api_secret="hs_demo"
        )
        change(Connection, 1, board_id=1, fallback_board_id=2, fallback_client_id=1)
        malware = add(Category(name="Malware", board_id=1))
        add(Category(name="Trojan", board_id=1, parent_id=malware.id))
        add(Category(name="Hardware", board_id=3))


def test_the_form_follows_what_is_chosen(
    app: Flask, routed: None, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto(PAGE)
    category, subcategory = page.locator("#category_id"), page.locator("#subcategory_id")
    expect(category.locator("option")).to_have_text(["None", "Malware"])
    expect(subcategory.locator("option")).to_have_text(["None"])
    category.select_option("Malware")
    subcategory.select_option("Trojan")
    page.get_by_label("Security board").select_option("Service Desk")
    expect(category.locator("option")).to_have_text(["None", "Hardware"])
    expect(category).to_have_value("")
    expect(subcategory.locator("option")).to_have_text(["None"])
    category.select_option("Hardware")
    expect(page.get_by_label("Closed status")).to_be_hidden()
    page.get_by_label("Close tickets when Huntress closes the incident").check()
    page.get_by_label("Closed status").select_option("Closed")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_text("They get the category Hardware.")).to_be_visible()
    with app.app_context():
        stored = fresh(Connection, 1)
    assert (stored.board_id, stored.subcategory_id, stored.closed_status_id) == (3, None, 4)


def test_a_preview_that_does_not_come_says_so(
    routed: None, chromium: Browser, url: str, sign_in: SignIn
) -> None:
    """In a context of its own: htmx complains in the console about what is provoked here."""

    def refuse(route: Route) -> None:
        if route.request.method == "POST":
            route.fulfill(status=404)
        else:
            route.continue_()

    with chromium.new_context(base_url=url) as context:
        page = context.new_page()
        sign_in(page, ADMIN)
        page.route("**/preview", refuse)
        page.goto(f"{PAGE}/preview")
        expect(page.get_by_role("alert")).to_contain_text("No answer came. Reload the page")


@in_each_look
def test_accessibility(
    routed: None,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})

    def check() -> None:
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    sign_in(page, ADMIN)
    for path in ("/integrations", "/integrations/huntress/connect", PAGE, *ASKING):
        page.goto(path)
        check()
    page.goto(PAGE)
    page.get_by_text("Replace credentials").first.click()
    page.get_by_label("Backfill (days)").fill("0")
    page.get_by_label("Close tickets when Huntress closes the incident").check()
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_role("alert")).to_be_focused()
    check()
    page.goto(f"{PAGE}/preview")
    page.get_by_role("button", name="Start polling").wait_for()
    check()
