"""With years of records the frequent questions are answered from an index, not by reading them."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta

import pytest
from sqlalchemy import Select, event, select, text

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.rows import change
from webapp.domain.incident import CLOSED_STATUSES, DELETED, is_recorded_open
from webapp.models import Alert, InboxRow, OrganizationMapping, Ticket
from webapp.models.alert import is_open
from webapp.services.connections import connection_figures as figures
from webapp.services.connections.connection_figures import count_figures
from webapp.services.polling.move_tickets import count_movable
from webapp.services.polling.ticket_recorded_incidents import count_recorded
from webapp.services.tickets import list_tickets
from webapp.services.tickets.list_tickets import SORTS, UNTOUCHED, TicketQuery
from webapp.services.transactions import reading, transaction


def plan_of(statement: Select[tuple[object, ...]]) -> str:
    """SQLite's plan; it does not depend on how much there is."""
    with reading() as session:
        engine = session.get_bind()
        compiled = statement.compile(engine, compile_kwargs={"literal_binds": True})
        return " | ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))


INBOX_ORDER = (
    select(InboxRow.id)
    .where(InboxRow.connection_id == 1, InboxRow.dismissed_at.is_(None))
    .order_by(InboxRow.attempts, InboxRow.sort_at, InboxRow.id)
    .limit(100)
)


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize(
    ("statement", "index"),
    [
        (figures._open_incidents, "ix_alerts_open"),
        (figures._waiting, "ix_inbox_waiting"),
        (figures._quarantined, "ix_inbox_waiting"),
        (lambda: INBOX_ORDER, "ix_inbox_order"),
        (
            lambda: select(Ticket.id).order_by(Ticket.updated_at.desc(), Ticket.id.desc()),
            "ix_tickets_updated_at",
        ),
        (
            lambda: select(Alert.id).where(Alert.connection_id == 1, is_open()),
            "ix_alerts_open",
        ),
        (
            lambda: (
                select(Ticket.id)
                .where(Ticket.close_reason == "duplicate", Ticket.closed_at.is_not(None))
                .order_by(Ticket.updated_at.desc(), Ticket.id.desc())
            ),
            "ix_tickets_close_reason",
        ),
        (
            lambda: select(Ticket.id).where(
                Ticket.external_reference.is_not(None),
                Ticket.external_reference.contains("12345"),
            ),
            "COVERING INDEX ix_tickets_external_reference",
        ),
        (
            lambda: select(Ticket.id).where(
                Ticket.due_at <= datetime(2026, 1, 1, tzinfo=UTC), Ticket.closed_at.is_not(None)
            ),
            "COVERING INDEX ix_tickets_due_at",
        ),
        (
            lambda: select(Ticket.priority_id, Ticket.raised_severity).where(
                UNTOUCHED, Ticket.closed_at.is_(None)
            ),
            "COVERING INDEX ix_tickets_untouched",
        ),
        (lambda: count_movable(1), "ix_tickets_open_client"),
        (lambda: count_recorded(1), "ix_alerts_open"),
    ],
)
def test_an_index_answers(statement: Callable[[], Select[tuple[object, ...]]], index: str) -> None:
    plan = plan_of(statement())
    assert index in plan
    assert "TEMP B-TREE" not in plan, "sorted by reading all of it"


@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("is_closed", [False, True])
@pytest.mark.parametrize("sort", list(SORTS))
def test_pages_of_the_ticket_list_are_read_in_their_order(sort: str, is_closed: bool) -> None:
    """Nothing is sorted but the first rows of each priority."""
    sent: list[str] = []
    with reading() as session:
        engine = session.get_bind()
    listener = ("before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    event.listen(engine, *listener)
    list_tickets.list_tickets(TicketQuery(is_closed=is_closed, sort=sort))
    event.remove(engine, *listener)
    ids = next(one for one in sent if one.startswith(("SELECT tickets.id", "SELECT anon")))
    with reading() as session:
        connection = session.connection()
        rows = connection.exec_driver_sql("EXPLAIN QUERY PLAN " + ids.replace("?", "1"))
        plan = " | ".join(row[3] for row in rows)
    if sort == "priority":
        index = f"ix_tickets_{'closed' if is_closed else 'open'}_priority"
        assert plan.count(f"COVERING INDEX {index} (priority_id=?)") == 4
        assert plan.count("TEMP B-TREE") == 1
    else:
        assert "INDEX ix_tickets_" in plan
        assert "TEMP B-TREE" not in plan


@pytest.mark.usefixtures("app")
def test_names_in_a_search_are_compared_once() -> None:
    """SQLite compares them in Python: thousands of clients in each part of a query take long."""
    sent: list[str] = []
    with reading() as session:
        engine = session.get_bind()
    listener = ("before_cursor_execute", lambda *arguments: sent.append(arguments[2]))
    event.listen(engine, *listener)
    list_tickets.list_tickets(TicketQuery(search="client:dental priority:high assignee:bo"))
    event.remove(engine, *listener)
    assert [one.count("REGEXP") for one in sent if "REGEXP" in one] == [3]


def test_calls_of_the_last_minute_are_found_by_their_time(
    app: object, fake_clock: FakeClock
) -> None:
    plan = plan_of(figures._calls(fake_clock.now()))
    assert "ix_api_exchanges_reserved_at" in plan


@pytest.mark.parametrize(
    "status",
    [None, "sent", "auto_remediating", "deleting", "new word", DELETED, *sorted(CLOSED_STATUSES)],
)
def test_the_index_and_the_rule_agree_on_what_is_open(desk: Desk, status: str | None) -> None:
    now = desk.clock.now()
    with transaction() as session:
        session.add(
            Alert(
                connection_id=desk.connection_id,
                external_alert_id="1",
                status=status,
                observed_at=now,
                created_at=now,
            )
        )
    with reading() as session:
        found = list(session.scalars(select(Alert.status).where(is_open())))
    assert bool(found) is is_recorded_open(status)


def test_the_figures_of_one_connection_are_its_own(desk: Desk) -> None:
    desk.account.add_organization("Acme", id=7)
    desk.account.add_incident(7, now=desk.clock.now(), id=1)
    desk.poll()
    later = desk.clock.now()
    with reading() as session:
        everything = count_figures(session, later)
        one = count_figures(session, later, desk.connection_id)
        none = count_figures(session, later, desk.connection_id + 1)
        aged = count_figures(session, later + timedelta(seconds=61), desk.connection_id)
    assert one == everything
    assert one[desk.connection_id].open_incidents == 1
    assert one[desk.connection_id].calls_last_minute > 0
    assert aged[desk.connection_id].calls_last_minute == 0
    assert none == {}


def test_an_organization_that_huntress_does_not_list_counts_while_it_has_tickets_on_triage(
    desk: Desk,
) -> None:
    desk.account.add_organization("Acme", id=7)
    desk.map(7, desk.add_client("Acme"))
    desk.account.add_incident(8, now=desk.clock.now(), id=1)
    desk.poll()
    change(OrganizationMapping, _row_of(8), gone_at=desk.clock.now())
    assert _unmapped(desk) == 1
    change(Ticket, desk.ticket(1).id, closed_at=desk.clock.now())
    assert _unmapped(desk) == 0


def _row_of(organization_id: int) -> int:
    with reading() as session:
        row = session.query(OrganizationMapping).filter_by(external_id=str(organization_id)).one()
        return row.id


def _unmapped(desk: Desk) -> int:
    with reading() as session:
        return count_figures(session, desk.clock.now())[desk.connection_id].unmapped


def test_the_default_sort_of_closed_tickets_is_the_indexed_one() -> None:
    assert list_tickets.DEFAULT_SORTS[True] == "updated"
