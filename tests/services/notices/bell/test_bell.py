"""What concerns people reaches their bells once, and them as each of them chose."""

from datetime import datetime, timedelta
from io import BytesIO

import pytest
from sqlalchemy import select

from tests.support.databases import both_databases
from tests.support.poller import Desk
from tests.support.receivers.notices_data import (
    Mailbox,
    add_person,
    add_policy,
    add_target,
    deliver_all,
)
from tests.support.rows import all_rows, change
from webapp import clock
from webapp.domain.triage.bell import Bell
from webapp.domain.triage.ticket_link import LinkChoice
from webapp.models import (
    BellItem,
    ClientMute,
    Comment,
    NotificationSettings,
    OutboxRow,
    Target,
    Ticket,
    TicketWatcher,
    User,
)
from webapp.models.user import ROLE_AUDITOR
from webapp.services.errors import NotFoundError
from webapp.services.notices.bell.read_bell import mark_read, open_bell_item, read_bell
from webapp.services.tickets.attachments.attach_files import (
    SentFile,
    add_note_with_files,
    remove_attachment,
)
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.clocks.ring_concerned import ring_concerned
from webapp.services.tickets.clocks.wait_ticket import end_wait, wait_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.links.link_tickets import link_tickets
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.services.tickets.runbooks.edit_runbooks import add_runbook
from webapp.services.tickets.runbooks.work_checklist import attach_runbook, tick_step
from webapp.services.tickets.watching.watch_ticket import unwatch_ticket, watch_ticket
from webapp.services.transactions import reading, transaction

IN_PROGRESS = 2
CLOSED = 4


@pytest.fixture
def ticket_id(polled: Desk) -> int:
    """A ticket of an incident of high severity, which nobody has."""
    polled.account.add_incident(7, now=polled.clock.now(), id=1, severity="high")
    polled.poll()
    return ticket_of(1)


def ticket_of(incident: int) -> int:
    with reading() as session:
        return session.scalars(
            select(Ticket.id).where(Ticket.source_reference == str(incident))
        ).one()


def bell_of(user_id: int) -> list[tuple[str, int, bool]]:
    """Kind, number of changes and whether it is unread, of each item; the newest first."""
    return [(one.kind, one.changes, one.read_at is None) for one in read_bell(user_id).items.rows]


def add_quiet_hours() -> None:
    with transaction() as session:
        settings = session.get(NotificationSettings, 1) or NotificationSettings(id=1)
        settings.quiet_hours = {"zone": "UTC", "begins": "12:00", "ends": "18:00"}
        session.add(settings)


@both_databases
def test_who_is_mentioned_is_told_once_and_watches(ticket_id: int, mailbox: Mailbox) -> None:
    (ann, _), (ben, _), (cay, _) = (add_person(name) for name in ("Ann", "Ben", "Cay"))
    change(Target, 1, tells_mentions=True)
    note = add_internal_note(ticket_id, "@ann @Ben `@cay` @ann: look", author_id=ben)
    assert bell_of(ann) == [(Bell.MENTIONED, 1, True)]
    assert bell_of(ben) == bell_of(cay) == [], "nobody is told of their own note, nor in code"
    [item] = all_rows(BellItem)
    assert (item.comment_id, item.actor_id) == (note.id, ben)
    assert [one.user_id for one in all_watchers()] == [ann]
    deliver_all()
    deliver_all()
    [message] = mailbox.to("ann-phone")
    assert message.title.startswith("Ben mentioned you: ")
    assert any("look" in line for line in message.lines)
    assert not any("/take/" in link.url for link in message.links), "nothing is to be taken"
    add_internal_note(ticket_id, "And then?", author_id=ben)
    assert bell_of(ann) == [(Bell.WATCHED, 1, True), (Bell.MENTIONED, 1, True)]
    deliver_all()
    assert len(mailbox.messages) == 1, "she did not ask to be told of changes"


def all_watchers() -> list[TicketWatcher]:
    with reading() as session:
        return list(session.scalars(select(TicketWatcher).order_by(TicketWatcher.user_id)))


@both_databases
def test_changes_of_a_watched_ticket_are_one_item_until_it_is_read(
    ticket_id: int, polled: Desk, mailbox: Mailbox
) -> None:
    (ann, _), (ben, _) = add_person("Ann"), add_person("Ben")
    change(Target, 1, tells_watched=True)
    watch_ticket(ticket_id, ann)
    watch_ticket(ticket_id, ann)
    change_ticket(ticket_id, TicketChange(status_id=IN_PROGRESS), actor_id=ben, seen_at=None)
    add_internal_note(ticket_id, "A note.", author_id=ben)
    add_internal_note(ticket_id, "Her own.", author_id=ann)
    polled.clock.advance(minutes=5)
    polled.account.update_incident(1, now=polled.clock.now(), summary="Something else")
    polled.poll()
    assert bell_of(ann) == [(Bell.WATCHED, 3, True)]
    [item] = all_rows(BellItem)
    assert item.actor_id is None, "the last to change it was the poller"
    deliver_all()
    assert [one.title[:14] for one in mailbox.to("ann-phone")] == ["Changed by Ben"]
    assert mark_read(ann, ticket_id=ticket_id) == 1
    add_internal_note(ticket_id, "One more.", author_id=ben)
    assert bell_of(ann) == [(Bell.WATCHED, 1, True), (Bell.WATCHED, 3, False)]
    unwatch_ticket(ticket_id, ann)
    mark_read(ann)
    add_internal_note(ticket_id, "Unseen.", author_id=ben)
    assert [unread for *_, unread in bell_of(ann)] == [False, False]


@both_databases
def test_whoever_gets_a_ticket_is_told_that_and_then_of_its_changes(ticket_id: int) -> None:
    (ann, _), (ben, _) = add_person("Ann"), add_person("Ben")
    give = TicketChange(sets_assignee=True, assignee_id=ann)
    assert bulk_change_tickets([ticket_id], give, actor_id=ben)
    assert bell_of(ann) == [(Bell.ASSIGNED, 1, True)]
    add_internal_note(ticket_id, "A note.", author_id=ben)
    assert bell_of(ann)[0] == (Bell.WATCHED, 1, True)
    change_ticket(ticket_id, TicketChange(status_id=IN_PROGRESS), actor_id=ann, seen_at=None)
    wanted = NewTicket("Printer", "", 1, 1, 1, assignee_id=ann)
    open_ticket(wanted, actor_id=ben, form_token="t" * 32)
    open_ticket(wanted, actor_id=ann, form_token="u" * 32)
    assert [kind for kind, *_ in bell_of(ann)] == [Bell.ASSIGNED, Bell.WATCHED, Bell.ASSIGNED]
    assert bell_of(ben) == []


@both_databases
def test_whatever_a_person_does_to_a_watched_ticket_is_told(ticket_id: int, polled: Desk) -> None:
    (ann, _), (ben, _) = add_person("Ann"), add_person("Ben")
    watch_ticket(ticket_id, ann)
    other = open_ticket(NewTicket("Printer", "", 1, 1, 1), actor_id=ben, form_token="t" * 32)
    runbook = add_runbook(RunbookValues(name="Foothold", body="- [ ] Isolate"), actor_id=ben)
    add_note_with_files(ticket_id, "", [SentFile("a.txt", BytesIO(b"a"))], author_id=ben)
    tomorrow = clock.utcnow() + timedelta(days=1)
    for work in (
        lambda: link_tickets(ticket_id, LinkChoice.RELATED, other.number, actor_id=ben),
        lambda: wait_ticket(ticket_id, tomorrow, "", actor_id=ben),
        lambda: end_wait(ticket_id, actor_id=ben),
        lambda: attach_runbook(ticket_id, runbook.id, actor_id=ben),
        lambda: tick_step(ticket_id, 1, 0, is_done=True, actor_id=ben),
        lambda: remove_attachment(ticket_id, 1, actor_id=ben, may_remove_all=False),
    ):
        mark_read(ann)
        work()
        assert bell_of(ann)[0] == (Bell.WATCHED, 1, True), work
    assert bell_of(ben) == []


def test_what_is_due_and_what_is_back_is_told_to_whom_it_concerns(
    ticket_id: int, mailbox: Mailbox
) -> None:
    (ann, _), (ben, _), (cay, _) = (add_person(name) for name in ("Ann", "Ben", "Cay"))
    change(Target, 1, tells_watched=True)
    for person in (ann, ben, cay):
        watch_ticket(ticket_id, person)
    change(User, cay, is_active=False)
    for kind, words in (
        (Bell.DUE_SOON, "Due soon: "),
        (Bell.OVERDUE, "Overdue: "),
        (Bell.RETURNED, "Back from waiting: "),
    ):
        with transaction() as session:
            ring_concerned(session, kind, [session.get_one(Ticket, ticket_id)], clock.utcnow())
        assert bell_of(ann)[0] == bell_of(ben)[0] == (kind, 1, True)
        deliver_all()
        assert mailbox.to("ann-phone")[-1].title.startswith(words)
    assert bell_of(cay) == []
    assert len(mailbox.messages) == 3, "Ben did not ask for it"


def test_who_may_not_work_any_more_is_not_told(ticket_id: int) -> None:
    people = [add_person(name)[0] for name in ("Ann", "Ben", "Cay")]
    for person in people[:2]:
        watch_ticket(ticket_id, person)
    change(User, people[0], is_active=False)
    change(User, people[1], role=ROLE_AUDITOR)
    add_internal_note(ticket_id, "@ann @ben", author_id=people[2])
    assert all_rows(BellItem) == []


@both_databases
def test_a_manual_ticket_is_told_of_too_and_quiet_hours_and_mutes_hold(
    ticket_id: int, polled: Desk, mailbox: Mailbox
) -> None:
    (ann, method), (ben, _) = add_person("Ann"), add_person("Ben")
    change(Target, method, tells_mentions=True)
    wanted = NewTicket("Printer", "", 1, 1, 1)
    manual = open_ticket(wanted, actor_id=ben, form_token="t" * 32).id
    add_internal_note(manual, "@ann please", author_id=ben)
    deliver_all()
    [message] = mailbox.to("ann-phone")
    assert message.mail_subject.endswith("Printer")
    assert "Unknown" not in message.mail_subject
    add_quiet_hours()
    add_internal_note(ticket_id, "@ann at night", author_id=ben)
    assert all_rows(OutboxRow)[-1].due_at > clock.utcnow()
    polled.account.add_incident(7, now=polled.clock.now(), id=2, severity="critical")
    polled.poll()
    add_internal_note(ticket_of(2), "@ann it burns", author_id=ben)
    assert all_rows(OutboxRow)[-1].due_at <= clock.utcnow()
    told = len(all_rows(OutboxRow))
    mute_all(clock.utcnow(), ben)
    add_internal_note(ticket_of(2), "@ann muted", author_id=ben)
    assert len(all_rows(OutboxRow)) == told
    assert bell_of(ann)[0] == (Bell.MENTIONED, 1, True), "the bell makes no noise"


def mute_all(now: datetime, actor_id: int) -> None:
    with transaction() as session:
        for client_id in session.scalars(select(Ticket.client_id).distinct()):
            session.add(
                ClientMute(
                    client_id=client_id,
                    starts_at=now - timedelta(minutes=1),
                    until=now + timedelta(hours=1),
                    reason="work",
                    created_by_id=actor_id,
                )
            )


def test_what_a_policy_tells_a_method_is_not_told_there_twice(
    ticket_id: int, polled: Desk, mailbox: Mailbox
) -> None:
    ann, method = add_person("Ann")
    add_policy("closed", [(0, [method])], events=("closed",))
    change(Target, method, tells_watched=True)
    watch_ticket(ticket_id, ann)
    ben, _ = add_person("Ben")
    change_ticket(ticket_id, TicketChange(status_id=CLOSED), actor_id=ben, seen_at=None)
    deliver_all()
    assert [one.title[:13] for one in mailbox.to("ann-phone")] == ["Closed by Ben"]
    assert bell_of(ann) == [(Bell.WATCHED, 1, True)]


def test_many_tickets_at_once_are_one_message(polled: Desk, mailbox: Mailbox) -> None:
    ann, method = add_person("Ann")
    ben, _ = add_person("Ben")
    change(Target, method, tells_watched=True)
    add_target("team")
    for number in range(1, 6):
        polled.account.add_incident(7, now=polled.clock.now(), id=number, severity="high")
    polled.poll()
    ids = [one.id for one in all_rows(Ticket)]
    for key in ids:
        watch_ticket(key, ann)
    bulk_change_tickets(ids, TicketChange(status_id=IN_PROGRESS), actor_id=ben)
    deliver_all()
    [message] = mailbox.to("ann-phone")
    assert message.title == "You watch: 5 incidents (5 high)"
    assert len(message.lines) == 5
    assert mailbox.to("team") == []


def test_an_item_is_opened_by_its_own_person_alone(ticket_id: int) -> None:
    (ann, _), (ben, _) = add_person("Ann"), add_person("Ben")
    note = add_internal_note(ticket_id, "@ann", author_id=ben)
    [item] = all_rows(BellItem)
    with pytest.raises(NotFoundError):
        open_bell_item(ben, item.id)
    assert open_bell_item(ann, item.id) == (ticket_id, note.id)
    assert bell_of(ann) == [(Bell.MENTIONED, 1, False)]
    assert read_bell(ann, is_unread=True).items.rows == []
    with pytest.raises(NotFoundError):
        open_bell_item(ann, item.id + 1)


def test_the_bell_goes_with_its_ticket(polled: Desk) -> None:
    (ann, _), (ben, _) = add_person("Ann"), add_person("Ben")
    wanted = NewTicket("Printer", "", 1, 1, 1)
    ticket_id = open_ticket(wanted, actor_id=ben, form_token="t" * 32).id
    add_internal_note(ticket_id, "@ann", author_id=ben)
    with transaction() as session:
        session.delete(session.get_one(Ticket, ticket_id))
    assert bell_of(ann) == []
    assert all_watchers() == all_rows(Comment) == []
