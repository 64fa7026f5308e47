"""What open pages are told, on both databases."""

from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import event, select, text, update

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.rows import change
from webapp import clock
from webapp.extensions import db
from webapp.models import Connection, Drill, Priority, Ticket
from webapp.services.operations.desk_news import read_desk_news
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.live.read_news import (
    MOST_CHANGES,
    read_count_news,
    read_list_news,
    read_ticket_news,
)
from webapp.services.tickets.live.untouched_criticals import tell_criticals
from webapp.services.tickets.ticket_filters import TicketQuery
from webapp.services.transactions import reading, transaction


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    """The filled desk, on which nobody has anything in hand; it is a minute later."""
    filled = desk_data.fill_desk(fake_clock.now())
    with transaction() as session:
        session.execute(update(Ticket).values(untouched_since=None))
        session.execute(update(Ticket).where(Ticket.id < 4).values(closed_at=None))
    fake_clock.advance(minutes=1)
    return filled


def wait(ticket_id: int, **values: object) -> None:
    change(Ticket, ticket_id, untouched_since=clock.utcnow(), closed_at=None, **values)


def priority(name: str) -> int:
    with reading() as session:
        return session.scalars(select(Priority.id).where(Priority.name == name)).one()


@both_databases
def test_untouched_criticals_are_those_of_a_critical_priority_and_raised_ones(desk: Desk) -> None:
    assert read_count_news()["criticals"] == {"count": 0, "newest": []}
    critical, low = priority("Critical"), priority("Low")
    wait(1, priority_id=critical)
    wait(2, priority_id=low)
    wait(3, priority_id=low, raised_severity="critical")
    wait(4, priority_id=low, raised_severity="high")
    wait(5, priority_id=critical, raised_severity="critical", is_muted=True)
    change(Ticket, 6, priority_id=critical, closed_at=None)
    found = read_count_news()["criticals"]
    assert found["count"] == 3
    assert [one["id"] for one in found["newest"]] == [5, 3, 1]
    assert [one["is_muted"] for one in found["newest"]] == [True, False, False]
    assert found["newest"][0]["client"]
    with transaction() as session:
        session.execute(update(Connection).values(critical_priority_id=low))
    assert read_count_news()["criticals"]["count"] == 5, "what routing calls critical is"
    with transaction() as session:
        session.add(
            Drill(
                ticket_id=1,
                started_at=clock.utcnow(),
                external_key="drill",
                connection_id=desk.connection_id,
            )
        )
    assert read_count_news()["criticals"]["count"] == 4


@both_databases
def test_a_list_is_told_what_changed_since_it_was_loaded(desk: Desk, fake_clock: FakeClock) -> None:
    loaded = clock.utcnow()
    query = TicketQuery(assignee=desk.helpdesk_id)
    assert read_list_news(query, loaded)["tickets"] == []
    fake_clock.advance(seconds=30)
    given = TicketChange(sets_assignee=True, assignee_id=desk.helpdesk_id)
    change_ticket(1, given, actor_id=desk.admin_id, seen_at=None)
    wait(2, updated_at=clock.utcnow(), priority_id=priority("Critical"), assignee_id=None)
    found = {one["id"]: one for one in read_list_news(query, loaded)["tickets"]}
    assert set(found) == {1, 2}
    assert (found[1]["fits"], found[2]["fits"]) == (True, False)
    assert found[2]["is_critical"]
    assert found[1]["version"] == clock.utcnow().isoformat()
    assert found[1]["now"].endswith(", Bo Lindqvist"), found[1]["now"]
    assert found[2]["now"].endswith(", unassigned")
    assert not any(
        one["fits"] for one in read_list_news(TicketQuery(is_closed=True), loaded)["tickets"]
    )
    assert read_list_news(query, clock.utcnow() + timedelta(minutes=1))["tickets"], "late commits"


def test_of_very_many_changes_a_list_is_told_that_there_are_more(desk: Desk) -> None:
    with transaction() as session:
        model = session.get_one(Ticket, 1)
        for number in range(MOST_CHANGES + 1):
            session.add(
                Ticket(
                    **{
                        "number": f"X-{number}",
                        "title": "x",
                        "description": "",
                        "source": "manual",
                    },
                    **{
                        name: getattr(model, name)
                        for name in ("client_id", "board_id", "status_id")
                    },
                    priority_id=model.priority_id,
                    created_at=clock.utcnow(),
                    updated_at=clock.utcnow(),
                )
            )
    found = read_list_news(TicketQuery(), clock.utcnow())
    assert found["has_more"]
    assert len(found["tickets"]) == MOST_CHANGES


@both_databases
def test_a_ticket_is_told_who_did_what(desk: Desk, fake_clock: FakeClock) -> None:
    change_ticket(1, TicketChange(title="Something Low"), actor_id=desk.admin_id, seen_at=None)
    fake_clock.advance(seconds=1)
    note = add_internal_note(1, "**secret** words", author_id=desk.helpdesk_id)
    newest, before, *_ = read_ticket_news(1)["entries"]
    assert (newest["id"], newest["who"], newest["what"]) == (note.id, "Bo Lindqvist", "New note")
    assert before["who"] == "Ada Okafor"
    assert "Low" in before["what"]
    assert newest["edited"] is None
    assert read_ticket_news(999_999)["entries"] == []


@both_databases
def test_the_dashboard_learns_of_every_kind_of_change(desk: Desk, fake_clock: FakeClock) -> None:
    seen = {read_desk_news()["desk"]}
    assert {read_desk_news()["desk"]} == seen, "nothing changes by itself"
    add_internal_note(3, "a note", author_id=desk.admin_id)
    seen.add(read_desk_news()["desk"])
    change(Connection, desk.connection_id, last_success_at=clock.utcnow())
    seen.add(read_desk_news()["desk"])
    change(Connection, desk.connection_id, poll_requested_at=clock.utcnow())
    seen.add(read_desk_news()["desk"])
    assert len(seen) == 4


@both_databases
def test_each_answer_costs_one_statement(desk: Desk) -> None:
    sent: list[str] = []

    def _note(_connection, _cursor, statement, *_rest) -> None:
        if not statement.startswith("BEGIN"):
            sent.append(statement)

    event.listen(db.engine, "before_cursor_execute", _note)
    query = TicketQuery(severity="critical", is_triage=True, is_untouched=True)
    for read in (
        read_count_news,
        read_desk_news,
        lambda: read_list_news(query, None),
        lambda: read_ticket_news(1),
    ):
        sent.clear()
        read()
        assert len(sent) == 1
    event.remove(db.engine, "before_cursor_execute", _note)


def test_an_index_answers_what_every_page_asks(desk: Desk) -> None:
    count, _ = tell_criticals()
    with reading() as session:
        compiled = select(count).compile(db.engine, compile_kwargs={"literal_binds": True})
        plan = " | ".join(row[3] for row in session.execute(text(f"EXPLAIN QUERY PLAN {compiled}")))
    assert "SEARCH tickets USING COVERING INDEX" in plan
    assert "SEARCH tickets USING INDEX ix_tickets_raised_severity" in plan
    assert "SCAN tickets" not in plan
