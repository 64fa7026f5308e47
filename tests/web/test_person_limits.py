"""How often one person may ask for what takes long."""

from collections.abc import Callable

import pytest
from flask import Flask
from werkzeug.test import TestResponse

from tests.support.desk_data import Desk
from tests.web.pages import Browser
from webapp.web import person_limits
from webapp.web.access import access_of
from webapp.web.person_limits import EXPORTS_AT_ONCE

HTMX = {"HX-Request": "true"}
SAME_ORIGIN = {"Origin": "http://localhost", "Referer": "http://localhost/tickets/1"}
EXPORTS = [
    "/tickets/export",
    "/incidents/export",
    "/audit/export",
    "/clients/export",
    "/assets/export",
    "/integrations/huntress/1/proofs/export",
    "/integrations/huntress/1/organizations/export",
]
PREVIEW = "/tickets/preview"
NOTES = "/tickets/1/notes"


def statuses(ask: Callable[[], TestResponse], times: int) -> list[int]:
    return [ask().status_code for _ in range(times)]


def test_every_export_is_one_of_twenty_in_a_minute(admin: Browser, helpdesk: Browser) -> None:
    for number in range(20):
        assert admin.client.get(EXPORTS[number % len(EXPORTS)]).status_code == 200
    for path in EXPORTS:
        page = admin.get(path, status=429)
        assert page.heading == "Please wait a moment"
        assert "One person can make 20 exports in a minute, and 100 in an hour." in page.text
        assert 1 <= int(page.response.headers["Retry-After"]) <= 61
        assert "Go to the dashboard" in page.text
    assert helpdesk.client.get("/tickets/export").status_code == 200


def test_every_route_that_sends_a_file_is_limited(app: Flask) -> None:
    adapter = app.url_map.bind("localhost")
    limited = {adapter.match(path)[0] for path in EXPORTS}
    exports = {
        rule.endpoint
        for rule in app.url_map.iter_rules()
        if rule.rule.endswith("/export") and access_of(app.view_functions[rule.endpoint])
    }
    assert exports == limited


def test_only_so_many_exports_run_at_once(admin: Browser) -> None:
    """Whoever asks for another is told when to come back; a place is free once one has ended."""
    path = "/tickets/export"
    running = [admin.client.get(path, buffered=False) for _ in range(EXPORTS_AT_ONCE)]
    assert [one.status_code for one in running] == [200] * EXPORTS_AT_ONCE
    page = admin.get(path, status=429)
    assert "2 exports are being made just now. Try again in 10 seconds." in page.text
    assert page.response.headers["Retry-After"] == "10"
    running.pop().close()
    assert admin.client.get(path).status_code == 200
    assert running.pop().data.startswith(b"\xef\xbb\xbf")
    free = [person_limits._slots.acquire(blocking=False) for _ in range(EXPORTS_AT_ONCE + 1)]
    for _ in range(EXPORTS_AT_ONCE):
        person_limits._slots.release()
    assert free == [True] * EXPORTS_AT_ONCE + [False]


def test_an_export_that_fails_gives_its_place_back(admin: Browser) -> None:
    for _ in range(EXPORTS_AT_ONCE + 1):
        assert admin.client.get("/integrations/huntress/99/proofs/export").status_code == 404
    assert admin.client.get("/tickets/export").status_code == 200


def test_previews_of_text_are_short_and_not_too_many(admin: Browser) -> None:
    token = admin.token()
    long = admin.client.post(PREVIEW, data={"csrf_token": token, "body": "*x* " * 100_000})
    assert long.status_code == 200
    assert long.text.count("<em>") <= 12_500

    def preview() -> TestResponse:
        return admin.client.post(PREVIEW, data={"csrf_token": token, "body": "x"})

    found = statuses(preview, 61)
    assert (found[:59], found[-1]) == ([200] * 59, 429)


def test_a_note_that_may_not_be_previewed_is_not_lost_and_can_be_added(admin: Browser) -> None:
    token = admin.token()
    note = {"csrf_token": token, "body": "Two hours of work", "preview": "1"}
    found = [admin.client.post(NOTES, data=note, headers=SAME_ORIGIN) for _ in range(61)]
    assert found[0].status_code == 200
    page = admin.page_of(found[-1], status=429)
    assert page.heading == "Please wait a moment"
    assert page.one("textarea").text == "Two hours of work"
    assert "60 previews of a text in a minute" in page.text
    del note["preview"]
    assert admin.client.post(NOTES, data=note, headers=SAME_ORIGIN).status_code == 303


@pytest.mark.parametrize(
    ("path", "times", "words"),
    [
        ("/connections/1/poll", 10, "One person can ask for 10 polls in a minute"),
        ("/integrations/huntress/1/sync-organizations", 10, "have organizations synced"),
        ("/integrations/huntress/1/organizations/sync", 10, "have organizations synced"),
        ("/integrations/huntress/1/preview", 10, "a first poll previewed"),
        ("/integrations/huntress/1/prove", 10, "start 10 tests, drills and proofs"),
        ("/drills", 10, "start 10 tests, drills and proofs"),
    ],
)
def test_what_calls_huntress_or_keeps_workers_busy(
    admin: Browser, path: str, times: int, words: str
) -> None:
    token = admin.token()
    found = [admin.client.post(path, data={"csrf_token": token}) for _ in range(times + 1)]
    assert 429 not in [one.status_code for one in found[:-1]]
    page = admin.page_of(found[-1], status=429)
    assert words in page.text
    assert int(page.response.headers["Retry-After"]) >= 1


def test_poll_now_in_a_part_shows_the_words_on_the_page(admin: Browser) -> None:
    token = admin.token()

    def poll() -> TestResponse:
        data = {"csrf_token": token}
        return admin.client.post("/connections/1/poll", data=data, headers=HTMX)

    found = [poll() for _ in range(11)]
    assert (found[-1].status_code, found[-1].headers["HX-Refresh"]) == (429, "true")
    assert int(found[-1].headers["Retry-After"]) >= 1
    assert "One person can ask for 10 polls in a minute" in admin.get("/").text


def test_trying_policies_is_limited_and_looking_at_them_is_not(admin: Browser) -> None:
    path = "/notifications/policies?preview=yes"
    found = statuses(lambda: admin.client.get(path), 21)
    assert (found[:20], found[20]) == ([200] * 20, 429)
    assert "20 times in a minute" in admin.get(path, status=429).text
    assert admin.client.get("/notifications/policies").status_code == 200


def test_guesses_of_strangers_have_a_page_of_their_own(visitor: Browser, desk: Desk) -> None:
    for _ in range(60):
        visitor.client.get("/take/guess")
    page = visitor.get("/take/guess", status=429)
    assert "60 links can be opened in a minute from one address." in page.text
    assert int(page.response.headers["Retry-After"]) >= 1
