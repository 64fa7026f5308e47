"""Mailing what happened to somebody's account: a new browser, a link, a factor that was reset.

A note is claimed in one transaction, sent outside of any, and marked in another: it arrives at
least once. Without a mail server nothing is sent, and nothing waits for one.
"""

from datetime import datetime, timedelta

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp.domain.notices.message import Link, Message
from webapp.extensions import current_config
from webapp.models import SecurityNote, User
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.send import send
from webapp.outbound.settings import MailServer
from webapp.services.notices.targets.destinations import mail_destination, read_mail_server
from webapp.services.restored import are_messages_free
from webapp.services.transactions import NO_SYNC, reading, transaction

EVENT = "account"
MOST_AT_ONCE = 20
MOST_ATTEMPTS = 8
FIRST_RETRY = timedelta(minutes=2)


def mail_security_notes(now: datetime) -> int:
    """Send the notes that are due at `now` (UTC); returns how many arrived.

    What failed is tried again after 2, 4, 8 … minutes, eight times at most. Nothing is sent while a
    restore holds messages.
    """
    with reading() as session:
        server = read_mail_server(session)
    if server is None:
        _drop_all(now)
        return 0
    sent = 0
    for _ in range(MOST_AT_ONCE):
        claimed = _claim(now)
        if claimed is None:
            break
        note_id, address, message = claimed
        sent += _send(note_id, address, message, server)
    return sent


def _claim(now: datetime) -> tuple[int, str, Message] | None:
    """Take the note that waits longest; it comes back unless it is marked."""
    with transaction() as session:
        note = session.scalar(
            select(SecurityNote)
            .where(SecurityNote.next_mail_at <= now, are_messages_free())
            .order_by(SecurityNote.next_mail_at, SecurityNote.id)
            .limit(1)
            .with_for_update(skip_locked=True)
        )
        if note is None:
            return None
        note.mail_attempts += 1
        is_last = note.mail_attempts >= MOST_ATTEMPTS
        note.next_mail_at = None if is_last else now + FIRST_RETRY * 2 ** (note.mail_attempts - 1)
        return note.id, _address(session, note), _message(note)


def _address(session: Session, note: SecurityNote) -> str:
    if note.address is not None:
        return note.address
    return session.scalar(select(User.email).where(User.id == note.user_id)) or ""


def _message(note: SecurityNote) -> Message:
    return Message(
        key=f"account-{note.id}",
        event=EVENT,
        subject=f"account:{note.user_id}",
        title=note.subject,
        lines=(note.sentence,),
        links=(Link("Open Triagedesk", current_config().own_url),),
        mail_subject=note.subject,
        happened_at=note.created_at,
        data={},
    )


def _send(note_id: int, address: str, message: Message, server: MailServer) -> bool:
    """Send one mail; what the server refuses for good is not tried again."""
    try:
        send(mail_destination(address, server), message)
    except DeliveryError as error:
        if error.failure is Failure.PERMANENT:
            _end(note_id)
        return False
    _end(note_id)
    return True


def _end(note_id: int) -> None:
    with transaction() as session:
        mark = update(SecurityNote).where(SecurityNote.id == note_id).values(next_mail_at=None)
        session.execute(mark, execution_options=NO_SYNC)


def _drop_all(now: datetime) -> None:
    """Let nothing wait for a mail server that may be set up years later."""
    with reading() as session:
        waits = session.scalar(
            select(SecurityNote.id).where(SecurityNote.next_mail_at <= now).limit(1)
        )
    if waits is None:
        return
    with transaction() as session:
        due = update(SecurityNote).where(SecurityNote.next_mail_at <= now)
        session.execute(due.values(next_mail_at=None), execution_options=NO_SYNC)
