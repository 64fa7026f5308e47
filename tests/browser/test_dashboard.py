"""The dashboard in a browser: readable in every look, its tables and folded cards usable."""

from collections.abc import Callable

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support import desk_data
from tests.support.desk_data import HELPDESK, Desk
from webapp import clock


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
