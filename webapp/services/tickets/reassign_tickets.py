"""Deactivating a user and giving their open tickets to a colleague or to nobody."""

from sqlalchemy import ColumnElement, insert, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.markdown_text import escape_line
from webapp.models import AuditEvent, Comment, Ticket, User
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.notices.silence.deactivated import drop_for_deactivated
from webapp.services.people.users import UserError, deactivate
from webapp.services.tickets.change_ticket import CHANGE_COMMENT
from webapp.services.tickets.watching.tell_watchers import Changed, tell_watchers
from webapp.services.transactions import NO_SYNC, transaction


class ConfirmationError(RefusedError):
    """The actors are about to lock themselves out and have not confirmed it."""

    def __init__(self) -> None:
        super().__init__(
            "You would be signed out at once and could not sign in again. Confirm that you mean it."
        )


def deactivate_and_reassign(
    user_id: int, *, successor_id: int | None, actor_id: int, is_confirmed: bool = False
) -> int:
    """Deactivate a user and give their open tickets to `successor_id` (None: to nobody).

    One transaction ends the user's sessions, drops the messages that wait for them, moves the
    tickets, and stores a timeline entry and an
    audit event for each ticket. This does not count as touching the tickets. Returns how many
    tickets moved. Raises ConfirmationError if the actor has not confirmed deactivating themselves,
    UserError if the successor cannot sign in, LastAdminError and NotFoundError; nothing is changed
    then.
    """
    if user_id == actor_id and not is_confirmed:
        raise ConfirmationError
    with transaction() as session:
        user = deactivate(session, user_id, actor_id)
        session.flush()
        drop_for_deactivated(session)
        successor = _successor(session, user_id, successor_id)
        return _hand_over(session, user, successor, actor_id)


def _successor(session: Session, user_id: int, successor_id: int | None) -> User | None:
    if successor_id is None:
        return None
    found = session.get(User, successor_id, populate_existing=True)
    if found is None or not found.may_work or found.id == user_id:
        raise UserError({"successor": "Choose somebody who can still sign in, or nobody."})
    return found


def _hand_over(session: Session, user: User, successor: User | None, actor_id: int) -> int:
    ids = session.scalars(
        select(Ticket.id)
        .where(*_open_tickets_of(user.id))
        .order_by(Ticket.id)
        .with_for_update(key_share=True)
    ).all()
    if not ids:
        return 0
    now = clock.utcnow()
    session.execute(
        update(Ticket)
        .where(*_open_tickets_of(user.id))
        .values(assignee_id=successor.id if successor else None, updated_at=now),
        execution_options=NO_SYNC,
    )
    taker = f"assigned to {escape_line(successor.name)}" if successor else "assigned to nobody now"
    body = f"{escape_line(user.name)} was deactivated: {taker}."
    entry = {"author_id": actor_id, "kind": CHANGE_COMMENT, "is_internal": True, "body": body}
    session.execute(
        insert(Comment), [{"ticket_id": key, "created_at": now, **entry} for key in ids]
    )
    given = successor.id if successor else None
    tell_watchers(
        session, [Changed(key, new_owner_id=given) for key in ids], actor_id=actor_id, now=now
    )
    for key in ids:
        _record(session, key, user, successor, actor_id)
    return len(ids)


def _record(
    session: Session, ticket_id: int, user: User, successor: User | None, actor_id: int
) -> AuditEvent:
    return record_event(
        session,
        action="ticket.changed",
        subject_type="ticket",
        subject_id=ticket_id,
        before={"assignee": user.email},
        after={"assignee": successor.email if successor else None},
        actor_id=actor_id,
    )


def _open_tickets_of(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return Ticket.assignee_id == user_id, Ticket.closed_at.is_(None)
