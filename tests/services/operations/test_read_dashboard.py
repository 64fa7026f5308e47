"""What the dashboard counts, on both databases."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from sqlalchemy import Select, event, select, text, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.fake_clock import START as NOW
from tests.support.fake_clock import FakeClock
from webapp.domain.plan import Reason
from webapp.extensions import db
from webapp.models import Alert, Board, Client, Connection, Priority, Status, Ticket
from webapp.services.connections.connection_figures import count_figures
from webapp.services.operations import dashboard_figures, desk_cards, read_dashboard
from webapp.services.operations.dashboard_figures import (
    DAYS,
    SEVERITIES,
    DeskFigures,
    IncidentDay,
    Median,
    between,
    median_durations,
)
from webapp.services.operations.desk_cards import SHOWN_TICKETS, Reader
from webapp.services.operations.read_dashboard import Dashboard
from webapp.services.tickets.ticket_state import set_ticket_status
from webapp.services.transactions import reading, transaction

AddTicket = Callable[..., int]
UTC_ZONE = ZoneInfo("UTC")
NEW_YORK = ZoneInfo("America/New_York")
MOST_STATEMENTS = 10
NOBODY = Reader(0)
READER = Reader(1, NOW - timedelta(hours=15))


@pytest.fixture
def connection_id(app: Flask, fake_clock: FakeClock) -> int:
    """A connection that has been polled for 100 days."""
    return desk_data.add_connection(NOW, polling_started_at=NOW - timedelta(days=100))


@pytest.fixture
def add_ticket(connection_id: int) -> AddTicket:
    """Adds a ticket with its alert; times are given as how long ago."""
    numbers = iter(range(1, 1_000))

    def _add(
        *,
        created: timedelta = timedelta(hours=1),
        touched: timedelta | None = None,
        closed: timedelta | None = None,
        sent: timedelta | None = None,
        severity: str | None = "high",
        **values: object,
    ) -> int:
        number = next(numbers)
        with transaction() as session:
            statuses = {row.name: row for row in session.scalars(select(Status))}
            defaults: dict[str, object] = {
                "client_id": session.scalar(select(Client.id)),
                "board_id": session.scalar(select(Board.id).where(Board.name == "Security")),
                "priority_id": session.scalar(select(Priority.id).where(Priority.name == "High")),
                "source": "huntress",
                "connection_id": connection_id,
                "source_reference": str(number),
            }
            ticket = Ticket(
                **{**defaults, **values},
                number=f"T{number}",
                title=f"Ticket {number}",
                description="",
                status=statuses["Open"],
                created_at=NOW - created,
                updated_at=NOW - created,
                reported_at=NOW - (sent or created),
                first_touched_at=None if touched is None else NOW - touched,
            )
            session.add(ticket)
            if closed is not None:
                set_ticket_status(ticket, statuses["Closed"], now=NOW - closed)
            session.flush()
            if "due_at" in values:  # there are no targets: the ticket itself has no such time
                due = {"due_at": values["due_at"]}
                session.execute(update(Ticket).where(Ticket.id == ticket.id).values(due))
            if ticket.source == "huntress":
                session.add(alert(connection_id, number, sent or created, severity, ticket.id))
            return ticket.id

    return _add


def alert(
    connection_id: int,
    number: int,
    sent: timedelta,
    severity: str | None,
    ticket_id: int | None = None,
    **values: object,
) -> Alert:
    return Alert(
        connection_id=connection_id,
        external_alert_id=str(number),
        ticket_id=ticket_id,
        status="sent",
        severity=severity,
        triggered_at=NOW - sent,
        observed_at=NOW,
        created_at=NOW,
        **values,
    )


def read(zone: ZoneInfo = UTC_ZONE, reader: Reader = NOBODY) -> Dashboard:
    return read_dashboard.read_dashboard(zone, reader)


def listed(reader: Reader) -> dict[str, list[int]]:
    """The ids on each card."""
    cards = read(reader=reader).desk.cards
    return {name: [ticket.id for ticket in tickets] for name, tickets in cards.items()}


def figures(zone: ZoneInfo = UTC_ZONE) -> DeskFigures:
    found = read(zone).desk.figures
    assert found is not None
    return found


def busy_days(found: DeskFigures) -> list[IncidentDay]:
    return [day for day in found.days if day.total]


@both_databases
def test_open_tickets_are_counted_by_priority(add_ticket: AddTicket) -> None:
    people = desk_data.add_people()
    with reading() as session:
        priorities = {row.name: row.id for row in session.scalars(select(Priority))}
        triage = session.scalar(select(Board.id).where(Board.name == "Security Triage"))
    low = priorities["Low"]
    add_ticket()
    add_ticket(touched=timedelta(minutes=5), assignee_id=people[0].id)
    add_ticket(priority_id=low, board_id=triage)
    add_ticket(priority_id=low, is_unmapped=True, assignee_id=people[1].id)
    add_ticket(priority_id=low, board_id=triage, closed=timedelta(minutes=1))
    desk = read().desk
    assert [
        (
            row.priority.name,
            row.open_count,
            row.untouched_count,
            row.unassigned_count,
            row.triage_count,
        )
        for row in desk.counts.by_priority
    ] == [
        ("Critical", 0, 0, 0, 0),
        ("High", 2, 1, 1, 0),
        ("Medium", 0, 0, 0, 0),
        ("Low", 2, 2, 1, 2),
    ]
    assert (desk.open_count, desk.untouched_count) == (4, 3)
    assert (desk.unassigned_count, desk.triage_count) == (2, 2)


@both_databases
def test_each_ticket_is_listed_once_on_the_first_card_it_belongs_to(add_ticket: AddTicket) -> None:
    """Burning, then what is new, then mine, triage, overdue."""
    me = desk_data.add_people()[0].id
    hour, passed = timedelta(hours=1), {"touched": timedelta(minutes=5)}
    with reading() as session:
        priorities = {row.name: row.id for row in session.scalars(select(Priority))}
    waiting = [add_ticket(created=hours * hour) for hours in (30, 90, 10, 50, 70, 20, 40)]
    critical = add_ticket(created=2 * hour, priority_id=priorities["Critical"])
    raised = add_ticket(created=3 * hour, raised_severity="critical")
    low = add_ticket(created=hour, priority_id=priorities["Low"])
    taken = add_ticket(created=2 * hour, assignee_id=me, **passed)
    mine = add_ticket(created=60 * hour, assignee_id=me, **passed)
    triage = add_ticket(created=80 * hour, is_unmapped=True, **passed)
    late = add_ticket(created=60 * hour, due_at=NOW - hour, **passed)
    both = add_ticket(created=60 * hour, due_at=NOW - 2 * hour, assignee_id=me, **passed)
    add_ticket(created=60 * hour, due_at=NOW + hour, **passed)
    closed = add_ticket(created=2 * hour, closed=hour, due_at=NOW - hour, is_unmapped=True)
    cards = listed(Reader(me, NOW - 15 * hour))
    assert cards == {
        "burning": [critical, raised, *(waiting[n] for n in (1, 4, 3, 6))],
        "recent": [low, closed, taken, waiting[2]],
        "mine": [mine, both],
        "triage": [triage],
        "overdue": [late],
    }
    assert len(cards["burning"]) == SHOWN_TICKETS
    counts = read(reader=Reader(me, NOW - 15 * hour)).desk.counts
    assert (counts.recent, counts.recent_untouched, counts.recent_closed) == (6, 4, 1)
    assert (counts.mine, counts.overdue, counts.has_due) == (3, 2, True)
    assert listed(Reader(0))["mine"] == []


@both_databases
def test_what_burns_is_counted_by_severity(add_ticket: AddTicket) -> None:
    """By hand or with a word we do not know: other. A critical one in a lower priority: high."""
    with reading() as session:
        critical = session.scalar(select(Priority.id).where(Priority.name == "Critical"))
    for severity in ("high", "LOW", "odd", None, "critical"):
        add_ticket(severity=severity)
    add_ticket(severity="low", raised_severity="critical")
    add_ticket(severity="low", priority_id=critical)
    add_ticket(source="manual", connection_id=None, source_reference=None)
    add_ticket(severity="high", touched=timedelta(minutes=1))
    add_ticket(severity="high", closed=timedelta(minutes=1))
    assert read().desk.counts.burning == {"critical": 2, "high": 2, "low": 1, "other": 3}


@both_databases
def test_open_incidents_without_a_ticket_are_counted(
    connection_id: int, add_ticket: AddTicket
) -> None:
    add_ticket()
    with transaction() as session:
        for number, status, is_drill in (
            *((701, "sent", False), (702, "auto_remediating", False), (703, "closed", False)),
            (704, "sent", True),
        ):
            row = alert(connection_id, number, timedelta(hours=1), "low", is_drill=is_drill)
            row.status = status
            session.add(row)
    assert read().desk.counts.unticketed == 2


def test_who_never_left_sees_what_is_new_in_a_day(add_ticket: AddTicket) -> None:
    new = add_ticket(created=timedelta(hours=23), touched=timedelta(hours=1))
    add_ticket(created=timedelta(hours=25), touched=timedelta(hours=1))
    assert listed(Reader(0))["recent"] == [new]


@both_databases
def test_incidents_count_on_the_viewers_day(app: Flask, add_ticket: AddTicket) -> None:
    """The clock says 12:00 UTC on 9 June: in New York the day began eight hours ago."""
    add_ticket(created=timedelta(hours=7, minutes=59))
    add_ticket(created=timedelta(hours=8, minutes=1), severity="critical")
    found = busy_days(figures(NEW_YORK))
    assert [(day.day.day, day.counts["critical"], day.counts["high"]) for day in found] == [
        (8, 1, 0),
        (9, 0, 1),
    ]
    assert [(day.day.day, day.total) for day in busy_days(figures())] == [(9, 2)]


@both_databases
def test_thirty_days_with_today_as_the_last(add_ticket: AddTicket) -> None:
    midnight = timedelta(hours=12)
    add_ticket(created=midnight + timedelta(days=DAYS - 1))
    add_ticket(created=midnight + timedelta(days=DAYS - 1, seconds=1))
    add_ticket(created=timedelta(0))
    add_ticket(created=-timedelta(days=2))
    found = figures()
    assert len(found.days) == DAYS
    assert [day.total for day in found.days] == [1, *[0] * (DAYS - 2), 1]
    assert found.since == datetime(2026, 5, 11, tzinfo=UTC)


@both_databases
def test_severities_are_read_as_huntress_writes_them(
    connection_id: int, add_ticket: AddTicket
) -> None:
    for word in ("critical", "High", "LOW", "odd", None, ""):
        add_ticket(severity=word)
    assert list(figures().totals.values()) == [1, 1, 1, 3]
    assert tuple(figures().totals) == SEVERITIES


@both_databases
def test_incidents_without_a_ticket_count_but_not_those_of_excluded_organizations(
    connection_id: int, add_ticket: AddTicket
) -> None:
    add_ticket()
    hour = timedelta(hours=1)
    with transaction() as session:
        for number, reason in ((501, Reason.ALREADY_CLOSED), (502, Reason.ORG_OPTED_OUT)):
            session.add(alert(connection_id, number, hour, "low", reason=reason.value))
    assert figures().totals == {"critical": 0, "high": 1, "low": 1, "unknown": 0}


@both_databases
@pytest.mark.parametrize(
    ("minutes", "median"),
    [((7,), 7), ((1, 90), 45.5), ((5, 1, 90), 5), ((1, 2, 4, 100), 3), ((3, 3, 3, 9, 1), 3)],
)
def test_the_median_is_the_middle(
    add_ticket: AddTicket, minutes: tuple[int, ...], median: float
) -> None:
    for one in minutes:
        add_ticket(created=timedelta(hours=5), touched=timedelta(hours=5, minutes=-one))
    found = figures()
    assert found.first_touch.current == Median(median * 60, len(minutes))
    assert found.first_touch.previous == found.close.current == Median()


@both_databases
def test_times_count_in_the_period_they_ended_in(add_ticket: AddTicket) -> None:
    """Created before, touched in the period before, closed in this one."""
    add_ticket(
        created=timedelta(days=65), touched=timedelta(days=50), closed=timedelta(days=5, hours=1)
    )
    add_ticket(created=timedelta(days=95), touched=timedelta(days=94), closed=timedelta(days=70))
    found = figures()
    assert found.first_touch.previous == Median(15 * 86_400, 1)
    assert found.first_touch.current == Median()
    assert found.close.current == Median((60 * 24 - 1) * 3_600, 1)
    assert found.close.previous == Median()


@both_databases
def test_backfilled_and_manual_tickets_have_no_times(add_ticket: AddTicket) -> None:
    times = {"touched": timedelta(minutes=50), "closed": timedelta(minutes=40)}
    add_ticket(sent=timedelta(days=101), **times)
    add_ticket(source="manual", connection_id=None, source_reference=None, **times)
    found = figures()
    assert found.first_touch.current == found.close.current == Median()
    add_ticket(sent=timedelta(days=99), **times)
    found = figures()
    assert found.first_touch.current == Median(600, 1)
    assert found.close.current == Median(1_200, 1)


@both_databases
def test_a_reopened_ticket_has_no_time_to_close(add_ticket: AddTicket) -> None:
    ticket_id = add_ticket(closed=timedelta(minutes=5))
    assert figures().close.current.count == 1
    with transaction() as session:
        status = session.scalars(select(Status).where(Status.is_default)).one()
        set_ticket_status(session.get_one(Ticket, ticket_id), status, now=NOW)
    assert figures().close.current == Median()


def test_without_any_ticket_there_are_no_figures(app: Flask, connection_id: int) -> None:
    assert read().desk.figures is None


@both_databases
def test_the_number_of_statements_does_not_grow(app: Flask, add_ticket: AddTicket) -> None:
    statements: list[str] = []
    for position in range(3):
        add_ticket(is_unmapped=True)
        key = desk_data.add_connection(
            NOW, name=f"Nr {position}", account_id=position, lease_token=str(position) * 32
        )
        desk_data.add_run(key, NOW)
        desk_data.add_run(key, NOW, state="running", lease_token=str(position) * 32)

    def _note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith("BEGIN"):
            statements.append(statement)

    event.listen(db.engine, "before_cursor_execute", _note)
    desk = read()
    event.remove(db.engine, "before_cursor_execute", _note)
    assert len(desk.connections) == 4
    assert len(statements) <= MOST_STATEMENTS, "\n".join(statements)


@both_databases
def test_each_connection_has_its_own_run_and_figures(app: Flask, connection_id: int) -> None:
    token = "e" * 32
    busy = desk_data.add_connection(
        NOW,
        name="Busy",
        account_id=2,
        lease_token=token,
        lease_expires_at=NOW + timedelta(minutes=1),
    )
    old = desk_data.add_run(connection_id, NOW, started_at=NOW - timedelta(days=1))
    last = desk_data.add_run(connection_id, NOW)
    desk_data.add_run(connection_id, NOW, state="skipped", started_at=NOW)
    running = desk_data.add_run(busy, NOW, state="running", lease_token=token, finished_at=None)
    with transaction() as session:
        session.add(alert(busy, 1, timedelta(), "low"))
    found = {one.id: one for one in read().connections}
    assert old < last
    assert found[connection_id].last_run is not None
    assert found[connection_id].last_run.id == last
    assert found[connection_id].run is None
    assert found[busy].run is not None
    assert found[busy].run.id == running
    assert found[busy].last_run is None
    assert (found[busy].figures.open_incidents, found[connection_id].figures.open_incidents) == (
        1,
        0,
    )
    with reading() as session:
        assert set(count_figures(session, NOW, busy)) == {busy}
        assert count_figures(session, NOW, connection_id) == {}


@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (desk_cards.select_counts, "INDEX ix_tickets_open"),
        (desk_cards.select_counts, "INDEX ix_tickets_created_at"),
        (desk_cards.select_counts, "INDEX ix_tickets_due_at"),
        (desk_cards.select_cards, "INDEX ix_tickets_created_at"),
        (desk_cards.select_cards, "INDEX ix_tickets_assignee_id"),
        (desk_cards.select_cards, "INDEX ix_tickets_open"),
        (desk_cards.select_cards, "INDEX ix_tickets_due_at"),
        (
            dashboard_figures.incidents_by_day,
            "USING COVERING INDEX ix_alerts_triggered_at",
        ),
        (
            median_durations,
            "tickets USING COVERING INDEX ix_tickets_closed_at",
        ),
        (
            median_durations,
            "tickets USING COVERING INDEX ix_tickets_first_touched_at",
        ),
    ],
)
def test_an_index_answers(app: Flask, statement: Callable[[], Select[Any]], index: str) -> None:
    with reading() as session:
        days = between([NOW + timedelta(days=day) for day in range(DAYS + 1)])
        told = statement().params(**desk_cards.asked_by(READER, NOW), **days)
        compiled = told.compile(db.engine, compile_kwargs={"literal_binds": True})
        plan = " | ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
    assert index in plan
    assert "SCAN tickets |" not in plan
    assert "SCAN alerts" not in plan


def test_a_connection_that_never_started_backfills_nothing(add_ticket: AddTicket) -> None:
    with transaction() as session:
        session.query(Connection).update({"polling_started_at": None})
    add_ticket(touched=timedelta(minutes=30))
    assert figures().first_touch.current.count == 1
