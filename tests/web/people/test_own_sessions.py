"""Preferences: where one is signed in, and ending that elsewhere."""

from collections.abc import Callable

from flask import Flask

from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from tests.support.fake_clock import FakeClock
from tests.support.security.sessions import COOKIE
from tests.web.pages import Browser, Page, words_of
from webapp.services.people.own_sessions import list_sessions
from webapp.web.cookies import DEVICE, PENDING, PROVIDER

SignIn = Callable[[tuple[str, str]], Browser]
FIREFOX = "Mozilla/5.0 (X11; Linux x86_64; rv:140.0) Gecko/20100101 Firefox/140.0"


def rows(page: Page) -> list[str]:
    section = page.one("section", aria_labelledby="sessions-heading")
    return [words_of(row) for row in section.findall(".//li")]


def test_the_list_says_browser_place_and_time(
    people: tuple[int, int], visitor: Browser, sign_in: SignIn, fake_clock: FakeClock
) -> None:
    visitor.client.environ_base["HTTP_USER_AGENT"] = FIREFOX
    visitor.post_sign_in(HELPDESK[0], PASSWORD)
    fake_clock.advance(hours=2)
    sign_in(HELPDESK)
    sign_in(ADMIN)
    listed = rows(visitor.get("/preferences"))
    [here] = [row for row in listed if "This browser" in row]
    [other] = [row for row in listed if row != here]
    assert here.startswith("Firefox on Linux This browser 127.0.0.1 · used")
    assert other.startswith("an unknown browser Unknown address")
    assert "End" not in here.replace("Ended", "")


def test_the_others_are_ended(people: tuple[int, int], sign_in: SignIn) -> None:
    here, there, admin = sign_in(HELPDESK), sign_in(HELPDESK), sign_in(ADMIN)
    response = here.post("/preferences/sessions/end-others", on="/preferences")
    assert response.location == "/preferences#sessions-heading"
    assert "1 other session ended." in here.get("/preferences").text
    assert there.client.get("/").status_code == 302
    assert admin.client.get("/").status_code == 200
    assert len(rows(here.get("/preferences"))) == 1


def test_one_is_ended_and_nobody_elses(
    app: Flask, people: tuple[int, int], sign_in: SignIn
) -> None:
    here, there, admin = sign_in(HELPDESK), sign_in(HELPDESK), sign_in(ADMIN)
    with app.app_context():
        theirs = [one.id for one in list_sessions(people[0])]
        mine = [one.id for one in list_sessions(people[1])]
    foreign = here.send(f"/preferences/sessions/{theirs[0]}/end", {})
    assert foreign.status_code == 303
    assert admin.client.get("/").status_code == 200
    forms = [form.get("action") for form in here.get("/preferences").all("form")]
    [path] = {f"/preferences/sessions/{one}/end" for one in mine} & set(forms)
    here.post(path, on="/preferences")
    assert there.client.get("/").status_code == 302


def test_use_is_noted_every_few_minutes_and_reading_writes_nothing_else(
    app: Flask, people: tuple[int, int], sign_in: SignIn, fake_clock: FakeClock
) -> None:
    browser = sign_in(HELPDESK)
    seen = []
    for minutes in (1, 3, 2, 4, 1):
        fake_clock.advance(minutes=minutes)
        browser.client.get("/healthz")
        browser.client.get("/tickets")
        with app.app_context():
            seen.append(list_sessions(people[1])[0].seen_at)
    assert len(set(seen)) == 3  # at the begin, after six minutes, and after five more


def test_signing_out_lets_the_browser_forget_what_it_keeps(
    people: tuple[int, int], visitor: Browser
) -> None:
    visitor.post_sign_in(HELPDESK[0], PASSWORD)
    for begun in (PENDING, PROVIDER):
        visitor.client.set_cookie(begun, "a step that waits")
    response = visitor.post("/sign-out", on="/")
    assert response.headers["Clear-Site-Data"] == '"cache", "storage"'
    assert [visitor.client.get_cookie(name) for name in (COOKIE, PENDING, PROVIDER)] == [None] * 3
    assert visitor.client.get_cookie(DEVICE) is not None
