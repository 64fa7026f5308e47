"""A desk in the middle of a night: tickets with every part that the triage desk knows."""

from dataclasses import dataclass
from datetime import timedelta
from io import BytesIO

from sqlalchemy import select

from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.security.attached_files import picture
from webapp import clock
from webapp.domain.incident import parse_incident_text
from webapp.models import Alert, Priority, Ticket, TicketRunbook
from webapp.services.desk.response_times.edit_times import (
    offer_targets,
    read_response_times,
    save_times,
)
from webapp.services.people.users import find_user
from webapp.services.tickets.attachments.attach_files import add_note_with_files
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.canned_notes.edit_canned_notes import add_canned_note
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.clocks.recompute_clocks import recompute_clocks
from webapp.services.tickets.clocks.wait_ticket import wait_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.links.link_tickets import link_tickets
from webapp.services.tickets.notes.edit_note import edit_note
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.tickets.runbooks.attach_runbooks import RunbookAttacher
from webapp.services.tickets.runbooks.install_runbooks import install_runbooks
from webapp.services.tickets.runbooks.work_checklist import tick_step
from webapp.services.tickets.watching.watch_ticket import watch_ticket
from webapp.services.transactions import reading, transaction

LONG = "Wiederherstellungsschlüsselverwaltung " * 5


@dataclass(frozen=True)
class Night:
    """The ids of tickets with a part each, and of a note of `worked` that was edited."""

    burning: int
    worked: int
    waiting: int
    duplicate: int
    case: int
    long: int
    note: int


def fill_night() -> Night:
    """Give the desk's open tickets what a night brings; within the app's context."""
    admin, helpdesk = find_user(ADMIN[0]).id, find_user(HELPDESK[0]).id
    add_canned_note("Called, no answer", "Called {client} about {number}; nobody answered.")
    _set_clocks(admin)
    _attach_runbooks()
    burning, worked, waiting, duplicate, case, long, *parts = _open_tickets()
    note = _work(worked, admin, helpdesk)
    until = clock.utcnow() + timedelta(days=1)
    wait_ticket(waiting, until, "The client calls back", actor_id=admin)
    _link(duplicate, "duplicate", burning, admin)
    for part in parts[:3]:
        _link(case, "has_part", part, admin)
    words = TicketChange(title=LONG.strip(), external_reference="PSA-" + "9" * 60)
    change_ticket(long, words, actor_id=admin, seen_at=None)
    with transaction() as session:
        session.get_one(Ticket, long).raised_severity = "critical"
    return Night(burning, worked, waiting, duplicate, case, long, note)


def open_critical(title: str, *, actor_id: int) -> None:
    """A critical ticket that nobody has touched yet."""
    with reading() as session:
        model = session.scalars(select(Ticket).limit(1)).one()
        priority_id = session.scalar(select(Priority.id).order_by(Priority.position).limit(1))
    wanted = NewTicket(
        title=title,
        description="",
        client_id=model.client_id,
        board_id=model.board_id,
        priority_id=priority_id,
    )
    ticket = open_ticket(wanted, actor_id=actor_id, form_token=title)
    with transaction() as session:
        session.get_one(Ticket, ticket.id).untouched_since = clock.utcnow()


def _set_clocks(actor_id: int) -> None:
    save_times(offer_targets(read_response_times()), seen=None, actor_id=actor_id)
    while recompute_clocks(clock.utcnow()):
        pass


def _attach_runbooks() -> None:
    install_runbooks()
    with transaction() as session:
        attacher = RunbookAttacher(session, clock.utcnow())
        for alert in session.scalars(select(Alert).where(Alert.ticket_id.is_not(None))):
            if alert.ticket_id and alert.raw_report:
                attacher.add(alert.ticket_id, parse_incident_text(alert.raw_report))
        attacher.write()


def _open_tickets() -> list[int]:
    """Those with a report first that have most to be done; nobody has touched the first one."""
    with reading() as session:
        query = (
            select(Ticket.id)
            .join(Alert, Alert.ticket_id == Ticket.id)
            .where(Ticket.closed_at.is_(None), ~Ticket.is_unmapped)
            .order_by(Ticket.first_touched_at.is_not(None), Ticket.priority_id, Ticket.id.desc())
        )
        return list(session.scalars(query))


def _work(ticket_id: int, admin: int, helpdesk: int) -> int:
    """Notes, files, ticks, somebody who watches; returns the id of the note that was edited."""
    first = add_internal_note(ticket_id, "Called Frau Müller: a wombat.", author_id=admin)
    words = "Called Frau **Müller**: a wombat in the attic."
    edit_note(ticket_id, first.id, words, actor_id=admin, seen_at=None)
    files = [
        SentFile("screen.png", BytesIO(picture(size=(640, 360)))),
        SentFile("a very long name of a file " * 4 + ".log", BytesIO(b"log " * 9000)),
    ]
    add_note_with_files(ticket_id, "Seen on the screen.", files, author_id=helpdesk)
    add_internal_note(ticket_id, "@Ada please have a look.", author_id=helpdesk)
    watch_ticket(ticket_id, admin)
    change = TicketChange(sets_assignee=True, assignee_id=admin, external_reference="PSA-4711")
    change_ticket(ticket_id, change, actor_id=helpdesk, seen_at=None)
    with reading() as session:
        query = select(TicketRunbook.id).where(TicketRunbook.ticket_id == ticket_id)
        checklist = session.scalar(query)
    for position in range(2):
        assert checklist is not None
        tick_step(ticket_id, checklist, position, is_done=True, actor_id=admin)
    return first.id


def _link(ticket_id: int, choice: str, other_id: int, actor_id: int) -> None:
    with reading() as session:
        number = session.get_one(Ticket, other_id).number
    link_tickets(ticket_id, choice, number, actor_id=actor_id)
