"""The calendar at its secret address."""

from collections.abc import Callable
from urllib.parse import urlsplit

import pytest
from flask import Flask
from icalendar import Calendar

from tests.support.desk_data import ADMIN
from tests.support.on_call.rotations import rotate
from tests.web.pages import Browser
from webapp.models import OnCallRotation
from webapp.services.transactions import reading

PAGE = "/on-call"
MAKE = "/on-call/calendar"


@pytest.fixture
def admin(
    app: Flask, people: tuple[int, int], sign_in: Callable[[tuple[str, str]], Browser]
) -> Browser:
    with app.app_context():
        rotate(*people)
    return sign_in(ADMIN)


def make_address(admin: Browser) -> str:
    """Make a new address and return its path."""
    page = admin.page_of(admin.post(MAKE, on=PAGE))
    address = page.one("input", id="address").get("value") or ""
    assert address.startswith("http://localhost/on-call/calendar/")
    return urlsplit(address).path


def test_the_address_is_shown_once_and_needs_no_sign_in(
    admin: Browser, visitor: Browser, app: Flask
) -> None:
    path = make_address(admin)
    with admin.client.session_transaction() as held:
        assert path.removeprefix(f"{MAKE}/").removesuffix(".ics") not in repr(dict(held))
    assert "The address is shown only once" in admin.get(MAKE).text
    answer = visitor.client.get(path)
    assert answer.status_code == 200
    assert answer.mimetype == "text/calendar"
    assert "Set-Cookie" not in answer.headers
    assert answer.headers["Cache-Control"] == "no-store"
    names = {str(one["summary"]) for one in Calendar.from_ical(answer.data).walk("VEVENT")}
    assert names == {"On call: Ada Okafor", "On call: Bo Lindqvist"}
    with app.app_context(), reading() as session:
        assert session.query(OnCallRotation).one().feed_hash not in (None, path)


def test_a_new_address_ends_the_old_one_and_it_can_be_ended(
    admin: Browser, visitor: Browser
) -> None:
    first = make_address(admin)
    second = make_address(admin)
    assert visitor.client.get(first).status_code == 404
    assert visitor.client.get(second).status_code == 200
    sent = admin.post("/on-call/calendar/stop", on=PAGE)
    assert (
        "The calendar's address has ended." in admin.page_of(admin.client.get(sent.location)).text
    )
    gone = visitor.client.get(second)
    assert gone.status_code == 404
    assert gone.text == "There is no calendar at this address.\n"
    assert "Set-Cookie" not in gone.headers


def test_without_a_rotation_there_is_no_calendar(admin: Browser) -> None:
    admin.post("/on-call/rotation/delete", on=PAGE)
    sent = admin.send(MAKE, {})
    assert sent.location == PAGE
    assert "There is no rotation yet" in admin.get(PAGE).text


def test_guessing_is_throttled_and_readers_are_not(admin: Browser, visitor: Browser) -> None:
    path = make_address(admin)
    for _ in range(12):
        assert visitor.client.get(path).status_code == 200
    guesses = [visitor.client.get(f"/on-call/calendar/{n}.ics").status_code for n in range(12)]
    assert guesses == [404] * 10 + [429] * 2
