"""The proof over a look-alike: whatever happens behind the product's back is found and healed."""

import sqlite3
from contextlib import closing
from datetime import timedelta

import pytest
from flask import Flask
from sqlalchemy import delete, update

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from tests.support.polling import (
    INCIDENTS,
    add_bulk,
    asked,
    break_reports,
    report,
    set_faults,
    use_small_pages,
)
from tests.support.rows import all_rows, audit_events, change
from webapp.huntress.simulator import Fault, SimulatedAccount
from webapp.models import Alert, Comment, Connection, InboxRow, Proof, Ticket
from webapp.services.errors import FieldError, RefusedError
from webapp.services.proof import prove_connection as module
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.transactions import transaction

NAMES = ("listed", "ticketed", "excluded", "closed", "recorded", "quarantined", "unexplained")


def prove(desk: Desk, days: int = 30) -> Proof:
    desk.clock.advance(seconds=1)
    proof = prove_connection(desk.connection_id, days)
    assert proof.error is None
    assert proof.listed == sum(getattr(proof, name) for name in NAMES[1:]), "they add up"
    assert proof.healed == proof.unexplained == len(proof.unexplained_ids)
    return proof


def counts(proof: Proof) -> dict[str, int]:
    """The counts that are not 0."""
    found = {name: getattr(proof, name) for name in NAMES}
    return {name: count for name, count in found.items() if count}


def run(statement: object) -> None:
    with transaction() as session:
        session.execute(statement)


def heal_and_check(desk: Desk, *ids: object, listed: int = 5) -> None:
    """The proof finds exactly `ids`, the next poll heals them, and then all is explained."""
    proof = prove(desk)
    assert sorted(proof.unexplained_ids) == sorted(str(one) for one in ids)
    again = prove(desk)
    assert again.unexplained == 0, "what is in the inbox is known"
    outcome = desk.poll()
    assert outcome.is_success, outcome.run.error
    assert desk.inbox() == []
    after = prove(desk)
    assert counts(after) == {"listed": listed, "ticketed": listed}
    references = [ticket.source_reference for ticket in all_rows(Ticket)]
    assert len(references) == len(set(references)), "no incident has two tickets"


@pytest.fixture
def five(desk: Desk) -> Desk:
    """Five incidents, each with a ticket."""
    add_bulk(desk.account, 5, desk.clock.now() - timedelta(hours=2), first_id=101)
    assert desk.poll().is_success
    assert desk.poll().is_success
    return desk


@both_databases
def test_everything_is_explained(desk: Desk) -> None:
    before = desk.clock.now() - timedelta(hours=3)
    add_bulk(desk.account, 3, before)
    add_bulk(desk.account, 2, before, first_id=10, status="closed")
    add_bulk(desk.account, 1, before - timedelta(days=20), first_id=20)
    add_bulk(desk.account, 4, before - timedelta(days=20), first_id=30, status="closed")
    add_bulk(desk.account, 7, before - timedelta(days=31), first_id=40)
    add_bulk(desk.account, 1, before, first_id=50, organization_id=8)
    desk.map(8, None, tickets=False)
    desk.account.add_raw_incident({"subject": "no id", "sent_at": "2026-01-01T00:00:00Z"})
    desk.account.add_raw_incident("no report at all")
    assert desk.poll().is_success
    start = len(desk.simulator.requests)
    proof = prove(desk)
    assert counts(proof) == {
        "listed": 12,
        "ticketed": 3,
        "excluded": 1,
        "closed": 2,
        "recorded": 5,
        "quarantined": 1,
    }
    assert asked(desk, start) == [INCIDENTS]
    assert (proof.calls, proof.day) == (1, desk.clock.now().date())
    [event] = [one for one in audit_events() if one.action == "connection.proved"]
    assert event.after["listed"] == 12


@both_databases
def test_an_incident_that_was_hidden_from_the_polls(five: Desk) -> None:
    at = five.clock.now() - timedelta(hours=5)
    five.account.incident_rows[200] = report(200, at)
    five.set(cursor=five.clock.now())
    assert five.poll().is_success
    assert five.ticket(200) is None, "it lies before the cursor"
    heal_and_check(five, 200, listed=6)
    assert five.ticket(200) is not None


def test_incidents_tied_at_the_edge_of_a_page(
    app: Flask, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account, ties="skip") as desk:
        use_small_pages(monkeypatch, 2)
        at = fake_clock.now() - timedelta(hours=1)
        for number in range(1, 6):
            account.incident_rows[number] = report(number, at, status="closed")
        assert desk.poll().is_success
        missed = 5 - len(all_rows(Alert))
        assert missed > 0, "the walk of the poll skipped some"
        proof = prove(desk)
        assert counts(proof) == {"listed": 5, "closed": 5 - missed, "unexplained": missed}
        assert desk.poll().is_success
        assert counts(prove(desk)) == {"listed": 5, "closed": 5}


@both_databases
def test_an_alert_that_was_deleted(five: Desk) -> None:
    number = five.ticket(102).number
    run(delete(Alert).where(Alert.external_alert_id == "102"))
    heal_and_check(five, 102)
    assert five.ticket(102).number == number
    assert five.alert(102).ticket_id == five.ticket(102).id


def test_a_closed_ticket_whose_alert_was_deleted_is_not_opened_again(five: Desk) -> None:
    change(Ticket, five.ticket(102).id, closed_at=five.clock.now())
    run(delete(Alert).where(Alert.external_alert_id == "102"))
    heal_and_check(five, 102)
    assert five.ticket(102).closed_at is not None


@both_databases
def test_an_alert_that_was_moved_to_another_connection(five: Desk) -> None:
    other = Connection(
        name="Other", base_url="https://x.example", account_id="2", created_at=five.clock.now()
    )
    with transaction() as session:
        session.add(other)
        session.flush()
        other_id = other.id
    alert_id = five.alert(103).id
    change(Alert, alert_id, connection_id=other_id)
    heal_and_check(five, 103)
    assert five.alert(103).id == alert_id


@both_databases
def test_a_ticket_that_was_deleted(five: Desk) -> None:
    ticket_id = five.ticket(104).id
    run(update(Alert).where(Alert.ticket_id == ticket_id).values(ticket_id=None))
    _delete_ticket(ticket_id)
    heal_and_check(five, 104)
    assert five.ticket(104).id != ticket_id


def test_a_ticket_that_was_deleted_behind_the_databases_back(app: Flask, five: Desk) -> None:
    ticket_id = five.ticket(104).id
    path = app.extensions["triagedesk_config"].database_url.removeprefix("sqlite:///")
    with closing(sqlite3.connect(path)) as database, database:
        database.execute("DELETE FROM comments WHERE ticket_id = ?", (ticket_id,))
        database.execute("DELETE FROM tickets WHERE id = ?", (ticket_id,))
    heal_and_check(five, 104)


@both_databases
def test_a_ticket_and_its_alert_that_were_deleted(five: Desk) -> None:
    ticket_id = five.ticket(104).id
    run(delete(Alert).where(Alert.ticket_id == ticket_id))
    _delete_ticket(ticket_id)
    heal_and_check(five, 104)


@both_databases
def test_a_link_from_alert_to_ticket_that_was_cut(five: Desk) -> None:
    ticket_id = five.ticket(105).id
    change(Alert, five.alert(105).id, ticket_id=None)
    heal_and_check(five, 105)
    assert five.alert(105).ticket_id == five.ticket(105).id == ticket_id


@both_databases
def test_an_alert_that_names_the_ticket_of_another_incident(five: Desk) -> None:
    change(Alert, five.alert(101).id, ticket_id=five.ticket(102).id)
    heal_and_check(five, 101)
    assert five.alert(101).ticket_id == five.ticket(101).id


@both_databases
def test_a_ticket_that_was_torn_from_its_incident(five: Desk) -> None:
    ticket_id = five.ticket(101).id
    change(Ticket, ticket_id, connection_id=None, source_reference="else")
    heal_and_check(five, 101)
    assert five.ticket(101).id == ticket_id


@both_databases
def test_a_rise_that_was_moved_below_the_cursor(five: Desk) -> None:
    at = five.clock.now() - timedelta(hours=1)
    five.set(cursor=five.clock.now())
    five.account.update_incident(103, now=at, severity="critical")
    assert five.poll().as_dict()["noted"] == 0
    heal_and_check(five, 103)
    assert five.alert(103).severity == "critical"


def test_a_change_in_the_second_of_the_last_one(five: Desk) -> None:
    row = five.account.incident_rows[103]
    five.set(cursor=five.clock.now())
    five.account.incident_rows[103] = {**row, "status": "closed"}
    assert five.poll().as_dict()["noted"] == 0
    heal_and_check(five, 103)
    assert five.alert(103).status == "closed"


def test_a_report_that_vanished_from_quarantine(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    add_bulk(desk.account, 1, desk.clock.now() - timedelta(hours=1), first_id=7)
    broken = break_reports(monkeypatch, 7)
    for _ in range(4):
        desk.poll(minutes=60)
    assert counts(prove(desk)) == {"listed": 1, "quarantined": 1}
    run(delete(InboxRow))
    broken.clear()
    heal_and_check(desk, 7, listed=1)


def test_what_came_after_the_last_poll_is_not_counted(five: Desk) -> None:
    five.clock.advance(seconds=30)
    five.account.incident_rows[300] = report(300, five.clock.now())
    five.account.update_incident(101, now=five.clock.now(), status="closed")
    assert counts(prove(five)) == {"listed": 5, "ticketed": 5}


def test_what_came_while_it_was_walked_is_explained(
    five: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Rows that the first look does not find, but a poll wrote before the second."""
    run(delete(Alert).where(Alert.external_alert_id == "102"))
    judge = module._count

    def poll_between(*args: object) -> object:
        suspects = judge(*args)
        with transaction() as session:
            session.add(
                InboxRow(
                    connection_id=five.connection_id,
                    external_key="400",
                    payload="{}",
                    content_hash="x",
                    fetched_at=five.clock.now(),
                    first_fetched_at=five.clock.now(),
                )
            )
        return suspects

    five.account.incident_rows[400] = report(400, five.clock.now() - timedelta(hours=1))
    monkeypatch.setattr(module, "_count", poll_between)
    proof = prove_connection(five.connection_id)
    assert proof.unexplained_ids == ["102"]
    assert proof.recorded == 1


def test_an_excluded_organization_gives_no_content_away(five: Desk) -> None:
    five.map(8, None, tickets=False)
    at = five.clock.now() - timedelta(hours=5)
    five.account.incident_rows[200] = report(200, at, organization_id=8, summary="secret words")
    five.set(cursor=five.clock.now())
    assert five.poll().is_success
    assert prove(five).unexplained_ids == ["200"]
    [row] = five.inbox()
    assert "secret" not in row.payload
    assert five.poll().is_success
    assert counts(prove(five)) == {"listed": 6, "ticketed": 5, "excluded": 1}


def test_a_clean_month_costs_a_call_for_each_500_incidents(desk: Desk) -> None:
    newest = desk.clock.now() - timedelta(hours=1)
    add_bulk(desk.account, 1_200, newest, status="closed")
    assert desk.poll().is_success
    start = len(desk.simulator.requests)
    proof = prove(desk)
    assert proof.listed == 1_200
    assert proof.unexplained == 0
    assert proof.calls == len(desk.simulator.requests) - start == 3


def test_days_that_lie_further_back_are_left_out(five: Desk) -> None:
    old = five.clock.now() - timedelta(days=9)
    add_bulk(five.account, 3, old, first_id=1, status="closed")
    assert prove(five, days=8).listed == 5
    assert prove(five, days=10).listed == 8


def test_it_makes_no_call_that_a_poll_may_need(five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    free = iter([10, 0, 11])
    monkeypatch.setattr("webapp.huntress.budget.CallBudget.free_calls", lambda _: next(free))
    before = five.clock.now()
    assert prove(five).listed == 5
    assert five.clock.now() - before == timedelta(seconds=1 + 2 * module.LOOKS_EVERY)


def test_where_no_call_becomes_free_it_says_so(five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("webapp.huntress.budget.CallBudget.free_calls", lambda _: 10)
    start = len(five.simulator.requests)
    proof = prove_connection(five.connection_id)
    assert proof.error == module.NO_FREE_CALLS
    assert asked(five, start) == []
    assert proof.finished_at == five.clock.now()


def test_a_walk_that_fails_keeps_what_it_found(five: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    run(delete(Alert).where(Alert.external_alert_id == "105"))
    use_small_pages(monkeypatch, 2)
    number = [0]

    def fail_second(_number: int, path: str) -> Fault | None:
        number[0] += path == INCIDENTS
        return Fault(status=403) if number[0] == 2 else None

    set_faults(five, on_request=fail_second)
    proof = prove_connection(five.connection_id)
    assert proof.error is not None
    assert (proof.listed, proof.unexplained_ids) == (2, ["105"])
    set_faults(five)
    heal_and_check(five)


def test_a_proof_that_was_killed_is_closed_by_a_later_one(five: Desk) -> None:
    first = prove(five)
    change(Proof, first.id, finished_at=None)
    prove(five)
    assert all_rows(Proof)[0].finished_at is None, "it may still run"
    five.clock.advance(minutes=21)
    prove(five)
    assert all_rows(Proof)[0].error == module.INTERRUPTED


def test_no_lease_is_taken_and_a_running_poll_goes_on(five: Desk) -> None:
    five.set(lease_token="t", lease_expires_at=five.clock.now() + timedelta(minutes=1))
    run(delete(Alert).where(Alert.external_alert_id == "101"))
    assert prove(five).unexplained == 1
    connection = five.connection()
    assert connection.lease_token == "t"
    assert connection.poll_requested_at == five.clock.now()


def test_it_is_refused_before_a_poll_has_succeeded(desk: Desk) -> None:
    with pytest.raises(RefusedError, match="No poll of this connection has succeeded"):
        prove_connection(desk.connection_id)
    with pytest.raises(FieldError):
        prove_connection(desk.connection_id, days=0)
    assert all_rows(Proof) == []


def _delete_ticket(ticket_id: int) -> None:
    run(delete(Comment).where(Comment.ticket_id == ticket_id))
    run(delete(Ticket).where(Ticket.id == ticket_id))
