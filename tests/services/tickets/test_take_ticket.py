"""The link in a message takes one ticket for one person, once, within a day; looking takes none."""

from collections.abc import Iterator
from datetime import timedelta
from hashlib import sha256
from threading import Barrier, Thread

import pytest
from flask import Flask
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    deliver_all,
    receiving,
)
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from webapp import clock
from webapp.extensions import db
from webapp.models import (
    ClientMute,
    Comment,
    Escalation,
    OutboxRow,
    TakeLink,
    Ticket,
    User,
)
from webapp.services.errors import ConflictError, NotFoundError, RefusedError
from webapp.services.notices.compose_rows import make_take_link
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.take_ticket import (
    CALLED_AGAIN,
    CLOSED,
    EXPIRED,
    NO_PERSON,
    UNKNOWN,
    USED,
    YOURS,
    read_take_link,
    take_ticket,
)
from webapp.services.transactions import transaction

LIVE = "see https://evil.example/x and mail a@evil.example \u202egpj.exe "


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    with receiving() as mailbox:
        yield mailbox


class Paged:
    """Ada and Bo were told of a critical incident, each with a link of their own."""

    def __init__(self, desk: Desk, mailbox: Mailbox) -> None:
        self.desk, self.mailbox = desk, mailbox
        self.ada, ada_phone = add_person("Ada")
        self.bo, self.bo_phone = add_person("Bo")
        add_policy("critical", [(0, [ada_phone, self.bo_phone]), (10, [self.bo_phone])], repeats=3)
        desk.poll()
        desk.account.add_incident(
            7, now=desk.clock.now(), id=1, severity="critical", summary=LIVE + "z" * 2000
        )
        desk.poll()
        deliver_all()
        [ticket] = all_rows(Ticket)
        self.ticket_id, self.open_status_id = ticket.id, ticket.status_id

    def token(self, name: str = "ada") -> str:
        """The token in the last message to somebody."""
        links = [link.url for link in self.mailbox.to(f"{name}-phone")[-1].links]
        return next(url for url in links if "/take/" in url).rpartition("/")[2]

    def ticket(self) -> Ticket:
        return fresh(Ticket, self.ticket_id)

    def close(self) -> None:
        status_id = self.desk.closed_status_id()
        change_ticket(
            self.ticket_id, TicketChange(status_id=status_id), actor_id=self.bo, seen_at=None
        )

    def assign(self, user_id: int | None) -> None:
        change_ticket(
            self.ticket_id,
            TicketChange(sets_assignee=True, assignee_id=user_id),
            actor_id=self.bo,
            seen_at=None,
        )


@pytest.fixture
def paged(desk: Desk, mailbox: Mailbox) -> Paged:
    return Paged(desk, mailbox)


def refused(token: str, kind: type[Exception], sentence: str) -> None:
    """The link takes nothing, and both looking and trying say so in the same words."""
    before = [(one.assignee_id, one.updated_at) for one in all_rows(Ticket)]
    with pytest.raises(kind) as refusal:
        take_ticket(token)
    assert type(refusal.value) is kind
    assert str(refusal.value) == sentence
    assert [(one.assignee_id, one.updated_at) for one in all_rows(Ticket)] == before
    if kind is not NotFoundError:
        assert read_take_link(token).problem == sentence


@both_databases
def test_it_takes_the_ticket_for_the_person_it_was_sent_to(paged: Paged) -> None:
    paged.desk.clock.advance(minutes=3)
    now = clock.utcnow()
    assert take_ticket(paged.token()) == paged.ticket().number
    ticket = paged.ticket()
    assert (ticket.assignee_id, ticket.first_touched_at) == (paged.ada, now)
    entry = all_rows(Comment, Comment.ticket_id == ticket.id)[-1]
    assert (entry.author_id, entry.body) == (paged.ada, "Assigned to Ada.")
    changed, taken = audit_events()[-2:]
    assert (changed.action, changed.actor_id) == ("ticket.changed", paged.ada)
    assert (taken.action, taken.actor_id) == ("ticket.taken_by_link", paged.ada)
    assert (taken.subject_id, taken.after) == (str(ticket.id), {"assignee": "ada@example.com"})
    [escalation] = all_rows(Escalation)
    assert (escalation.end_reason, escalation.taken_by) == ("taken", "Ada")
    assert (escalation.ended_at, escalation.due_at) == (now, None)


@both_databases
def test_the_others_hear_who_took_it_and_nobody_is_called_any_more(
    paged: Paged, mailbox: Mailbox
) -> None:
    take_ticket(paged.token())
    for _ in range(5):
        deliver_all()
        paged.desk.clock.advance(minutes=10)
    assert len(mailbox.to("ada-phone")) == 1, "Ada knows"
    _page, taken = mailbox.to("bo-phone")
    assert taken.title.startswith("Taken by Ada: ")
    assert not any("/take/" in link.url for link in taken.links)
    assert {row.state for row in all_rows(OutboxRow)} == {"sent"}


@both_databases
def test_looking_changes_nothing_however_often(paged: Paged) -> None:
    token, before = paged.token(), everything()
    for _ in range(20):
        offer = read_take_link(token)
        assert (offer.problem, offer.was_taken) == (None, False)
    assert everything() == before
    take_ticket(token)
    assert everything() != before


def everything() -> dict[str, list[tuple[object, ...]]]:
    """Every row of every table."""
    with db.engine.connect() as connection:
        return {
            table.name: [tuple(row) for row in connection.execute(select(table))]
            for table in db.metadata.sorted_tables
        }


def test_it_shows_what_the_message_said_and_no_more(paged: Paged, mailbox: Mailbox) -> None:
    [message] = mailbox.to("ada-phone")
    offer = read_take_link(paged.token())
    assert f"Critical: {offer.title} [{offer.facts.number}]" == message.title
    assert tuple(f"{name}: {value}" for name, value in offer.details) == message.lines
    told = dict(offer.details)
    assert told["What happened"].startswith("see hxxps[:]//evil[.]example/x and mail a[@]evil[.]")
    assert len(told["What happened"]) <= 400
    assert "\u202e" not in told["What happened"]
    add_internal_note(paged.ticket_id, "A note for us alone.", author_id=paged.bo)
    change_ticket(
        paged.ticket_id, TicketChange(title="Something else"), actor_id=paged.bo, seen_at=None
    )
    assert read_take_link(paged.token()).details == offer.details, "as it was told"
    assert read_take_link(paged.token()).title == offer.title


@both_databases
def test_the_second_try_takes_nothing(paged: Paged) -> None:
    token = paged.token()
    take_ticket(token)
    refused(token, ConflictError, YOURS)
    assert read_take_link(token).was_taken
    paged.assign(paged.bo)
    refused(token, ConflictError, "Bo has taken this ticket already.")
    assert not read_take_link(token).was_taken, "it is not theirs any more"
    paged.assign(None)
    refused(token, RefusedError, USED)
    assert not read_take_link(token).was_taken


@both_databases
def test_a_ticket_that_is_called_for_again_can_be_taken_from_who_had_it(
    paged: Paged, mailbox: Mailbox
) -> None:
    add_policy("again", [(0, [paged.bo_phone])], events=("reopened",))
    used = paged.token("ada")
    take_ticket(used)
    deliver_all()
    paged.close()
    change_ticket(
        paged.ticket_id,
        TicketChange(status_id=paged.open_status_id),
        actor_id=paged.ada,
        seen_at=None,
    )
    deliver_all()
    titles = [one.title.partition(":")[0] for one in mailbox.to("bo-phone")]
    assert titles == ["Critical", "Taken by Ada", "Reopened, critical"]
    refused(used, RefusedError, CALLED_AGAIN)
    assert not read_take_link(used).was_taken, "somebody else is called for it"
    take_ticket(paged.token("bo"))
    assert paged.ticket().assignee_id == paged.bo
    assert {one.end_reason for one in all_rows(Escalation)} <= {"taken", "closed", "replaced"}


@both_databases
def test_a_link_lives_for_a_day(paged: Paged) -> None:
    token = paged.token()
    paged.desk.clock.advance(hours=23, minutes=59)
    assert read_take_link(token).problem is None
    paged.desk.clock.advance(minutes=1)
    refused(token, NotFoundError, EXPIRED)


@both_databases
def test_what_somebody_else_did_is_said(paged: Paged) -> None:
    paged.assign(paged.bo)
    refused(paged.token(), ConflictError, "Bo has taken this ticket already.")
    paged.assign(None)
    take_ticket(paged.token())
    assert paged.ticket().assignee_id == paged.ada


@both_databases
def test_a_closed_ticket_is_left_closed(paged: Paged) -> None:
    paged.close()
    refused(paged.token(), ConflictError, CLOSED)


@both_databases
def test_a_link_that_is_unknown(paged: Paged) -> None:
    stored = all_rows(TakeLink)[0].token_hash
    for token in ("", "x", stored, paged.token()[:-1], paged.token() + "A", "\x00", "é" * 5000):
        refused(token, NotFoundError, UNKNOWN)
        with pytest.raises(NotFoundError):
            read_take_link(token)


@both_databases
def test_a_person_who_was_deactivated_takes_nothing(paged: Paged) -> None:
    change(User, paged.ada, is_active=False)
    refused(paged.token(), RefusedError, NO_PERSON)
    take_ticket(paged.token("bo"))
    assert paged.ticket().assignee_id == paged.bo


def test_each_person_takes_it_for_themselves(paged: Paged) -> None:
    assert paged.token("ada") != paged.token("bo")
    take_ticket(paged.token("bo"))
    assert paged.ticket().assignee_id == paged.bo
    refused(paged.token("ada"), ConflictError, "Bo has taken this ticket already.")


def test_only_hashes_are_stored(paged: Paged) -> None:
    tokens = [paged.token("ada"), paged.token("bo")]
    hashes = {one.token_hash for one in all_rows(TakeLink)}
    assert {sha256(token.encode()).hexdigest() for token in tokens} == hashes
    take_ticket(tokens[0])
    assert not any(token in str(everything()) for token in tokens)


def test_every_message_has_a_link_of_its_own_and_each_works(paged: Paged) -> None:
    first = paged.token("bo")
    paged.desk.clock.advance(minutes=10)
    deliver_all()
    assert paged.token("bo") != first
    take_ticket(first)
    assert paged.ticket().assignee_id == paged.bo
    refused(paged.token("bo"), ConflictError, YOURS)


@both_databases
def test_two_tries_at_the_same_time_take_it_once(app: Flask, paged: Paged) -> None:
    token, barrier, results = paged.token(), Barrier(4), []

    def try_it() -> None:
        with app.app_context():
            barrier.wait()
            try:
                results.append(take_ticket(token))
            except ConflictError as error:
                results.append(str(error))
            finally:
                db.session.remove()

    threads = [Thread(target=try_it) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(results) == sorted([paged.ticket().number, YOURS, YOURS, YOURS])
    assert audit_actions().count("ticket.taken_by_link") == 1
    assert len(all_rows(Comment, Comment.author_id == paged.ada)) == 1


@both_databases
def test_two_people_at_the_same_time_are_one_and_a_sentence(app: Flask, paged: Paged) -> None:
    barrier, results = Barrier(2), []

    def try_it(name: str) -> None:
        with app.app_context():
            barrier.wait()
            try:
                take_ticket(paged.token(name))
                results.append("taken")
            except ConflictError as error:
                results.append(str(error))
            finally:
                db.session.remove()

    threads = [Thread(target=try_it, args=[name]) for name in ("ada", "bo")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    winner = "Ada" if paged.ticket().assignee_id == paged.ada else "Bo"
    assert sorted(results) == sorted(["taken", f"{winner} has taken this ticket already."])


def test_muted_meanwhile_it_still_takes(paged: Paged) -> None:
    """A message that is out stays true, whatever was muted after it."""
    now = clock.utcnow()
    client_id = paged.ticket().client_id
    with transaction() as session:
        session.add(ClientMute(client_id=client_id, starts_at=now, until=now + timedelta(hours=1)))
    take_ticket(paged.token())
    assert paged.ticket().assignee_id == paged.ada


def test_of_a_muted_ticket_nobody_gets_a_link(paged: Paged, mailbox: Mailbox) -> None:
    now = clock.utcnow()
    client_id, links = paged.ticket().client_id, len(all_rows(TakeLink))
    with transaction() as session:
        session.add(ClientMute(client_id=client_id, starts_at=now, until=now + timedelta(hours=1)))
    paged.desk.account.add_incident(8, now=now, id=2, severity="critical")
    paged.desk.poll()
    deliver_all()
    muted = all_rows(Ticket)[-1]
    assert muted.is_muted
    assert len(all_rows(TakeLink)) == links
    with transaction() as session:
        token = make_take_link(session, muted.id, paged.ada, {**FACTS, "ticket_id": muted.id}, now)
    take_ticket(token)
    assert fresh(Ticket, muted.id).assignee_id == paged.ada


FACTS = {"number": "T-1", "title": "t", "client": "c", "client_id": 1, "board_id": 1}
