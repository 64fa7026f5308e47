"""The dashboard: how polling is doing, then what waits for a person."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta
from xml.etree.ElementTree import Element

import pytest
from flask import Flask
from sqlalchemy import delete, event, update

from tests.support import desk_data
from tests.support.desk_data import ADMIN, Desk
from tests.support.fake_clock import START as NOW
from tests.support.fake_clock import FakeClock
from tests.support.rows import add
from tests.web.pages import Browser, Page, words_of
from webapp import task_queue
from webapp.extensions import db
from webapp.huntress.budget import AccountCalls, Granted
from webapp.models import Alarm, Alert, Connection, InboxRow, OrganizationMapping, Ticket, User
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.operations import read_banner
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.transactions import transaction
from webapp.task_queue import QueueStatus
from webapp.web.operations import dashboard_routes

LEASE = "a" * 32


@pytest.fixture
def connect(app: Flask, fake_clock: FakeClock) -> Callable[..., int]:
    """Adds a connection with these columns."""

    def _connect(**values: object) -> int:
        with app.app_context():
            return desk_data.add_connection(fake_clock.now(), **values)

    return _connect


@pytest.fixture
def viewer(people: tuple[int, int], sign_in: Callable[[tuple[str, str]], Browser]) -> Browser:
    """An admin on an empty desk."""
    return sign_in(ADMIN)


@pytest.fixture
def queue(monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Says what the queue looks like."""

    def _queue(*, redis: bool = True, worker: bool = True, scheduler: bool = True) -> None:
        status = QueueStatus(redis, has_worker=worker, has_scheduler=scheduler)
        monkeypatch.setattr(dashboard_routes, "read_queue_status", lambda: status)
        monkeypatch.setattr(read_banner, "recent_queue_status", lambda: status)
        monkeypatch.setattr(task_queue, "read_queue_status", lambda: status)
        monkeypatch.setattr(task_queue, "enqueue_poll", lambda *_args, **_options: True)

    return _queue


def card(page: Page, connection_id: int = 1) -> str:
    return words_of(page.one("article", id=f"connection-{connection_id}"))


def poll_button_is_off(page: Page, connection_id: int = 1) -> bool:
    return page.one("button", id=f"connection-{connection_id}-poll").get("disabled") is not None


def add_inbox_row(
    app: Flask, connection_id: int, now: datetime, key: str, **values: object
) -> None:
    with app.app_context(), transaction() as session:
        session.add(
            InboxRow(
                connection_id=connection_id,
                external_key=key,
                payload="{}",
                content_hash="0",
                fetched_at=now,
                first_fetched_at=now,
                **values,
            )
        )


def test_a_new_install_says_what_to_do(viewer: Browser) -> None:
    page = viewer.get("/")
    assert "Connect a Huntress account" in page.text
    page.one("a", href="/integrations/huntress/connect")
    assert "keep Huntress’s emails on for escalations" in page.text


def test_the_first_ticket_comes_to_a_page_that_was_empty(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Alert).values(ticket_id=None))
        session.execute(delete(Ticket))
    assert "No tickets yet" in words_of(admin.get("/").one("div", id="desk"))
    assert "No tickets yet" in admin.client.get("/dashboard/cards").text
    with app.app_context():
        wanted = NewTicket("Printer", "", 1, 1, 1)
        open_ticket(wanted, actor_id=desk.admin_id, form_token="t" * 32)
    assert "No tickets yet" not in admin.client.get("/dashboard/cards").text


def test_helpdesk_is_told_that_an_admin_has_to_connect(
    people: tuple[int, int], sign_in: Callable[[tuple[str, str]], Browser]
) -> None:
    page = sign_in(desk_data.HELPDESK).get("/")
    assert "An admin has to do that" in page.text
    assert not page.all("a", href="/integrations/huntress/connect")


def test_health_comes_before_tickets(admin: Browser) -> None:
    page = admin.get("/")
    text = page.text
    places = [
        text.index(words)
        for words in (
            "Connected to Tallow & Reed Managed IT",
            "Burning",
            "New in 24 hours",
            "Mine",
            "Triage queue",
            "Open by priority",
        )
    ]
    assert places == sorted(places)


def test_the_card_of_a_healthy_connection(
    admin: Browser, desk: Desk, queue: Callable[..., None]
) -> None:
    queue(worker=False)
    words = card(admin.get("/"))
    assert "Not polled" in words, "never green while nobody can poll it"
    assert "Working" not in words
    queue()
    words = card(admin.get("/"))
    for part in (
        "Connected to Tallow & Reed Managed IT Working",
        "12 collected, 9 tickets created, 3 updated",
        "Last success 2 min ago",
        "Next poll in 3 min",
        "Calls in the last minute 7 of 60",
        "Reports waiting 0",
        "Unmapped organizations 2 of 12",
        "Unmapped Huntress organizations always create tickets on the fallback client and triage"
        " board — nothing is dropped.",
    ):
        assert part in words


def test_the_card_says_what_other_tools_left_of_the_accounts_calls(
    app: Flask, viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    key, now = connect(), fake_clock.now()
    with app.app_context():
        ledger = DatabaseLedger(key, 60)
        for remaining in (0, 12):
            got = ledger.reserve("GET", "/v1/account", now)
            assert isinstance(got, Granted)
            ledger.finish(
                *(got.reservation_id, now),
                **{"status": 200, "milliseconds": 1, "rows": 1},
                account=AccountCalls(60, remaining),
            )
    said = "Calls in the last minute 2 of 60 · Huntress: 12 of 60 calls left"
    assert said in card(viewer.get("/"))
    fake_clock.advance(minutes=1)
    assert "calls left" not in card(viewer.get("/")), "that is over"


@pytest.mark.parametrize(
    ("values", "word", "reason"),
    [
        ({"paused_at": datetime.fromisoformat("2026-06-01T00:00:00Z")}, "Paused", "is paused"),
        ({"polling_started_at": None}, "Not started", "has not been started"),
        ({"board_id": None}, "Routing incomplete", "Routing is incomplete."),
        ({"api_secret": None}, "Error", "Missing Huntress API credentials."),
        (
            {"disconnected_at": datetime.fromisoformat("2026-06-01T00:00:00Z")},
            "Disconnected",
            "disconnected",
        ),
    ],
)
def test_what_keeps_a_connection_from_polling_stands_beside_the_button(
    viewer: Browser,
    connect: Callable[..., int],
    values: dict[str, object],
    word: str,
    reason: str,
) -> None:
    connect(**values)
    page = viewer.get("/")
    button = page.one("button", id="connection-1-poll")
    assert poll_button_is_off(page)
    assert reason in words_of(page.one("p", id=str(button.get("aria-describedby"))))
    assert word in card(page)
    assert "Next poll not scheduled" in card(page)


def test_what_routing_lacks_is_named(viewer: Browser, connect: Callable[..., int]) -> None:
    connect(board_id=None, low_priority_id=None)
    words = card(viewer.get("/"))
    assert (
        "Incident polling is paused until the routing configuration is complete (board, "
        "fallback client/board, and all three severity priorities)." in words
    )
    assert "Missing: Security board, Low severity →." in words
    assert "below" not in words, "the form is on another page"


def test_an_error_outweighs_connected(
    viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    connect(last_error="Huntress answered 401.", last_error_at=fake_clock.now())
    words = card(viewer.get("/"))
    assert "Connected to" not in words
    assert "Last poll failed: Huntress answered 401." in words
    assert not poll_button_is_off(viewer.get("/"))


def test_an_error_before_the_last_success_is_over(
    viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    before = fake_clock.now() - timedelta(hours=1)
    connect(last_error="Huntress answered 500.", last_error_at=before)
    assert "Connected to" in card(viewer.get("/"))


def test_a_connection_that_never_succeeded_is_pending(
    viewer: Browser,
    connect: Callable[..., int],
    queue: Callable[..., None],
    fake_clock: FakeClock,
) -> None:
    queue()
    connect(last_success_at=None, last_poll_started_at=None, polling_started_at=fake_clock.now())
    words = card(viewer.get("/"))
    assert "Pending" in words
    assert "Last success never" in words
    assert "Next poll now" in words


def test_the_inbox_and_quarantine_are_counted(
    app: Flask, viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    key, now = connect(), fake_clock.now()
    add_inbox_row(app, key, now - timedelta(minutes=40), "1")
    add_inbox_row(app, key, now, "2")
    add_inbox_row(app, key, now, "3", quarantined_at=now, attempts=3)
    add_inbox_row(app, key, now - timedelta(days=9), "4", quarantined_at=now, dismissed_at=now)
    words = card(viewer.get("/"))
    assert "Reports waiting 2 oldest 40 min ago" in words
    assert "Quarantined 1" in words


def test_an_organization_of_an_inactive_client_counts_as_unmapped(
    app: Flask, admin: Browser
) -> None:
    with app.app_context(), transaction() as session:
        mapped = session.query(OrganizationMapping).filter(
            OrganizationMapping.client_id.is_not(None)
        )
        mapped.first().client.is_active = False
        excluded = session.query(OrganizationMapping).filter_by(client_id=None).first()
        excluded.creates_tickets = False
    assert "Unmapped organizations 2 of 12" in card(admin.get("/"))


def test_several_connections_each_have_a_card(
    viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    connect(name="Zeta IT")
    connect(name="alpha IT", account_id=2, last_error="No.", last_error_at=fake_clock.now())
    page = viewer.get("/")
    names = [words_of(heading) for heading in page.all("h3")]
    assert names == ["alpha IT", "Connected to Zeta IT"]


def test_credentials_are_not_needed_to_show_health(
    app: Flask, viewer: Browser, connect: Callable[..., int]
) -> None:
    """A key that was lost must not take the dashboard away with it: what to do is said."""
    connect()
    with app.app_context(), transaction() as session:
        session.connection().exec_driver_sql("UPDATE connections SET api_key = 'not encrypted'")
    assert "Error" in card(viewer.get("/"))
    assert "Credentials can't be read: enter them again." in card(viewer.get("/"))


def test_the_queues_show_what_waits(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(untouched_since=NOW))
    page = admin.get("/")
    with app.app_context(), transaction() as session:
        waiting = session.query(Ticket).filter(Ticket.closed_at.is_(None))
        unmapped = waiting.filter(Ticket.is_unmapped).count()
        criticals = waiting.filter(Ticket.priority_id == 1).count()
        gravest = waiting.order_by(Ticket.priority_id, Ticket.reported_at).first()
    burning = page.one("section", aria_labelledby="burning-heading")
    first = next(link for link in burning.iter("a") if "ticket-link" in (link.get("class") or ""))
    assert first.get("href") == f"/tickets/{gravest.id}"
    assert f"{criticals} critical" in words_of(burning)
    triage = page.one("section", aria_labelledby="triage-heading")
    assert f"{unmapped} ticket" in words_of(triage)
    links = [link.get("href") for link in page.all("a", class_="ticket-link")]
    assert len(links) == len(set(links)) > 6, "each ticket stands on one card"


def test_a_ticket_by_hand_on_the_triage_board_is_in_the_queue(
    app: Flask, admin: Browser, desk: Desk
) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(is_unmapped=False, board_id=1))
        session.execute(update(Ticket).where(Ticket.id == 12).values(board_id=2))
    triage = admin.get("/").one("section", aria_labelledby="triage-heading")
    assert "1 ticket " in words_of(triage)
    rows = admin.get("/tickets?triage=1").all("a", class_="ticket-link")
    assert [row.get("href") for row in rows] == ["/tickets/12"]


def links_of(element: Element) -> dict[str, str]:
    """The words of each link and where it leads."""
    return {words_of(link): str(link.get("href")) for link in element.iter("a")}


def test_each_number_leads_to_its_list(app: Flask, admin: Browser, desk: Desk) -> None:
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).where(Ticket.id > 9).values(untouched_since=NOW))
    page = admin.get("/")
    for name in ("burning", "triage", "mine"):
        section = page.one("section", aria_labelledby=f"{name}-heading")
        count = words_of(next(part for part in section.iter("span") if part.get("class") == "note"))
        address = next((a for w, a in links_of(section).items() if w.startswith("Show all")), None)
        if address is not None:
            listed = admin.get(address)
            open_count = f"Open {count.split()[0]}"
            assert open_count in words_of(listed.one("nav", class_="list-tabs")), name
    priorities = links_of(page.one("section", aria_labelledby="priority-heading"))
    for words, address in priorities.items():
        count = next((word for word in words.split() if word.isdigit()), "")
        listed = admin.get(address)
        assert f"Open {count}" in words_of(listed.one("nav", class_="list-tabs")), words


def test_incidents_are_drawn_and_told(app: Flask, admin: Browser) -> None:
    with app.app_context(), transaction() as session:
        words = [severity for (severity,) in session.query(Alert.severity)]
    page = admin.get("/")
    section = page.one("section", aria_labelledby="incidents-heading")
    legend = links_of(section)
    for word in ("critical", "high", "low"):
        count = words.count(word)
        assert f"{word.capitalize()} {count}" in words_of(section)
        if count:
            address = legend[f"{word.capitalize()} {count}"]
            assert address.startswith(f"/tickets?severity={word}&within=7")
    days = next(section.iter("tbody"))
    assert len(list(days)) == 30
    totals = [int(words_of(list(row)[-1])) for row in days]
    assert sum(totals) == len(words)
    drawing = svg(section, "incidents-title")
    assert f"{len(words)} incidents in 30 days" in words_of(drawing)
    columns = [part for part in drawing.iter() if part.get("class") == "chart-day"]
    assert len(columns) == 30


def test_days_are_those_of_the_viewer(app: Flask, admin: Browser) -> None:
    """At 12:00 UTC the next day has begun on Kiritimati."""
    with app.app_context(), transaction() as session:
        session.execute(update(User).values(time_zone="Pacific/Kiritimati"))
    rows = next(admin.get("/").one("section", aria_labelledby="incidents-heading").iter("tbody"))
    assert words_of(rows[0]).startswith("Wed 10 Jun 2026")


def test_times_are_compared_with_the_days_before(app: Flask, admin: Browser) -> None:
    now = NOW
    with app.app_context(), transaction() as session:
        session.execute(update(Ticket).values(first_touched_at=None, created_at=now))
        session.execute(update(Alert).values(triggered_at=now))
        for ticket_id, days, minutes in ((1, 3, 30), (2, 40, 60)):
            created = now - timedelta(days=days)
            touched = created + timedelta(minutes=minutes)
            values = {"created_at": created, "first_touched_at": touched}
            session.execute(update(Ticket).where(Ticket.id == ticket_id).values(**values))
        session.execute(update(Connection).values(polling_started_at=now - timedelta(days=90)))
    section = admin.get("/").one("section", aria_labelledby="times-heading")
    words = words_of(section)
    assert "To first touch 30 min 50% faster" in words
    assert "1 ticket touched, 1 before" in words
    drawing = words_of(svg(section, "first-touch-title"))
    assert "Last 30 days: 30 min. The 30 days before: 1 h." in drawing
    row = [words_of(cell) for cell in next(next(section.iter("tbody")).iter("tr"))]
    assert row == ["To first touch", "30 min of 1 ticket", "1 h of 1 ticket"]


def test_a_desk_where_nothing_happened_lately(app: Flask, admin: Browser) -> None:
    long_ago = NOW - timedelta(days=100)
    with app.app_context(), transaction() as session:
        session.execute(update(Alert).values(triggered_at=long_ago))
        session.execute(update(Ticket).values(first_touched_at=long_ago, closed_at=None))
    text = admin.get("/").text
    assert "No incidents in the last 30 days" in text
    assert "No ticket was touched or closed lately" in text


def test_many_connections_are_a_list_and_only_troubled_ones_have_open_cards(
    viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock
) -> None:
    connect(name="Acme")
    connect(name="Bolt", account_id=2)
    assert "connections are polled" not in viewer.get("/").text
    connect(name="Cord", account_id=3, last_error="No.", last_error_at=fake_clock.now())
    page = viewer.get("/")
    summary = page.one("div", id="polling-summary")
    assert "1 connection fails 2 of 3 connections are polled" in words_of(summary)
    assert links_of(summary) == {
        "Acme": "/#connection-1",
        "Bolt": "/#connection-2",
        "Cord": "/#connection-3",
    }
    folded = page.one("details", class_="more-connections")
    assert [article.get("id") for article in folded.iter("article")] == [
        "connection-1",
        "connection-2",
    ]
    assert "Last poll failed: No." in card(page, 3)
    part = viewer.fragment(str(summary.get("hx-get")))
    assert words_of(part.one("div", id="polling-summary")) == words_of(summary)


def test_no_more_statements_than_promised(app: Flask, admin: Browser) -> None:
    statements: list[str] = []

    def _note(_connection, _cursor, statement, *_rest) -> None:
        statements.append(statement)

    with app.app_context():
        engine = db.engine
    event.listen(engine, "before_cursor_execute", _note)
    admin.get("/")
    event.remove(engine, "before_cursor_execute", _note)
    told = [one for one in statements if not one.startswith("BEGIN")]
    assert 5 < len(told) <= 14, "\n".join(told)


def svg(section: Element, title_id: str) -> Element:
    """The drawing with this title."""
    return next(
        element
        for element in section.iter()
        if (element.get("aria-labelledby") or "").split()[:1] == [title_id]
    )


@pytest.mark.parametrize(
    ("state", "sentence"),
    [
        ({"redis": False}, "The job queue (Redis) cannot be reached."),
        ({"worker": False}, "No worker is running: nothing can be polled."),
        ({"scheduler": False}, "No scheduler is running"),
    ],
)
def test_what_is_wrong_with_the_workers_is_said(
    viewer: Browser,
    connect: Callable[..., int],
    queue: Callable[..., None],
    state: dict[str, bool],
    sentence: str,
) -> None:
    connect()
    queue(**state)
    assert sentence in viewer.get("/").text
    queue()
    assert sentence not in viewer.get("/").text


def test_the_community_edition_says_so(
    app: Flask, viewer: Browser, connect: Callable[..., int]
) -> None:
    app.extensions["triagedesk_config"] = replace(
        app.extensions["triagedesk_config"], edition="community"
    )
    sentence = "The Huntress security integration is an Enterprise feature."
    assert sentence in viewer.get("/").text
    connect()
    response = viewer.post("/connections/1/poll", on="/")
    assert sentence in viewer.get(response.location).text


def test_the_demo_says_so_on_every_page(app: Flask, visitor: Browser) -> None:
    app.extensions["triagedesk_config"] = replace(app.extensions["triagedesk_config"], is_demo=True)
    assert "the Huntress account behind these tickets is simulated" in visitor.get("/setup").text


def test_a_card_keeps_itself_up_to_date(
    viewer: Browser, connect: Callable[..., int], fake_clock: FakeClock, app: Flask
) -> None:
    connect()
    article = viewer.get("/").one("article", id="connection-1")
    assert article.get("hx-get") == "/connections/1/status"
    assert article.get("hx-trigger") == "every 30s, refresh"
    with app.app_context(), transaction() as session:
        session.execute(update(Connection).values(poll_requested_at=fake_clock.now()))
    part = viewer.fragment("/connections/1/status")
    assert part.one("article", id="connection-1").get("hx-trigger") == "every 2s, refresh"


def test_a_connection_that_is_not_there(viewer: Browser) -> None:
    assert viewer.client.get("/connections/9/status").status_code == 404


def test_alarms_that_go_on_stand_on_top_for_everybody(
    app: Flask, helpdesk: Browser, fake_clock: FakeClock
) -> None:
    assert not helpdesk.get("/").one("div", id="alarms").findall(".//li")
    with app.app_context():
        now = fake_clock.now() - timedelta(minutes=15)
        for kind, inhibited_by in (("redis-gone", None), ("worker-gone", "redis-gone")):
            add(Alarm(kind=kind, sentence=f"<b>{kind}", began_at=now, inhibited_by=inhibited_by))
    [alarm] = helpdesk.get("/").one("div", id="alarms").findall(".//li")
    assert words_of(alarm).startswith("<b>redis-gone Began 15 min ago. Check that Redis runs")
    part = helpdesk.client.get("/alarms").text
    assert part.count("<li>") == 1
    assert "<strong>&lt;b&gt;redis-gone</strong>" in part
