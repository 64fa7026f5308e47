"""The page of response times."""

import pytest
from flask import Flask

from tests.support.desk_data import Desk
from tests.support.rows import all_rows, audit_events
from tests.web.pages import Browser
from webapp.models import OpeningHours, TimeTarget
from webapp.services.transactions import reading

PATH = "/desk/response-times"
CRITICAL, LOW = 1, 4


def test_targets_are_offered_changed_and_saved(app: Flask, admin: Browser) -> None:
    page = admin.get(PATH)
    assert "Off until the first target is saved" in page.text
    assert page.form(PATH)["day-0"] == "08:00-18:00"
    assert page.one("a", href=f"{PATH}?offer=1") is not None
    offered = admin.get(f"{PATH}?offer=1")
    fields = offered.form(PATH)
    assert (fields["touch-1"], fields["always-1"]) == ("15m", "y")
    assert "not saved" in offered.text
    with app.app_context():
        assert all_rows_of_targets() == []
    changed = {**fields, "touch-1": "10", "close-4": "", "touch-4": "", "zone": "Berlin"}
    response = admin.client.post(PATH, data=changed)
    assert response.status_code == 303
    page = admin.get(response.location)
    assert "The page of response times was saved." in page.text
    assert page.form(PATH)["touch-1"] == "10m"
    assert page.form(PATH)["zone"] == "Europe/Berlin"
    assert "Open tickets are getting their new times." in page.text
    with app.app_context():
        targets = all_rows_of_targets()
        assert (targets[0].priority_id, targets[0].touch_minutes) == (CRITICAL, 10)
        assert LOW not in [one.priority_id for one in targets]
        assert targets[0].is_around_the_clock
        assert audit_events()[-1].action == "response_times.changed"
    again = admin.client.post(PATH, data=admin.get(PATH).form(PATH), follow_redirects=True)
    assert "Nothing was changed." in again.text


def all_rows_of_targets() -> list[TimeTarget]:
    with reading() as session:
        return session.query(TimeTarget).order_by(TimeTarget.priority_id).all()


@pytest.mark.parametrize(
    ("field", "typed", "sentence"),
    [
        ("touch-1", "soon", "write it as 30m, 4h or 1h 30m"),
        ("close-2", "4d", "write it as 30m, 4h or 1h 30m"),
        ("day-0", "8 to 5", "write it as 08:00-17:00"),
        ("day-6", "25:00-26:00", "no time of day"),
        ("zone", "Atlantis", "time zone"),
        ("holidays", "Christmas", "A holiday is written as 2026-12-25"),
    ],
)
def test_what_cannot_be_is_said_and_kept(
    app: Flask, admin: Browser, field: str, typed: str, sentence: str
) -> None:
    fields = {**admin.get(f"{PATH}?offer=1").form(PATH), field: typed}
    page = admin.page_of(admin.client.post(PATH, data=fields), status=400)
    assert sentence in page.text
    assert page.form(PATH)[field] == typed
    assert page.form(PATH)["close-1"] == "4h", "the others are kept as well"
    with app.app_context():
        assert all_rows(OpeningHours) == []


def test_a_desk_that_never_opens_reaches_no_target(admin: Browser) -> None:
    fields = admin.get(f"{PATH}?offer=1").form(PATH)
    closed = {**fields, **{f"day-{day}": "" for day in range(7)}}
    page = admin.page_of(admin.client.post(PATH, data=closed), status=400)
    assert "The desk is never open" in page.text
    only_always = {
        **closed, **{name: "" for name in closed if name.startswith(("touch-", "close-"))},
        "touch-1": "15m",
    }  # fmt: skip
    assert admin.client.post(PATH, data=only_always).status_code == 303


def test_two_admins_do_not_overwrite_each_other(admin: Browser, desk: Desk) -> None:
    fields = admin.get(f"{PATH}?offer=1").form(PATH)
    assert admin.client.post(PATH, data=fields).status_code == 303
    late = {**fields, "touch-1": "20m"}
    page = admin.page_of(admin.client.post(PATH, data=late), status=409)
    assert "changed this while you were editing it" in page.text
    assert page.form(PATH)["touch-1"] == "20m"
    assert admin.client.post(PATH, data=page.form(PATH)).status_code == 303


def test_only_admins_set_them(helpdesk: Browser) -> None:
    helpdesk.get(PATH, status=403)
