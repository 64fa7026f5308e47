"""Sentences about somebody's account: on their next page, and by mail where mail is set up.

The mails are sent by `webapp/services/notices/personal`, so that they outlive a restart.
"""

from sqlalchemy import select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import SecurityNote
from webapp.services.transactions import NO_SYNC, reading, transaction

NOTES_SHOWN = 5


def tell_person(
    session: Session, user_id: int, *, subject: str, sentence: str, address: str | None = None
) -> None:
    """Show a sentence on a person's next page and mail it to them, within the transaction.

    The mail goes to `address` if that is given, and otherwise to the one that they have by then.
    """
    _add(session, user_id, subject, sentence, is_shown=True, address=address)


def mail_person(session: Session, user_id: int, *, subject: str, sentence: str) -> None:
    """Mail a sentence to a person, and show it on no page, within the transaction."""
    _add(session, user_id, subject, sentence, is_shown=False)


def unseen_notes(user_id: int) -> list[SecurityNote]:
    """What a person has not confirmed to have read, the oldest first, at most five. Only reads."""
    query = (
        select(SecurityNote)
        .where(SecurityNote.user_id == user_id, SecurityNote.seen_at.is_(None))
        .order_by(SecurityNote.id)
        .limit(NOTES_SHOWN)
    )
    with reading() as session:
        return list(session.scalars(query))


def mark_notes_seen(user_id: int, last_id: int) -> None:
    """Note that a person has read their notes up to the one with `last_id`."""
    with transaction() as session:
        session.execute(
            update(SecurityNote)
            .where(
                SecurityNote.user_id == user_id,
                SecurityNote.id <= last_id,
                SecurityNote.seen_at.is_(None),
            )
            .values(seen_at=clock.utcnow()),
            execution_options=NO_SYNC,
        )


def _add(
    session: Session,
    user_id: int,
    subject: str,
    sentence: str,
    *,
    is_shown: bool,
    address: str | None = None,
) -> None:
    now = clock.utcnow()
    session.add(
        SecurityNote(
            user_id=user_id,
            subject=subject,
            sentence=sentence,
            created_at=now,
            seen_at=None if is_shown else now,
            next_mail_at=now,
            address=address,
        )
    )
