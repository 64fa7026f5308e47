"""Linking tickets, on both databases: what it does to both, what cannot be, and races."""

import threading

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.polling import AppThread
from tests.support.rows import all_rows, change, fresh
from webapp import clock
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import Alert, AuditEvent, Comment, Status, Ticket, TicketLink
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.retention.drop_tickets import drop_tickets, part_alerts
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.closing.ask_reason import CloseAnswer, ReasonNeededError
from webapp.services.tickets.links.close_parts import close_parts
from webapp.services.tickets.links.link_tickets import link_tickets, unlink_tickets
from webapp.services.tickets.links.note_originals import note_originals
from webapp.services.transactions import reading, transaction

pytestmark = both_databases


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    desk = desk_data.fill_open_desk(fake_clock.now(), tickets=6)
    fake_clock.advance(minutes=30)
    return desk


def link(desk: Desk, this: int, choice: LinkChoice, typed: object) -> str:
    return link_tickets(this, choice, str(typed), actor_id=desk.helpdesk_id)


def links() -> list[tuple[int, int, str]]:
    return [(one.from_id, one.to_id, one.kind) for one in all_rows(TicketLink)]


def entries(ticket_id: int) -> list[str]:
    return [one.body for one in all_rows(Comment, Comment.ticket_id == ticket_id)]


def problem_of(desk: Desk, this: int, choice: LinkChoice, typed: object) -> str:
    before = links(), len(all_rows(Comment))
    with pytest.raises(FieldError) as refusal:
        link(desk, this, choice, typed)
    assert (links(), len(all_rows(Comment))) == before, "nothing is stored"
    (problem,) = refusal.value.fields.values()
    return problem


def test_a_related_pair_is_known_to_both(desk: Desk) -> None:
    said = link(desk, 3, LinkChoice.RELATED, " #2 ")
    assert said == "This ticket is now related to TKT-000002."
    assert links() == [(2, 3, "related")]
    assert entries(3)[-1] == said
    assert entries(2)[-1] == "This ticket is now related to TKT-000003."
    events = all_rows(AuditEvent, AuditEvent.action == "ticket.linked")
    assert {(one.subject_id, one.actor_id) for one in events} == {
        ("2", desk.helpdesk_id),
        ("3", desk.helpdesk_id),
    }
    assert fresh(Ticket, 2).closed_at is None


def test_a_duplicate_is_closed_and_points_to_its_original(desk: Desk) -> None:
    link(desk, 2, LinkChoice.DUPLICATE, "tkt-000001")
    ticket = fresh(Ticket, 2)
    assert (ticket.closed_at is not None, ticket.close_reason) == (True, "duplicate")
    assert ticket.first_touched_at is not None
    assert fresh(Ticket, 1).closed_at is None
    assert entries(1)[-1] == "This ticket is now the original of TKT-000002."
    said = unlink_tickets(2, all_rows(TicketLink)[0].id, actor_id=desk.helpdesk_id)
    assert said.endswith("The ticket stays closed until you reopen it.")
    assert (fresh(Ticket, 2).closed_at, fresh(Ticket, 2).close_reason) == (ticket.closed_at, None)
    assert entries(2)[-1].endswith("TKT-000001. It is closed without a reason now.")
    assert links() == []
    assert entries(1)[-1] == "This ticket is no longer the original of TKT-000002."
    assert all_rows(AuditEvent, AuditEvent.action == "ticket.unlinked")


def test_duplicates_of_a_duplicate_become_those_of_the_original(desk: Desk) -> None:
    link(desk, 3, LinkChoice.DUPLICATE, 2)
    link(desk, 2, LinkChoice.DUPLICATE, 1)
    assert sorted(links()) == [(2, 1, "duplicate"), (3, 1, "duplicate")]


def test_what_cannot_be(desk: Desk) -> None:
    assert "Enter the number" in problem_of(desk, 1, LinkChoice.RELATED, "  ")
    assert "no ticket TKT-000999" in problem_of(desk, 1, LinkChoice.RELATED, 999)
    assert "no ticket nonsense" in problem_of(desk, 1, LinkChoice.RELATED, "nonsense")
    assert "to itself" in problem_of(desk, 1, LinkChoice.DUPLICATE, 1)
    with pytest.raises(FieldError, match="how the tickets belong together"):
        link_tickets(1, "sibling", "2", actor_id=desk.helpdesk_id)
    with pytest.raises(NotFoundError):
        link(desk, 4711, LinkChoice.RELATED, 1)
    link(desk, 1, LinkChoice.DUPLICATE, 2)
    assert "is a duplicate of TKT-000002 already" in problem_of(desk, 1, LinkChoice.RELATED, 2)
    assert "is the original of TKT-000001" in problem_of(desk, 2, LinkChoice.DUPLICATE, 1)
    assert "itself a duplicate of TKT-000002" in problem_of(desk, 3, LinkChoice.DUPLICATE, 1)
    assert "is a duplicate of TKT-000002" in problem_of(desk, 1, LinkChoice.DUPLICATE, 3)
    link(desk, 3, LinkChoice.HAS_PART, 4)
    assert "is part of TKT-000003 already" in problem_of(desk, 4, LinkChoice.PART, 5)
    assert "itself part of TKT-000003" in problem_of(desk, 5, LinkChoice.PART, 4)
    assert "with parts of its own" in problem_of(desk, 5, LinkChoice.HAS_PART, 3)
    with pytest.raises(NotFoundError):
        unlink_tickets(6, all_rows(TicketLink)[0].id, actor_id=desk.helpdesk_id)
    with pytest.raises(NotFoundError):
        unlink_tickets(6, 2**40, actor_id=desk.helpdesk_id)


def test_closing_a_case_can_close_its_open_parts(desk: Desk) -> None:
    for part in (2, 3, 4):
        link(desk, part, LinkChoice.PART, 1)
    leave_something()
    close(desk, 4)
    with pytest.raises(RefusedError):
        close_parts(1, [2, 3, 4], actor_id=desk.helpdesk_id)
    close(desk, 1)
    assert close_parts(1, [2, 4, 5, 2**40], actor_id=desk.helpdesk_id) == 1
    closed = {one.id for one in all_rows(Ticket, Ticket.closed_at.is_not(None))}
    assert closed == {1, 2, 4}, "neither one that was not shown, nor one that is no part"
    with pytest.raises(NotFoundError):
        close_parts(4711, [], actor_id=desk.helpdesk_id)


def close(desk: Desk, ticket_id: int, answer: CloseAnswer | None = None) -> None:
    with reading() as session:
        status = session.query(Status).filter(Status.is_closed).first()
    wanted = TicketChange(status_id=status.id, close=answer)
    change_ticket(ticket_id, wanted, actor_id=desk.helpdesk_id, seen_at=None)


def leave_something(*ticket_ids: int) -> None:
    """Let Huntress have something to be done for the incidents of these tickets, and no others."""
    for one in all_rows(Alert):
        is_left = one.ticket_id in ticket_ids
        left = 2 if is_left else 0
        change(
            Alert, one.id, status="sent" if is_left else "closed", steps_left=left, steps_total=5
        )


def test_a_duplicate_says_its_reason_and_what_was_left(desk: Desk) -> None:
    leave_something(2)
    link(desk, 2, LinkChoice.DUPLICATE, 1)
    assert "Reason: duplicate; the incident is open at Huntress, 2 of 5 steps" in entries(2)[-2]
    [event] = all_rows(
        AuditEvent, AuditEvent.action == "ticket.changed", AuditEvent.subject_id == "2"
    )
    assert event.after["close_reason"] == "duplicate"


def test_a_closed_ticket_that_turns_out_to_be_a_duplicate_gets_this_reason(desk: Desk) -> None:
    close(desk, 2, CloseAnswer("accepted_risk"))
    closed_at = fresh(Ticket, 2).closed_at
    link(desk, 2, LinkChoice.DUPLICATE, 1)
    assert (fresh(Ticket, 2).close_reason, fresh(Ticket, 2).closed_at) == ("duplicate", closed_at)
    event = all_rows(AuditEvent, AuditEvent.action == "ticket.changed")[-1]
    assert (event.before, event.after) == (
        {"close_reason": "accepted_risk"},
        {"close_reason": "duplicate"},
    )


def test_parts_that_are_not_finished_ask_for_a_reason(desk: Desk) -> None:
    for part in (2, 3):
        link(desk, part, LinkChoice.PART, 1)
    leave_something(3)
    close(desk, 1, CloseAnswer("false_positive"))
    with pytest.raises(ReasonNeededError) as asked:
        close_parts(1, [2, 3], actor_id=desk.helpdesk_id)
    assert [one.ticket_id for one in asked.value.unfinished] == [3]
    assert fresh(Ticket, 2).closed_at is None
    answer = CloseAnswer("accepted_risk")
    assert close_parts(1, [2, 3], actor_id=desk.helpdesk_id, answer=answer) == 2
    assert {fresh(Ticket, one).close_reason for one in (2, 3)} == {"accepted_risk"}
    assert "Reason: accepted risk; the incident is open" in entries(3)[-1]


@pytest.mark.parametrize(
    ("of_case", "of_part"), [("false_positive", "false_positive"), ("other", None), (None, None)]
)
def test_parts_get_the_reason_of_their_case(
    desk: Desk, of_case: str | None, of_part: str | None
) -> None:
    link(desk, 2, LinkChoice.PART, 1)
    leave_something()
    close(desk, 1, CloseAnswer(of_case, "So it is.") if of_case else None)
    assert close_parts(1, [2], actor_id=desk.helpdesk_id) == 1
    assert fresh(Ticket, 2).close_reason == of_part


def test_two_people_who_link_the_same_tickets_make_one_link(app: Flask, desk: Desk) -> None:
    """Crosswise and at once: neither waits for the other forever, and there is no circle."""
    start = threading.Barrier(4)
    results: list[str] = []

    def send(this: int, other: int) -> None:
        start.wait(30)
        try:
            results.append(link(desk, this, LinkChoice.DUPLICATE, other))
        except FieldError as error:
            results.append(str(error))

    pairs = [(1, 2), (2, 1), (1, 2), (2, 1)]
    threads = [AppThread(app, lambda pair=pair: send(*pair)) for pair in pairs]
    for thread in threads:
        thread.join(60)
    assert len(results) == 4
    assert len(links()) == 1
    assert sum("is now a duplicate of" in one for one in results) == 1


def test_links_go_with_their_tickets_and_so_does_what_originals_were_told(desk: Desk) -> None:
    link(desk, 2, LinkChoice.DUPLICATE, 1)
    link(desk, 3, LinkChoice.DUPLICATE, 1)
    with transaction() as session:
        note_originals(session, {2: "Of two.", 3: "Of three.", 4: "Of four."}, clock.utcnow())
    assert [one for one in entries(1) if "duplicate of this" in one] == [
        "TKT-000002, a duplicate of this ticket:\n\nOf two.",
        "TKT-000003, a duplicate of this ticket:\n\nOf three.",
    ]
    with transaction() as session:
        part_alerts(session, [2])
        assert drop_tickets(session, [2]) == 1
    assert links() == [(3, 1, "duplicate")]
    assert not [one for one in entries(1) if "Of two." in one]
    assert [one for one in entries(1) if "Of three." in one]
