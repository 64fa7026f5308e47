"""Poll history: every poll of a connection, and one with everything that is recorded of it."""

from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta

import pytest
from flask import Flask

from tests.support import administration_data, desk_data
from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.web.pages import Browser, Page, words_of
from webapp.models import Connection, PollRun
from webapp.services.polling.read_poll_history import PAGE_SIZE
from webapp.services.transactions import transaction
from webapp.web.polling.words import seconds_words, trigger_words

POLLS = "/integrations/huntress/1/polls"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def runs(app: Flask, desk: Desk, fake_clock: FakeClock) -> list[int]:
    with app.app_context():
        return administration_data.add_polls(1, fake_clock.now(), actor_id=desk.admin_id)


def rows(page: Page) -> list[str]:
    return [words_of(row) for row in page.all("tr") if row.find("td") is not None]


def test_newest_first_each_in_words(admin: Browser, runs: list[int]) -> None:
    found = rows(admin.get(POLLS))
    assert len(found) == 6
    assert "Completed 12 collected, 9 tickets created, 3 updated Schedule 4 s 4 —" in found[0]
    assert "2 closed, 1 failed, 1 quarantined Poll now Ada Okafor 6 s" in found[1]
    assert "Interrupted The poll was interrupted" in found[2]
    assert f"Failed {administration_data.FAILED_WALK}" in found[3]
    assert "1 min 37 s 3 14 s" in found[3]
    assert "Completed 1,204 collected" in found[5]


def test_skips_in_a_row_share_a_row(admin: Browser, runs: list[int]) -> None:
    [row] = rows(admin.get(f"{POLLS}?show=skipped"))
    assert "Skipped Polling of this connection is paused. 27 times, last 5 h ago" in row
    assert "0 collected" not in row


def test_only_what_failed(
    app: Flask, admin: Browser, runs: list[int], fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    with app.app_context():
        desk_data.add_run(
            1,
            now,
            state="skipped",
            skip_reason="missing_credentials",
            started_at=now,
        )
    page = admin.get(f"{POLLS}?show=failed")
    found = rows(page)
    assert [one.split("UTC ")[1].split()[0] for one in found] == [
        "Skipped",
        "Completed",
        "Interrupted",
        "Failed",
    ]
    assert "Missing Huntress API credentials" in found[0]
    assert words_of(page.one("a", aria_current="true")) == "Failed"


def test_pages_keep_the_filter_and_never_repeat(
    app: Flask, admin: Browser, fake_clock: FakeClock
) -> None:
    with app.app_context():
        ids = [
            desk_data.add_run(
                1,
                fake_clock.now(),
                state="error",
                error=f"number {number}",
                started_at=fake_clock.now() - timedelta(minutes=number // 2),
            )
            for number in range(PAGE_SIZE + 5)
        ]
    first = admin.get(f"{POLLS}?show=failed")
    following = first.one("a", rel="next").get("href") or ""
    assert "show=failed" in following
    second = admin.get(following)
    links = [
        link.get("href")
        for page in (first, second)
        for link in page.all("a")
        if (link.get("href") or "").startswith(f"{POLLS}/")
    ]
    assert sorted(links) == sorted(f"{POLLS}/{run_id}" for run_id in ids)
    back = admin.get(second.one("a", rel="prev").get("href") or "")
    assert rows(back) == rows(first)
    assert not back.all("a", rel="prev")


@pytest.mark.parametrize("mark", ["nonsense", "W10", "x" * 500, "WyJhIiwiYiJd"])
def test_a_mark_that_cannot_be_read_starts_from_the_top(
    admin: Browser, runs: list[int], mark: str
) -> None:
    assert len(rows(admin.get(f"{POLLS}?after={mark}"))) == 6


@pytest.mark.parametrize(
    ("query", "words"),
    [
        ("", "Nothing has been polled yet"),
        ("?show=failed", "No poll has failed"),
        ("?show=skipped", "No poll was skipped"),
    ],
)
def test_nothing_to_show(
    app: Flask,
    people: tuple[int, int],
    sign_in: SignIn,
    fake_clock: FakeClock,
    query: str,
    words: str,
) -> None:
    with app.app_context():
        desk_data.add_connection(fake_clock.now())
    assert words in sign_in(desk_data.ADMIN).get(POLLS + query).text


def test_one_poll_with_all_its_counts(admin: Browser, runs: list[int]) -> None:
    page = admin.get(f"{POLLS}/{runs[-1]}")
    assert page.heading == f"Poll {runs[-1]}"
    assert words_of(page.all("tr")[1]) == "Collected reports that were new or had changed 14"
    assert [words_of(row[1]) for row in page.all("tr")[1:]] == [
        *("14", "9", "4", "2", "0", "0", "0", "1", "1", "0")
    ]
    assert "Poll now by Ada Okafor" in page.text
    assert "Before 9 Jun 2026, 11:15 UTC After 9 Jun 2026, 11:49 UTC" in page.text
    assert "The cursor moved" in page.text
    assert page.one("a", href="/integrations/huntress/1/quarantine") is not None


def test_the_cursor_of_a_failed_poll_stayed(admin: Browser, runs: list[int]) -> None:
    page = admin.get(f"{POLLS}/{runs[2]}")
    assert administration_data.FAILED_WALK in words_of(page.one("div", role="alert"))
    assert "The cursor stayed" in page.text
    assert "Waited 14 s" in page.text


def test_a_skip_counts_nothing(admin: Browser, runs: list[int]) -> None:
    page = admin.get(f"{POLLS}/{runs[1]}")
    assert "Nothing was polled. Polling of this connection is paused." in page.text
    assert "This happened 27 times in a row." in page.text
    assert not page.all("table")


def test_from_one_poll_to_its_neighbours(admin: Browser, runs: list[int]) -> None:
    page = admin.get(f"{POLLS}/{runs[2]}")
    assert page.one("a", rel="prev").get("href") == f"{POLLS}/{runs[1]}"
    assert page.one("a", rel="next").get("href") == f"{POLLS}/{runs[3]}"
    assert not admin.get(f"{POLLS}/{runs[0]}").all("a", rel="prev")


def test_a_running_poll_and_one_that_was_never_heard_of_again(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    now = fake_clock.now()
    values = {
        "state": "running",
        "finished_at": None,
        "phase": "processing",
        "done": 40,
        "total": 1200,
        "lease_token": "a" * 32,
        "started_at": now,
    }
    with app.app_context():
        run_id = desk_data.add_run(1, now, **values)
        with transaction() as session:
            connection = session.get_one(Connection, 1)
            connection.lease_token = "a" * 32
            connection.lease_expires_at = now + timedelta(minutes=2)
    assert "Running" in rows(admin.get(POLLS))[0]
    assert "Turning reports into tickets, 40 of 1,200" in rows(admin.get(POLLS))[0]
    assert (
        "Turning reports into tickets. So far: 40 of 1,200." in admin.get(f"{POLLS}/{run_id}").text
    )
    fake_clock.advance(minutes=3)
    assert "No sign of life" in rows(admin.get(POLLS))[0]
    assert "Nothing is lost" in admin.get(f"{POLLS}/{run_id}").text


def test_errors_are_text(app: Flask, admin: Browser, runs: list[int]) -> None:
    attack = "<script>alert(1)</script><img src=x onerror=alert(1)>"
    with app.app_context(), transaction() as session:
        session.query(PollRun).update({"error": attack, "waiting": attack, "phase": attack[:20]})
        session.query(Connection).update({"account_name": attack})
    for path in (POLLS, f"{POLLS}/{runs[2]}"):
        page = admin.get(path)
        assert not page.all("img")
        assert attack in page.text


def test_polls_of_another_connection_are_not_found(
    app: Flask, admin: Browser, runs: list[int], fake_clock: FakeClock
) -> None:
    with app.app_context():
        other = desk_data.add_connection(fake_clock.now(), name="Other", account_id=7)
        theirs = desk_data.add_run(other, fake_clock.now())
    assert admin.client.get(f"{POLLS}/{theirs}").status_code == 404
    assert admin.client.get(f"/integrations/huntress/{other}/polls/{runs[0]}").status_code == 404
    assert admin.client.get("/integrations/huntress/99/polls").status_code == 404
    assert len(rows(admin.get(f"/integrations/huntress/{other}/polls"))) == 1


def test_helpdesk_see_none_of_it(desk: Desk, sign_in: SignIn, runs: list[int]) -> None:
    browser = sign_in(HELPDESK)
    for path in (POLLS, f"{POLLS}/{runs[0]}"):
        assert browser.get(path, status=403).heading == "This is for admins"


def test_the_community_edition_refuses(app: Flask, admin: Browser, runs: list[int]) -> None:
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], edition="community"
    )
    for path in (POLLS, f"{POLLS}/{runs[0]}"):
        assert "Enterprise feature" in admin.get(path, status=400).text


@pytest.mark.parametrize(
    ("seconds", "words"),
    [
        (None, "—"),
        (0.2, "less than 1 s"),
        (4.4, "4 s"),
        (59.6, "1 min"),
        (125, "2 min 5 s"),
        (3600, "1 h"),
        (4200, "1 h 10 min"),
    ],
)
def test_durations_in_words(seconds: float | None, words: str) -> None:
    assert seconds_words(seconds) == words


def test_a_trigger_without_words_is_shown_as_it_is() -> None:
    assert trigger_words("schedule") == "Schedule"
    assert trigger_words("webhook") == "Webhook"
