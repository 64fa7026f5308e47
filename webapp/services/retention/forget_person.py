"""Forgetting a person who is deactivated: name, address and everything of their own is erased.

The row stays under a number, because tickets, notes and audit events refer to it. Notes keep their
text, and show "Former user 7" as their author. Views that were shared stay with the team.
"""

from collections.abc import Mapping, Sequence
from typing import Any

from sqlalchemy import ColumnElement, select, true, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.retention.words import words_to_find
from webapp.models import (
    AuditEvent,
    AuthenticatorApp,
    BellItem,
    Comment,
    CsvUpload,
    Device,
    Erasure,
    Escalation,
    OnCallOverride,
    OutboxRow,
    Passkey,
    PasswordLink,
    PendingSignIn,
    RecoveryCode,
    SavedView,
    SecurityNote,
    TakeLink,
    Target,
    Ticket,
    TicketWatcher,
    User,
    UserSession,
)
from webapp.models.user import NO_PASSWORD, ROLES
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.users import record_user_event
from webapp.services.retention.batches import BATCH, delete_rows
from webapp.services.retention.erase_names import erase_names
from webapp.services.retention.erasures import (
    PERSON,
    begin_erasure,
    erase_batches,
    finish_erasure,
    hold_erasure,
    wipe_finished,
)
from webapp.services.retention.wipe import merge_search_index, overwrite_deleted
from webapp.services.transactions import NO_SYNC, transaction

_OWN = (
    AuthenticatorApp,
    Passkey,
    RecoveryCode,
    PendingSignIn,
    UserSession,
    Device,
    SecurityNote,
    PasswordLink,
    TakeLink,
    Target,
    TicketWatcher,
    BellItem,
)
"""What belongs to a person by `user_id`; sessions go before the devices that they name."""


def begin_forgetting_person(
    user_id: int, *, typed_email: str, actor_id: int | None = None
) -> Erasure:
    """Erase what is a deactivated person's own, in one transaction.

    Their name in messages, timelines and the audit log is erased by `go_on_forgetting_person`.
    Raises RefusedError for somebody who may sign in (the last admin always may) or was forgotten
    already, FieldError where the typed address is not theirs, and NotFoundError; nothing is changed
    then.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if user.is_active:
            raise RefusedError(
                f"{user.name} may still sign in. Deactivate them first; the last active admin "
                "cannot be."
            )
        if user.erased_at is None and typed_email.strip().lower() != user.email:
            raise FieldError({"email": f"Type the person's address as it is written: {user.email}"})
        is_role = user.name.lower() in ROLES  # and then means something else wherever it stands
        names = (user.email,) if is_role else (user.name, user.email)
        words = words_to_find(names, are_inside=False)
        erasure = begin_erasure(session, PERSON, user_id, words, actor_id)
        overwrite_deleted(session)
        _erase_own(session, user)
        _record(session, user, "user.forgetting", actor_id)
        return erasure


def go_on_forgetting_person(erasure: Erasure) -> None:
    """Erase the person's name wherever else it is, and finish; does nothing once that is done."""
    erase_names(erasure, former_name(erasure.subject_id))
    _erase_events(erasure)
    merge_search_index()
    with transaction() as session:
        held = hold_erasure(session, erasure.id)
        if held is not None:
            overwrite_deleted(session)
            user = get_user(session, held.subject_id, lock=True)
            redacted = redact_events(session, _is_event_about(user.id))  # of meanwhile
            held.counts = {
                **held.counts,
                "audit_events": held.counts.get("audit_events", 0) + redacted,
            }
            finish_erasure(held, clock.utcnow())
            _record(session, user, "user.forgotten", held.requested_by_id, **held.counts)
    wipe_finished()


def former_name(user_id: int) -> str:
    """What a person is called once they are forgotten."""
    return f"Former user {user_id}"


def _erase_own(session: Session, user: User) -> None:
    name, new_name = user.name, former_name(user.id)
    _erase_from_messages(session, user.id, name, new_name)
    for model in _OWN:
        delete_rows(session, model, model.user_id == user.id)
    delete_rows(session, CsvUpload, CsvUpload.owner_id == user.id)
    is_own_view = SavedView.owner_id == user.id
    delete_rows(session, SavedView, is_own_view, SavedView.is_shared.is_(False))
    session.execute(
        update(OnCallOverride).where(OnCallOverride.user_id == user.id).values(reason=None),
        execution_options=NO_SYNC,
    )
    user.name = new_name
    user.email = f"former-user-{user.id}@erased.invalid"
    user.password_hash = NO_PASSWORD
    user.list_settings = user.live_settings = None
    user.time_zone = user.theme = user.oidc_issuer = user.oidc_subject = None
    user.factor_due_at = user.passkey_handle = None
    user.must_change_password = user.is_break_glass = user.is_role_provided = False
    user.erased_at = clock.utcnow()


def _erase_events(erasure: Erasure) -> None:
    """Erase the details of what the audit log says of the person."""

    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        return {"audit_events": redact_events(session, [AuditEvent.id.in_(ids)])}

    is_left = (*_is_event_about(erasure.subject_id), AuditEvent.redacted_at.is_(None))
    erase_batches(erasure, select(AuditEvent.id).where(*is_left), AuditEvent.id, write, BATCH)


def _is_event_about(user_id: int) -> list[ColumnElement[bool]]:
    return [AuditEvent.subject_type == PERSON, AuditEvent.subject_id == str(user_id)]


def _erase_from_messages(session: Session, user_id: int, name: str, new_name: str) -> None:
    """Delete what was sent to the person, and let escalations name nobody.

    An escalation holds a name alone: where others are called the same, only those of tickets that
    the person worked on are taken for theirs.
    """
    own_targets = select(Target.id).where(Target.user_id == user_id)
    delete_rows(
        session,
        OutboxRow,
        (OutboxRow.person_id == user_id) | OutboxRow.target_id.in_(own_targets),
    )
    is_theirs = _is_worked_on_by(user_id) if _has_namesake(session, user_id, name) else true()
    for column in (Escalation.person, Escalation.taken_by):
        session.execute(
            update(Escalation).where(column == name, is_theirs).values({column.key: new_name}),
            execution_options=NO_SYNC,
        )


def _has_namesake(session: Session, user_id: int, name: str) -> bool:
    return session.scalar(select(User.id).where(User.name == name, User.id != user_id)) is not None


def _is_worked_on_by(user_id: int) -> ColumnElement[bool]:
    """Whether an escalation's ticket was the person's or has an entry of theirs."""
    own = select(Ticket.id).where(Ticket.assignee_id == user_id)
    written = select(Comment.ticket_id).where(Comment.author_id == user_id)
    return Escalation.ticket_id.in_(own.union(written))


def _record(session: Session, user: User, action: str, actor_id: int | None, **after: Any) -> None:
    record_user_event(session, user, action, actor_id, **after)
