"""The dashboard in a browser: readable in every look, its tables and folded cards usable."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support import desk_data
from tests.support.desk_data import HELPDESK, Desk
from tests.support.rows import change
from webapp import clock
from webapp.models import Connection
from webapp.services.operations import read_banner
from webapp.task_queue import QueueStatus


@pytest.mark.parametrize(("scheme", "width"), [("light", 1440), ("dark", 390)])
def test_figures_and_many_connections(
    app: Flask,
    desk: Desk,
    open_page: Callable[..., Page],
    sign_in: Callable[[Page, tuple[str, str]], None],
    check_accessibility: Callable[[Page], None],
    scheme: str,
    width: int,
) -> None:
    now = clock.utcnow()
    with app.app_context():
        desk_data.add_connection(now, name="Acme", account_id=2)
        desk_data.add_connection(
            now, name="Failing", account_id=3, last_error="No.", last_error_at=now
        )
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, HELPDESK)
    check_accessibility(page)
    folded = page.locator("#connection-2")
    expect(folded).to_be_hidden()
    page.get_by_role("link", name="Acme", exact=True).click()
    expect(folded).to_be_visible()
    for summary in page.locator("details.chart-data summary").all():
        summary.click()
    expect(page.get_by_role("table", name="Incidents by day and severity")).to_be_visible()
    check_accessibility(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_banner_comes_and_goes_while_a_page_stays_open(
    app: Flask,
    desk: Desk,
    open_page: Callable[..., Page],
    sign_in: Callable[[Page, tuple[str, str]], None],
    check_accessibility: Callable[[Page], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """It asks every ten seconds; what the card says follows it at once."""
    well = QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr(read_banner, "recent_queue_status", lambda: well)

    def last_poll(ago: timedelta) -> None:
        then = clock.utcnow() - ago
        with app.app_context():
            change(Connection, 1, last_poll_started_at=then, last_success_at=then)

    page = open_page(viewport={"width": 390, "height": 844})
    page.clock.install()
    sign_in(page, HELPDESK)
    card, banner = page.locator("#connection-1"), page.locator("#polling-banner")
    no_answer = banner.get_by_text("The server does not answer.")
    tick = page.locator(".connection-symbol .icon")
    expect(banner.get_by_text("A poll has been due")).to_have_count(0)
    expect(card).to_contain_text("Working")
    last_poll(timedelta(days=1))
    page.clock.fast_forward(10_500)
    expect(card).to_contain_text("Overdue")
    expect(card.get_by_text("A poll has been due")).to_be_visible()
    expect(banner.get_by_text("A poll has been due")).to_be_hidden()
    check_accessibility(page)
    last_poll(timedelta())
    page.clock.fast_forward(10_500)
    expect(banner.get_by_text("A poll has been due")).to_have_count(0)
    expect(card).to_contain_text("Working")
    expect(tick).to_be_visible()
    page.route("**/polling-banner*", lambda route: route.fulfill(status=418))
    page.clock.fast_forward(10_500)
    expect(no_answer).to_be_visible()
    expect(tick).to_be_hidden()
    check_accessibility(page)
    page.unroute("**/polling-banner*")
    page.clock.fast_forward(10_500)
    expect(no_answer).to_be_hidden()
    expect(tick).to_be_visible()
