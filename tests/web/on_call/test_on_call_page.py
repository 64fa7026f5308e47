"""The page of on-call duty."""

from collections.abc import Callable
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import add_contact, add_user_row, rotate
from tests.support.rows import all_rows
from tests.web.pages import Browser, Page, words_of
from webapp.models import OnCallOverride
from webapp.services.on_call.edit_overrides import add_override

PAGE = "/on-call"
SET = "/on-call/rotation"
ROTATION = {"every": "weekly", "weekday": "0", "at": "09:00", "time_zone": "Europe/Berlin"}
SignIn = Callable[[tuple[str, str]], Browser]
People = tuple[int, int]


@pytest.fixture
def admin(people: People, sign_in: SignIn) -> Browser:
    return sign_in(ADMIN)


@pytest.fixture
def helpdesk(people: People, sign_in: SignIn) -> Browser:
    return sign_in(HELPDESK)


@pytest.fixture
def rotation(app: Flask, people: People) -> People:
    """A weekly rotation of the two, Ada first; Ada can be reached."""
    with app.app_context():
        rotate(*people)
    return people


def shifts(page: Page) -> list[str]:
    """Who has the shifts that the page lists."""
    [table] = page.all("table")
    return [words_of(row) for row in table.iter("th") if row.get("scope") == "row"]


def overrides(app: Flask) -> list[OnCallOverride]:
    with app.app_context():
        return all_rows(OnCallOverride)


def test_setting_the_first_rotation(admin: Browser, people: People) -> None:
    page = admin.get(PAGE)
    assert "There is no rotation: nobody is on call" in page.text
    assert "On call now nobody" in page.text
    sent = admin.post(SET, {**ROTATION, "person": [str(people[1]), "", str(people[0])]}, on=PAGE)
    page = admin.page_of(admin.client.get(sent.location))
    assert "The rotation was saved." in page.text
    assert shifts(page)[:3] == ["Bo Lindqvist", "Ada Okafor", "Bo Lindqvist"]
    assert "On call now Bo Lindqvist until 15 Jun 2026, 07:00 UTC" in page.text
    assert "Next Ada Okafor from 15 Jun 2026, 07:00 UTC" in page.text
    again = admin.post(SET, {"person": [str(people[1]), str(people[0])]}, on=PAGE)
    assert "Nothing was changed." in admin.page_of(admin.client.get(again.location)).text


def test_what_was_typed_wrongly_comes_back(admin: Browser, people: People) -> None:
    typed = {**ROTATION, "at": "9 o’clock", "time_zone": "Atlantis", "person": [str(people[1])]}
    page = admin.page_of(admin.post(SET, typed, on=PAGE), status=400)
    assert "Choose a time zone from the list" in page.text
    assert page.one("input", name="time_zone").get("value") == "Atlantis"
    assert page.form(SET)["at"] == "9 o’clock"
    chosen = page.one("select", id="person-1")
    assert [one.get("value") for one in chosen if one.get("selected") is not None] == [
        str(people[1])
    ]
    nobody = {**ROTATION, "person": ["", "x", "99999999999999999999"]}
    page = admin.page_of(admin.post(SET, nobody, on=PAGE), status=400)
    assert "Somebody you chose cannot sign in any more" in page.text
    page = admin.page_of(admin.post(SET, {**ROTATION, "person": ""}, on=PAGE), status=400)
    assert "Choose who takes turns" in page.text


def test_two_admins_do_not_overwrite_each_other(
    admin: Browser, rotation: People, fake_clock: FakeClock
) -> None:
    ada, bo = map(str, rotation)
    stale = admin.get(PAGE).form(SET)
    fake_clock.advance(minutes=1)
    admin.post(SET, {"person": [bo], "at": "18:00"}, on=PAGE)
    typed = {**stale, "person": [ada], "at": "12:00"}
    page = admin.page_of(admin.client.post(SET, data=typed), status=409)
    assert "Ada Okafor changed this while you were editing it." in page.text
    assert "At is now: 18:00" in page.text
    assert page.form(SET)["at"] == "12:00"
    sent = admin.client.post(SET, data={**page.form(SET), "person": [ada]})
    assert "The rotation was saved." in admin.page_of(admin.client.get(sent.location)).text


def test_deleting_the_rotation(admin: Browser, rotation: People) -> None:
    sent = admin.post("/on-call/rotation/delete", on=PAGE)
    page = admin.page_of(admin.client.get(sent.location))
    assert "The rotation was deleted." in page.text
    assert "There is no rotation" in page.text
    assert admin.send("/on-call/rotation/delete", {}).status_code == 404


def test_helpdesk_sees_who_is_on_call_and_sets_nothing(helpdesk: Browser, rotation: People) -> None:
    page = helpdesk.get(PAGE)
    assert shifts(page)[:2] == ["Ada Okafor", "Bo Lindqvist"]
    actions = {form.get("action") for form in page.all("form")}
    assert not actions & {SET, "/on-call/calendar", "/on-call/rotation/delete"}
    assert not page.all("select", name="person")
    for path in (SET, "/on-call/rotation/delete", "/on-call/calendar", "/on-call/calendar/stop"):
        assert helpdesk.send(path, {}).status_code == 403
    assert helpdesk.client.get("/on-call/calendar").status_code == 403


def test_taking_a_shift(helpdesk: Browser, rotation: People, app: Flask) -> None:
    sent = helpdesk.post("/on-call/take", on=PAGE)
    page = helpdesk.page_of(helpdesk.client.get(sent.location))
    assert "The shift is yours." in page.text
    assert shifts(page)[0] == "Bo Lindqvist override"
    assert "Taken from Ada Okafor" in page.text
    [override] = overrides(app)
    helpdesk.post(f"/on-call/overrides/{override.id}/end", on=PAGE)
    page = helpdesk.get(PAGE)
    assert shifts(page)[0] == "Ada Okafor"
    assert "The override is ended." in page.text


@pytest.mark.parametrize("path", ["/on-call/take", "/on-call/swap", "/on-call/overrides/9/end"])
def test_what_is_not_there_any_more_is_said_in_words(
    helpdesk: Browser, rotation: People, path: str
) -> None:
    sent = helpdesk.send(path, {"shift": "1/nonsense", "first": "", "second": "x"})
    assert sent.status_code in (303, 404)
    if sent.status_code == 303:
        assert "Look at the list and choose again." in helpdesk.get(PAGE).text


def test_being_on_call_oneself(
    helpdesk: Browser, rotation: People, app: Flask, fake_clock: FakeClock
) -> None:
    typed = {"starts_at": "2026-06-10T18:00", "ends_at": "2026-06-11T08:00", "reason": "Party"}
    sent = helpdesk.post("/on-call/overrides", typed, on=PAGE)
    page = helpdesk.page_of(helpdesk.client.get(sent.location))
    assert "Bo Lindqvist is on call in that time." in page.text
    assert shifts(page)[:3] == ["Ada Okafor", "Bo Lindqvist override", "Ada Okafor"]
    [override] = overrides(app)
    assert f"{override.starts_at:%d %H:%M}" == "10 18:00"
    forged = {**typed, "person": str(rotation[0])}
    page = helpdesk.page_of(helpdesk.send("/on-call/overrides", forged), status=400)
    assert "Only an admin can put somebody else on call" in page.text


def test_times_are_those_of_the_viewer(
    admin: Browser, rotation: People, app: Flask, fake_clock: FakeClock
) -> None:
    admin.post("/preferences", {"time_zone": "America/New_York"}, on="/preferences")
    typed = {"ends_at": "2026-06-09T20:00", "person": str(rotation[1])}
    admin.post("/on-call/overrides", typed, on=PAGE)
    [override] = overrides(app)
    assert override.user_id == rotation[1]
    assert override.starts_at == fake_clock.now()
    assert override.ends_at == fake_clock.now() + timedelta(hours=12)


@pytest.mark.parametrize(
    ("typed", "words"),
    [
        ({"ends_at": "tomorrow"}, "Enter a day and a time."),
        ({"ends_at": ""}, "Enter an end that is later than now"),
        ({"ends_at": "2026-06-01T00:00"}, "Enter an end that is later than now"),
        ({"ends_at": "0001-01-01T00:00"}, "Enter a day and a time."),
        ({"ends_at": "2026-06-10T00:00", "person": "999"}, "There is nothing here"),
        ({"ends_at": "2026-06-10T00:00", "person": "x"}, "There is nothing here"),
    ],
)
def test_overrides_that_are_refused(
    admin: Browser, people: People, typed: dict[str, str], words: str
) -> None:
    response = admin.post(
        "/on-call/overrides", {"starts_at": "", "reason": "kept", **typed}, on=PAGE
    )
    page = admin.page_of(response, status=404 if "person" in typed else 400)
    assert words in page.text
    if "person" not in typed:
        assert page.form("/on-call/overrides")["reason"] == "kept"


def test_a_swap(helpdesk: Browser, rotation: People) -> None:
    sent = helpdesk.post("/on-call/swap", on=PAGE)
    page = helpdesk.page_of(helpdesk.client.get(sent.location))
    assert "The two shifts are swapped." in page.text
    assert shifts(page)[:3] == ["Bo Lindqvist override", "Ada Okafor override", "Ada Okafor"]
    assert "Swap with Ada Okafor" in page.text


def test_warnings_say_whom_no_message_reaches(
    admin: Browser, rotation: People, app: Flask, fake_clock: FakeClock
) -> None:
    with app.app_context():
        add_contact(rotation[0], confirmed_at=fake_clock.now())
    page = admin.get(PAGE)
    assert "Bo Lindqvist has no confirmed contact method" in page.text
    assert "Ada Okafor has no confirmed contact method" not in page.text


def test_the_card_of_the_dashboard(
    admin: Browser, people: People, app: Flask, fake_clock: FakeClock
) -> None:
    assert not admin.get("/").all("section", aria_labelledby="on-call-heading")
    with app.app_context():
        rotate(*people)
    card = words_of(admin.get("/").one("section", aria_labelledby="on-call-heading"))
    assert "On call now Ada Okafor until 15 Jun 2026, 07:00 UTC Next Bo Lindqvist" in card
    assert "2 warnings of on-call duty" in card
    assert "Ada Okafor has no confirmed contact method" in card
    with app.app_context():
        for one in people:
            add_contact(one, confirmed_at=fake_clock.now())
    assert "Shifts of on-call duty" in words_of(
        admin.get("/").one("section", aria_labelledby="on-call-heading")
    )


def test_whoever_deactivates_somebody_in_the_rotation_is_told(
    admin: Browser, rotation: People, app: Flask
) -> None:
    with app.app_context():
        other = add_user_row("Cleo")
    words = "Bo Lindqvist takes turns on call: from now on, whoever follows"
    assert words in admin.get(f"/users/{rotation[1]}/deactivate").text
    assert "turns on call" not in admin.get(f"/users/{other}/deactivate").text


def test_the_audit_log_tells_it(
    admin: Browser, rotation: People, app: Flask, fake_clock: FakeClock
) -> None:
    with app.app_context():
        add_override(rotation[1], None, fake_clock.now() + timedelta(hours=1), reason="Ill")
    text = admin.get("/audit").text
    assert "Set the on-call rotation" in text
    assert "handover every Monday at 09:00" in text
    assert "Put somebody on call" in text
    assert "user Bo Lindqvist" in text
