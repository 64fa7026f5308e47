"""Quarantine: reports that could not be processed, tried again or given up in the browser."""

import json
from collections.abc import Callable
from dataclasses import replace
from xml.etree.ElementTree import Element

import pytest
from flask import Flask

from tests.support import administration_data
from tests.support.desk_data import HELPDESK, Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import audit_events, fresh
from tests.web.pages import Browser, Page, words_of
from webapp.models import AuditEvent, InboxRow
from webapp.services.polling.answer_quarantine import dismiss
from webapp.services.polling.read_quarantine import PAGE_SIZE, SHOWN_CHARACTERS
from webapp.services.transactions import transaction

QUARANTINE = "/integrations/huntress/1/quarantine"
SignIn = Callable[[tuple[str, str]], Browser]


@pytest.fixture
def reports(app: Flask, desk: Desk, fake_clock: FakeClock) -> list[int]:
    """A report with a ticket, one without an id, one that is due, one that was dismissed."""
    with app.app_context():
        return administration_data.add_reports(1, fake_clock.now(), ticket_id=3)


def stored(app: Flask, report_id: int) -> InboxRow:
    with app.app_context():
        return fresh(InboxRow, report_id)


def change(app: Flask, report_id: int, **values: object) -> None:
    with app.app_context(), transaction() as session:
        row = session.get_one(InboxRow, report_id)
        for name, value in values.items():
            setattr(row, name, value)


def events(app: Flask) -> list[AuditEvent]:
    with app.app_context():
        return audit_events()


def article(page: Page, report_id: int) -> Element:
    return page.one("article", id=f"report-{report_id}")


def retry_path(report_id: int) -> str:
    return f"{QUARANTINE}/{report_id}/retry"


def dismiss_path(report_id: int) -> str:
    return f"{QUARANTINE}/{report_id}/dismiss"


def test_what_waits_oldest_first(admin: Browser, reports: list[int]) -> None:
    page = admin.get(QUARANTINE)
    assert [one.get("id") for one in page.all("article")] == [
        f"report-{key}" for key in reports[:3]
    ]
    words = words_of(article(page, reports[0]))
    assert f"Incident 918273 Retry incident 918273 {administration_data.STRANGE_STATUS}" in words
    assert "Attempts 3 In quarantine for 3 h Next try in 40 min Ticket TKT-000003" in words
    assert page.one("a", href="/tickets/3") is not None
    tabs = [words_of(link) for link in page.all("a", aria_current="true")]
    assert tabs == ["In quarantine 3"]
    assert "Dismissed 1" in page.text


def test_a_report_without_an_id_says_what_to_do(admin: Browser, reports: list[int]) -> None:
    words = words_of(article(admin.get(QUARANTINE), reports[1]))
    assert "Report without an id sha256:5f5f5f5f…" in words
    assert "Next try only if you press Retry Ticket none" in words
    assert "trying again cannot help" in words


def test_the_raw_report_is_readable(admin: Browser, reports: list[int]) -> None:
    [pre] = article(admin.get(QUARANTINE), reports[0]).iter("pre")
    assert json.loads(pre.text or "") == administration_data.REPORT
    assert '\n  "severity": "critical",\n' in (pre.text or "")
    assert "Cut here" not in words_of(article(admin.get(QUARANTINE), reports[0]))


@pytest.mark.parametrize("size", [10_000, 90_000])
def test_a_long_report_is_cut_and_can_be_had_in_full(
    app: Flask, admin: Browser, reports: list[int], size: int
) -> None:
    change(app, reports[0], payload=json.dumps({"text": "x" * size}))
    page = admin.get(QUARANTINE)
    [pre] = article(page, reports[0]).iter("pre")
    assert len(pre.text or "") <= SHOWN_CHARACTERS
    assert "Cut here. Open the whole report as text" in words_of(article(page, reports[0]))
    response = admin.client.get(f"{QUARANTINE}/{reports[0]}/report")
    assert json.loads(response.text) == {"text": "x" * size}
    assert response.mimetype == "text/plain"
    assert response.headers["X-Content-Type-Options"] == "nosniff"
    assert response.headers["Content-Security-Policy"].startswith("default-src 'none'")


@pytest.mark.parametrize("payload", ["not json", "[" * 3000, '{"a":"\\u202e\\u0000"}', '"\x00x"'])
def test_what_is_no_json_is_shown_as_it_came(
    app: Flask, admin: Browser, reports: list[int], payload: str
) -> None:
    change(app, reports[0], payload=payload)
    [pre] = article(admin.get(QUARANTINE), reports[0]).iter("pre")
    assert "\u202e" not in (pre.text or "")
    assert "\x00" not in (pre.text or "")
    assert admin.client.get(f"{QUARANTINE}/{reports[0]}/report").status_code == 200


def test_attacks_are_text(app: Flask, admin: Browser, reports: list[int]) -> None:
    attack = "</pre><script>alert(1)</script><img src=x onerror=alert(1)>"
    change(app, reports[0], payload=json.dumps({"a": attack}), error=attack, external_key=attack)
    change(app, reports[3], dismissed_reason=attack)
    for path in (QUARANTINE, f"{QUARANTINE}?show=dismissed"):
        page = admin.get(path)
        assert not page.all("img")
        assert attack in page.text


def test_retrying(app: Flask, admin: Browser, reports: list[int], fake_clock: FakeClock) -> None:
    response = admin.post(retry_path(reports[0]), on=QUARANTINE)
    assert (response.status_code, response.location) == (303, QUARANTINE)
    assert stored(app, reports[0]).next_try_at == fake_clock.now()
    page = admin.get(QUARANTINE)
    assert "The next poll tries this report again." in page.text
    words = words_of(article(page, reports[0]))
    assert "Due at the next poll" in words
    button = next(article(page, reports[0]).iter("button"))
    assert button.get("disabled") == ""
    assert events(app)[-1].action == "quarantine.retried"


def test_sending_a_retry_twice_does_it_once(app: Flask, admin: Browser, reports: list[int]) -> None:
    for _ in range(2):
        assert admin.send(retry_path(reports[0]), {}).status_code == 303
    assert stored(app, reports[0]).version == 2
    assert [event.action for event in events(app)].count("quarantine.retried") == 1


def test_dismissing_needs_a_reason(app: Flask, admin: Browser, reports: list[int]) -> None:
    response = admin.post(dismiss_path(reports[0]), {"reason": "  \n"}, on=QUARANTINE)
    page = admin.page_of(response, status=400)
    field = page.one("textarea", id=f"report-{reports[0]}-reason")
    assert field.get("aria-invalid") == "true"
    assert page.one("a", href=f"#report-{reports[0]}-reason") is not None
    opened = [one.get("open") for one in article(page, reports[0]).iter("details")]
    assert opened == [None, ""]
    assert stored(app, reports[0]).dismissed_at is None


def test_a_reason_that_is_too_long_is_not_lost(
    app: Flask, admin: Browser, reports: list[int]
) -> None:
    typed = "because " * 200
    response = admin.post(dismiss_path(reports[1]), {"reason": typed}, on=QUARANTINE)
    page = admin.page_of(response, status=400)
    assert (page.one("textarea", id=f"report-{reports[1]}-reason").text or "").split() == (
        typed.split()
    )
    assert "at most 1,000 characters; this one has 1,599." in page.text
    assert stored(app, reports[1]).dismissed_at is None


def test_dismissing(
    app: Flask, admin: Browser, desk: Desk, reports: list[int], fake_clock: FakeClock
) -> None:
    response = admin.post(dismiss_path(reports[0]), {"reason": "a test of theirs"}, on=QUARANTINE)
    assert (response.status_code, response.location) == (303, QUARANTINE)
    row = stored(app, reports[0])
    assert (row.dismissed_by_id, row.dismissed_reason) == (desk.admin_id, "a test of theirs")
    assert len(admin.get(QUARANTINE).all("article")) == 2
    page = admin.get(f"{QUARANTINE}?show=dismissed")
    assert [one.get("id") for one in page.all("article")] == [
        f"report-{reports[0]}",
        f"report-{reports[3]}",
    ]
    words = words_of(article(page, reports[0]))
    assert "Dismissed just now by Ada Okafor" in words
    assert "Why: a test of theirs" in words
    assert not list(article(page, reports[0]).iter("form"))
    assert events(app)[-1].action == "quarantine.dismissed"


def test_a_report_that_somebody_else_dismissed_meanwhile(
    app: Flask, admin: Browser, desk: Desk, reports: list[int]
) -> None:
    with app.app_context():
        dismiss(reports[0], "first", desk.helpdesk_id)
    for path in (retry_path(reports[0]), dismiss_path(reports[0])):
        assert admin.send(path, {"reason": "second"}).status_code == 303
        assert "was dismissed by Bo Lindqvist already" in admin.get(QUARANTINE).text
    assert stored(app, reports[0]).dismissed_reason == "first"


def test_a_report_that_was_processed_meanwhile(
    app: Flask, admin: Browser, reports: list[int]
) -> None:
    with app.app_context(), transaction() as session:
        session.delete(session.get_one(InboxRow, reports[0]))
    for path in (retry_path(reports[0]), dismiss_path(reports[0])):
        assert admin.send(path, {"reason": "any"}).status_code == 303
        assert "it may have been processed" in admin.get(QUARANTINE).text
    page = admin.page_of(admin.send(dismiss_path(reports[0]), {"reason": ""}), status=400)
    assert "It is not in quarantine any more." in page.text
    assert admin.client.get(f"{QUARANTINE}/{reports[0]}/report").status_code == 404


def test_a_newer_version_is_not_dismissed_unseen(
    app: Flask, admin: Browser, reports: list[int]
) -> None:
    fields = admin.get(QUARANTINE).form(dismiss_path(reports[0]))
    change(app, reports[0], content_hash="f" * 64)
    admin.client.post(dismiss_path(reports[0]), data={**fields, "reason": "old news"})
    assert "A newer version of this report came" in admin.get(QUARANTINE).text
    assert stored(app, reports[0]).dismissed_at is None


def test_many_reports_come_in_pages(
    app: Flask, admin: Browser, desk: Desk, fake_clock: FakeClock
) -> None:
    with app.app_context(), transaction() as session:
        session.add_all(
            administration_data._report(1, str(number), fake_clock.now(), minutes=number)
            for number in range(PAGE_SIZE + 3)
        )
    first = admin.get(QUARANTINE)
    second = admin.get(first.one("a", rel="next").get("href") or "")
    ids = [one.get("id") for page in (first, second) for one in page.all("article")]
    assert len(first.all("article")) == PAGE_SIZE
    assert len(set(ids)) == len(ids) == PAGE_SIZE + 3
    form = next(form for form in second.all("form") if "dismiss" in (form.get("action") or ""))
    refused = admin.page_of(admin.send(form.get("action") or "", {"reason": ""}), status=400)
    assert len(refused.all("textarea", aria_invalid="true")) == 1


def test_nothing_in_quarantine(admin: Browser) -> None:
    assert "Nothing is in quarantine" in admin.get(QUARANTINE).text
    assert "Nothing was dismissed" in admin.get(f"{QUARANTINE}?show=dismissed").text


def test_reports_of_another_connection(app: Flask, admin: Browser, reports: list[int]) -> None:
    other = QUARANTINE.replace("/1/", "/2/")
    assert admin.client.get(other).status_code == 404
    assert admin.client.get(f"{other}/{reports[0]}/report").status_code == 404
    admin.send(f"{other}/{reports[0]}/retry", {})
    admin.send(f"{other}/{reports[0]}/dismiss", {"reason": "not mine"})
    row = stored(app, reports[0])
    assert (row.version, row.dismissed_at) == (1, None)


def test_helpdesk_may_do_none_of_it(app: Flask, sign_in: SignIn, reports: list[int]) -> None:
    browser = sign_in(HELPDESK)
    for path in (QUARANTINE, f"{QUARANTINE}/{reports[0]}/report"):
        assert browser.client.get(path).status_code == 403
    for path in (retry_path(reports[0]), dismiss_path(reports[0])):
        assert browser.send(path, {"reason": "x"}).status_code == 403
    assert stored(app, reports[0]).version == 1


def test_the_community_edition_refuses(app: Flask, admin: Browser, reports: list[int]) -> None:
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], edition="community"
    )
    assert "Enterprise feature" in admin.get(QUARANTINE, status=400).text
    assert admin.send(retry_path(reports[0]), {}).status_code == 303
    assert stored(app, reports[0]).version == 1
