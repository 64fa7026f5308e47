"""The pages of retention and of leaving: a client is forgotten by hand, and all looks are sound."""

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support.desk_data import ADMIN, Desk
from tests.support.rows import all_rows
from webapp.models import Client, OrganizationMapping
from webapp.services.people.users import deactivate_user
from webapp.services.retention.go_on import go_on_with_all

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
LOOKS = [("light", 1440), ("dark", 390), ("dark", 1440), ("light", 390)]


@pytest.fixture
def client(app: Flask, desk: Desk) -> Client:
    with app.app_context():
        [mapping, *_] = all_rows(OrganizationMapping, OrganizationMapping.client_id.is_not(None))
        [found] = all_rows(Client, Client.id == mapping.client_id)
        return found


def look_at(page: Page, check: Check, name: str, looks: list[tuple[str, int]]) -> None:
    for scheme, width in looks:
        page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
        page.set_viewport_size({"width": width, "height": 900})
        check(page)
        assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
        if folder := os.environ.get("TEST_PICTURES"):
            file = Path(folder) / f"{name}-{scheme}-{width}.png"
            page.screenshot(path=str(file), full_page=True)


def test_a_client_and_a_person_are_forgotten_and_every_page_is_accessible(
    app: Flask,
    desk: Desk,
    client: Client,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
) -> None:
    name = client.name
    with app.app_context():
        deactivate_user(desk.helpdesk_id)
    page = open_page(viewport={"width": 1440, "height": 900})
    sign_in(page, ADMIN)
    page.goto("/desk/retention")
    look_at(page, check_accessibility, "ages", LOOKS)
    page.get_by_label("Audit log (days)").fill("10")
    page.get_by_role("button", name="Save").press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("at least 90 days")
    look_at(page, check_accessibility, "ages-refused", LOOKS[:2])
    page.set_viewport_size({"width": 1440, "height": 900})
    page.goto(f"/clients/{client.id}")
    page.get_by_role("link", name="Download or forget…").click()
    look_at(page, check_accessibility, "forget-client", LOOKS)
    with page.expect_download() as download:
        page.get_by_role("button", name="Download everything first").click()
    assert download.value.suggested_filename.endswith(".zip")
    page.get_by_label("Type the client's name").fill(name)
    page.get_by_role("button", name="Forget for good").press("Enter")
    expect(page.locator("main")).to_contain_text("This client is being forgotten.")
    look_at(page, check_accessibility, "being-forgotten", LOOKS[2:])
    with app.app_context():
        go_on_with_all()
    page.reload()
    expect(page.locator("main")).to_contain_text("This client is forgotten.")
    look_at(page, check_accessibility, "forgotten-client", LOOKS[:2])
    for path, called in (
        (f"/clients/{client.id}", "client"),
        (f"/users/{desk.helpdesk_id}", "deactivated"),
        (f"/users/{desk.helpdesk_id}/forget", "forget-person"),
        (f"/users/{desk.admin_id}/forget", "forget-active"),
        ("/preferences", "preferences"),
    ):
        page.goto(path)
        look_at(page, check_accessibility, called, LOOKS[:2])
