"""Filling the demo with work: times to answer in, a note that names a colleague, a file, a wait, a
ticket that was closed with a reason, and one as a duplicate.
"""

import io
from datetime import timedelta

from sqlalchemy import select

from webapp import clock
from webapp.domain.triage.close_reasons import CloseReason
from webapp.models import Status, User
from webapp.services.desk.response_times.edit_times import (
    offer_targets,
    read_response_times,
    save_times,
)
from webapp.services.tickets.attachments.attach_files import add_note_with_files
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.change_ticket import TicketChange
from webapp.services.tickets.clocks.wait_ticket import wait_ticket
from webapp.services.tickets.closing.ask_reason import CloseAnswer
from webapp.services.tickets.links.close_duplicate import change_answered
from webapp.services.transactions import reading

FILE_NAME = "pop-ups.txt"
PAGES = b"09:12 https://prize.example/win\n09:14 https://prize.example/win?again=1\n"
DAYS = 3


def fill_demo_work(ticket_id: int, *, admin: User, colleague: User) -> None:
    """Offer times for each priority; `colleague` works on the ticket, and asks `admin`.

    Raises FieldError if anything is refused.
    """
    save_times(offer_targets(read_response_times()), seen=None, actor_id=admin.id)
    add_note_with_files(
        ticket_id,
        f"@{admin.name} these pages open by themselves. Could `C:\\Users\\Public\\!README` "
        "belong to it?\n\n- [x] asked which pages\n- [ ] looked at the browser's extensions",
        [SentFile(FILE_NAME, io.BytesIO(PAGES))],
        author_id=colleague.id,
    )
    until = clock.utcnow() + timedelta(days=DAYS)
    wait_ticket(ticket_id, until, "the user is back in the office", actor_id=colleague.id)


def close_harmless(ticket_id: int, *, actor_id: int) -> None:
    """Close the ticket as a false positive, with a note."""
    note = "It was the dental software's own support, as agreed with the practice."
    _close(ticket_id, CloseAnswer(CloseReason.FALSE_POSITIVE, note), "", actor_id)


def close_repeated(ticket_id: int, original: str, *, actor_id: int) -> None:
    """Close the ticket as a duplicate of the one with the number `original`."""
    _close(ticket_id, CloseAnswer(CloseReason.DUPLICATE), original, actor_id)


def _close(ticket_id: int, answer: CloseAnswer, original: str, actor_id: int) -> None:
    with reading() as session:
        closed = select(Status.id).where(Status.is_closed).order_by(Status.position).limit(1)
        change = TicketChange(status_id=session.scalar(closed), close=answer)
    change_answered(ticket_id, change, original, actor_id=actor_id, seen_at=None)
