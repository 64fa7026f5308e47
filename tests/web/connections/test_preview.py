"""The preview page: it asks only when told to, says what would come, and starts polling."""

from collections.abc import Callable

import pytest
from flask import Flask

from tests.support.desk_data import ADMIN
from tests.support.fake_clock import FakeClock
from tests.support.polling import report
from tests.support.rows import all_rows, audit_actions, change, fresh
from tests.web.pages import Browser, Page, words_of
from webapp import task_queue
from webapp.domain.plan import Reason
from webapp.huntress.simulator import Simulator
from webapp.huntress.simulator.faults import Faults
from webapp.models import Alert, Client, Connection, InboxRow, Ticket
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import transaction
from webapp.web.connections.preview_words import why_without_ticket

SignIn = Callable[[tuple[str, str]], Browser]
PAGE = "/integrations/huntress/1"
PREVIEW = f"{PAGE}/preview"
START = f"{PAGE}/start"
ROUTING = {"board_id": 1, "fallback_board_id": 2, "fallback_client_id": 1}


@pytest.fixture
def viewer(
    app: Flask, connected: int, huntress: Simulator, sign_in: SignIn, fake_clock: FakeClock
) -> Browser:
    """An admin of a connected, routed desk with three incidents waiting at Huntress."""
    now = fake_clock.now()
    huntress.account.add_organization("Globex", id=7)
    huntress.account.add_organization("Hooli & <Sons>", id=8)
    rows = (
        report(1, now, organization_id=7, severity="critical"),
        report(2, now, organization_id=8),
        report(3, now, organization_id=8, status="closed"),
    )
    for row in rows:
        huntress.account.incident_rows[row["id"]] = row  # type: ignore[index]
    with app.app_context():
        change(Connection, 1, **ROUTING)
        with transaction() as session:
            session.add(Client(name="Globex"))
        sync_organizations(1)
    huntress.requests.clear()
    return sign_in(ADMIN)


def see(browser: Browser) -> Page:
    return browser.page_of(browser.post(PREVIEW, on=PREVIEW))


def rows_of(page: Page) -> list[str]:
    table = page.one("table", class_="count-table")
    rows = ([words_of(cell) for cell in row] for row in table.iter("tr"))
    return [" ".join(filter(None, row)) for row in rows]


def test_opening_the_page_asks_nobody(viewer: Browser, huntress: Simulator) -> None:
    page = viewer.get(PREVIEW)
    assert huntress.requests == []
    form = page.one("form", action=PREVIEW)
    assert (form.get("hx-trigger"), form.get("hx-post")) == ("load, submit", PREVIEW)
    assert not page.all("form", action=START)


def test_what_would_come(viewer: Browser) -> None:
    page = see(viewer)
    assert words_of(page.one("h2", id="preview-heading")) == (
        "2 tickets: 1 on Security, 1 on Security Triage"
    )
    assert rows_of(page) == [
        "Client Board Critical High Tickets",
        "Globex Security 1 – 1",
        "Internal (unmapped security) Security Triage – 1 1",
        "All 1 1 2",
    ]
    assert "Hooli & <Sons> 1 ticket" in page.text
    assert "1 already closed in Huntress: recorded without a ticket" in page.text
    assert "3 seen: 2 tickets, 1 closed before. They changed since" in page.text
    assert "4 API calls used" in page.text
    assert page.text.index("Map organizations first") < page.text.index("ClientBoard")


def test_nothing_is_written(app: Flask, viewer: Browser) -> None:
    see(viewer)
    with app.app_context():
        assert [all_rows(model) for model in (Ticket, Alert, InboxRow)] == [[], [], []]
        assert fresh(Connection, 1).polling_started_at is None


def test_the_part_that_htmx_asks_for(viewer: Browser) -> None:
    response = viewer.send(PREVIEW, {}, headers={"HX-Request": "true"})
    part = viewer.fragment_of(response)
    assert words_of(part.one("h2", id="preview-heading")).startswith("2 tickets")
    assert not part.all("main")


def test_start_from_the_preview(app: Flask, viewer: Browser, fake_clock: FakeClock) -> None:
    form = see(viewer).form(START)
    for _ in range(2):
        response = viewer.client.post(START, data=form)
        assert (response.status_code, response.location) == (303, PAGE)
    page = viewer.get(PAGE)
    assert "Polling is started. The job queue (Redis) cannot be reached; the poll is requested" in (
        page.text
    )
    with app.app_context():
        connection = fresh(Connection, 1)
        assert connection.polling_started_at == connection.poll_requested_at == fake_clock.now()
        assert audit_actions().count("polling.started") == 1
        assert poll_connection(1, trigger="manual").is_success
        assert len(all_rows(Ticket)) == 2


def test_the_poll_is_handed_to_the_workers(
    viewer: Browser, monkeypatch: pytest.MonkeyPatch
) -> None:
    calls: list[int] = []
    status = task_queue.QueueStatus(True, has_worker=True, has_scheduler=True)
    monkeypatch.setattr(task_queue, "enqueue_poll", lambda key, **_options: calls.append(key))
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: status)
    viewer.send(START, {})
    assert calls == [1]
    assert "Polling is started. The poll has been requested." in viewer.get(PAGE).text


def test_once_it_is_started_there_is_nothing_to_preview(
    app: Flask, viewer: Browser, huntress: Simulator, fake_clock: FakeClock
) -> None:
    with app.app_context():
        change(Connection, 1, polling_started_at=fake_clock.now())
    page = viewer.get(PREVIEW)
    assert "Polling was started just now." in page.text
    assert not page.all("form", action=PREVIEW)
    assert "has been started already" in viewer.page_of(viewer.send(PREVIEW, {})).text
    assert huntress.requests == []


def test_routing_has_to_be_complete(app: Flask, viewer: Browser, huntress: Simulator) -> None:
    with app.app_context():
        change(Connection, 1, board_id=None)
    page = viewer.get(PREVIEW)
    assert "Routing is incomplete; still missing: Security board." in page.text
    page.one("a", href=f"{PAGE}#routing")
    assert not page.all("form", action=PREVIEW)
    viewer.send(START, {})
    assert "Routing is incomplete; still missing: Security board." in viewer.get(PAGE).text
    with app.app_context():
        assert fresh(Connection, 1).polling_started_at is None


def test_a_failure_says_what_helps_and_leaves_the_start_open(
    app: Flask, viewer: Browser, huntress: Simulator
) -> None:
    huntress.faults = Faults(next_500=99)
    page = see(viewer)
    alert = words_of(page.one("div", role="alert"))
    assert alert.startswith("There is no preview. Huntress is failing on its side")
    assert alert.endswith("Try again in a few minutes.")
    page.one("form", action=START)
    huntress.faults = Faults()
    assert "2 tickets" in viewer.page_of(viewer.client.post(PREVIEW, data=page.form(PREVIEW))).text


def test_an_account_without_incidents(viewer: Browser, huntress: Simulator) -> None:
    huntress.account.incident_rows.clear()
    page = see(viewer)
    assert words_of(page.one("h2", id="preview-heading")) == "No tickets"
    assert "No incident of this time needs work" in page.text
    page.one("form", action=START)


def test_a_preview_that_was_cut_short_says_so(
    viewer: Browser, huntress: Simulator, fake_clock: FakeClock
) -> None:
    def slow(_number: int, _path: str) -> None:
        fake_clock.advance(seconds=30)

    huntress.faults.on_request = slow
    text = see(viewer).text
    assert "the preview stopped early: there may be more incidents." in text
    assert "These counts are of the first 3; the poll itself collects all of them." in text


def test_reasons_in_words() -> None:
    for reason in (Reason.ALREADY_CLOSED, Reason.BEFORE_BACKFILL, Reason.ORG_OPTED_OUT):
        assert why_without_ticket(reason).endswith("recorded without a ticket")
    assert why_without_ticket(Reason.NO_LINKED_TICKET) == "no linked ticket"
