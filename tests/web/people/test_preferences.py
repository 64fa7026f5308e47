"""Colours and time zone of one person."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser
from webapp.models import User
from webapp.services.transactions import reading, transaction


def stored(app: Flask, user_id: int) -> User:
    with app.app_context(), reading() as session:
        return session.get(User, user_id, populate_existing=True)


@pytest.mark.parametrize("theme", ["light", "dark", "auto"])
def test_the_theme_is_switched_without_a_script(
    app: Flask, helpdesk: Browser, desk: Desk, theme: str
) -> None:
    path = "/tickets?q=a"
    page = helpdesk.get(path)
    assert page.tree.get("data-theme") == "auto"
    fields = {**page.form("/theme"), "theme": theme}
    response = helpdesk.client.post("/theme", data=fields)
    assert (response.status_code, response.location) == (303, path)
    assert helpdesk.get(path).tree.get("data-theme") == theme
    assert stored(app, desk.helpdesk_id).theme == theme
    assert stored(app, desk.admin_id).theme is None


def test_a_theme_that_does_not_exist(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    assert helpdesk.send("/theme", {"theme": "pink", "next": "/"}).status_code == 400
    assert stored(app, desk.helpdesk_id).theme is None


def test_switching_the_theme_never_leads_to_another_site(helpdesk: Browser) -> None:
    data = {"theme": "dark", "next": "//evil.example"}
    assert helpdesk.send("/theme", data).location == "/"


def test_times_are_shown_in_the_zone_of_the_viewer(
    app: Flask, desk: Desk, sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    browsers = sign_in(ADMIN), sign_in(HELPDESK)
    with app.app_context(), transaction() as session:
        session.get(User, desk.admin_id).time_zone = "Asia/Kolkata"
    kolkata, utc = (browser.get("/tickets/1").response.text for browser in browsers)
    assert "IST" in kolkata
    assert "UTC" not in kolkata.split("<aside")[1]
    assert "UTC" in utc


def test_preferences_are_saved(app: Flask, admin: Browser, desk: Desk) -> None:
    data = {"theme": "dark", "time_zone": "Europe/Berlin"}
    response = admin.post_own("/preferences", data)
    assert response.status_code == 303
    page = admin.get("/preferences")
    assert "Saved." in page.text
    assert page.tree.get("data-theme") == "dark"
    user = stored(app, desk.admin_id)
    assert (user.theme, user.time_zone) == ("dark", "Europe/Berlin")
    admin.post_own("/preferences", {"theme": "auto", "time_zone": ""})
    assert stored(app, desk.admin_id).time_zone is None


def test_a_zone_is_found_by_its_city(app: Flask, admin: Browser, desk: Desk) -> None:
    for typed, zone in (
        ("europe/berlin", "Europe/Berlin"),
        (" new york ", "America/New_York"),
        ("Berlin", "Europe/Berlin"),
        ("UTC", None),
        ("Asia/Calcutta", "Asia/Calcutta"),
    ):
        admin.post_own("/preferences", {"theme": "auto", "time_zone": typed})
        assert stored(app, desk.admin_id).time_zone == zone, typed


def test_the_zones_to_choose_from(admin: Browser, desk: Desk) -> None:
    page = admin.get("/preferences")
    field = page.one("input", name="time_zone")
    offered = [one.get("value") for one in page.one("datalist", id=str(field.get("list")))]
    assert (field.get("value"), offered[0]) == ("UTC", "UTC")
    assert "Europe/Berlin" in offered
    assert not {"US/Eastern", "Etc/GMT+1", "GMT"} & set(offered)


def test_the_own_name_and_address(app: Flask, helpdesk: Browser, desk: Desk) -> None:
    path = "/preferences/details"
    data = {"name": "Bo L.", "email": "bo.l@example.com"}
    assert helpdesk.post(path, data, on="/preferences").status_code == 303
    user = stored(app, desk.helpdesk_id)
    assert (user.name, user.email, user.role) == ("Bo L.", "bo.l@example.com", "helpdesk")
    assert "Bo L." in helpdesk.get("/preferences").text
    typed = {"name": "Bobby", "email": ADMIN[0]}
    page = helpdesk.page_of(helpdesk.post(path, typed, on="/preferences"), status=400)
    assert f"There is a user with the address {ADMIN[0]}." in page.text
    assert [page.one("input", name=name).get("value") for name in typed] == list(typed.values())
    assert stored(app, desk.helpdesk_id).name == "Bo L."


def test_an_unlocked_screen_changes_no_address(
    app: Flask, helpdesk: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    fake_clock.advance(minutes=11)
    typed = {"name": "Bo L.", "email": "mallory@example.org"}
    asked = helpdesk.page_of(
        helpdesk.post("/preferences/details", typed, on="/preferences"), status=403
    )
    assert asked.heading == "Confirm that it is you"
    assert typed.items() <= asked.form("/confirm").items()
    assert stored(app, desk.helpdesk_id).email == HELPDESK[0]


def test_what_an_admin_changed_meanwhile_is_not_overwritten(
    app: Flask, helpdesk: Browser, desk: Desk
) -> None:
    fields = helpdesk.get("/preferences").form("/preferences/details")
    with app.app_context(), transaction() as session:
        session.get(User, desk.helpdesk_id).email = "given@example.com"
    response = helpdesk.client.post("/preferences/details", data={**fields, "name": "Bobby"})
    page = helpdesk.page_of(response, status=409)
    assert "given@example.com now. Nothing was saved" in page.text
    assert page.one("input", name="name").get("value") == "Bobby"
    assert page.one("input", name="seen_email").get("value") == "given@example.com"


@pytest.mark.parametrize("data", [{"time_zone": "Mars/Base"}, {"theme": "pink"}])
def test_nonsense_is_refused(app: Flask, admin: Browser, desk: Desk, data: dict[str, str]) -> None:
    admin.page_of(admin.post_own("/preferences", data), status=400)
    assert stored(app, desk.admin_id).theme is None


@pytest.mark.parametrize("zone", ["Mars/Base", "../../etc/passwd", "", "Europe"])
def test_a_stored_zone_that_does_not_exist_is_utc(
    app: Flask, admin: Browser, desk: Desk, zone: str
) -> None:
    with app.app_context(), transaction() as session:
        session.get(User, desk.admin_id).time_zone = zone
    assert "UTC" in admin.get("/tickets/1").text


def test_how_open_pages_call_is_chosen(app: Flask, auditor: Browser) -> None:
    assert auditor.get("/tickets").one("main", id="content").get("data-calls") == ""
    page = auditor.get("/preferences")
    chosen = {**page.form("/preferences/calls"), "calls": ["sound", "<b>"]}
    assert auditor.client.post("/preferences/calls", data=chosen).status_code == 303
    assert auditor.get("/tickets").one("main", id="content").get("data-calls") == "sound"
    page = auditor.get("/preferences")
    [ticked] = [box for box in page.all("input", name="calls") if "checked" in box.attrib]
    assert ticked.get("value") == "sound"
    auditor.client.post("/preferences/calls", data=page.form("/preferences/calls") | {"calls": []})
    assert auditor.get("/tickets").one("main", id="content").get("data-calls") == ""
