"""An auditor in a browser: the log with places and failures, forms that cannot be filled in."""

from collections.abc import Callable
from typing import Any

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.looks import in_each_look
from tests.support.desk_data import PASSWORD, Desk
from tests.support.security.auditors import AUDITOR, add_auditor
from tests.support.security.trail import chained
from webapp.services.audit import Origin

PLACE = Origin("192.0.2.7", "k3vq7zr5m2xw4", "d5uxq2ra7fz3c")


@pytest.fixture
def events(app: Flask, desk: Desk) -> None:
    """A sign-in, refusals, an export, a change."""
    with app.app_context():
        add_auditor(PASSWORD)
        chained(
            1,
            action="session.begun",
            subject_type="session",
            subject_id=PLACE.session_ref,
            actor_id=desk.admin_id,
            origin=PLACE,
            before=None,
            after={"method": "password", "factor": "app", "new_device": True},
        )
        chained(
            2,
            action="session.refused",
            subject_type="user",
            subject_id=desk.admin_id,
            origin=Origin("2001:db8:85a3:8d3:1319:8a2e:370:7348"),
            before=None,
            after={"reason": "password"},
        )
        chained(
            1,
            action="export.tickets",
            subject_type="export",
            subject_id=None,
            actor_id=desk.helpdesk_id,
            origin=PLACE,
            before=None,
            after={"file": "tickets-open-2026-06-09.csv", "state": "open"},
        )


@in_each_look
def test_axe_finds_nothing_on_an_auditors_pages(
    desk: Desk,
    events: None,
    open_page: Callable[..., Page],
    sign_in: Callable[..., None],
    check_accessibility: Callable[[Page], None],
    scheme: str,
    width: int,
) -> None:
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    sign_in(page, AUDITOR)
    for path in ("/audit", "/audit?kind=refusals&session=k3vq7zr5m2xw4", "/tickets/1", "/users/1"):
        page.goto(path)
        check_accessibility(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), path


def test_an_auditor_reads_and_changes_nothing(
    desk: Desk, events: None, open_page: Callable[..., Page], sign_in: Callable[..., Any]
) -> None:
    page = open_page()
    sign_in(page, AUDITOR)
    page.goto("/audit")
    expect(page.get_by_text("Was refused at the sign-in").first).to_be_visible()
    page.get_by_label("What kind").select_option(label="Failures and refusals")
    expect(page.get_by_role("row")).to_have_count(3)
    page.get_by_role("link", name="2001:db8").first.click()
    expect(page.get_by_label("Address")).to_have_value("2001:db8:85a3:8d3:1319:8a2e:370:7348")
    page.goto("/users/1")
    expect(page.get_by_role("textbox", name="Name")).to_be_disabled()
    expect(page.get_by_role("button", name="Save")).to_be_disabled()
    page.goto("/tickets/1")
    expect(page.get_by_text("You are an auditor")).to_be_visible()
    for button in page.locator("main form[method=post] button").all():
        expect(button).to_be_disabled()
