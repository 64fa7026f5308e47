"""Resetting the factors of a person who lost them all: by another admin, or by the command."""

from sqlalchemy import delete
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.untrusted import clean_line
from webapp.models import AuthenticatorApp, Device, Passkey, RecoveryCode, User
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.factors.stored_factors import (
    count_factors,
    must_have_factor,
    record_factor_event,
)
from webapp.services.people.security_notes import tell_person
from webapp.services.people.sessions import end_sessions
from webapp.services.transactions import transaction

REASON_LENGTH = 500


class OwnFactorsError(RefusedError):
    """Nobody resets their own factors: whoever found an open session could."""

    def __init__(self) -> None:
        super().__init__(
            "These are your own factors. Change them under Preferences; if they are lost, use a "
            "recovery code, ask another admin, or run `triagedesk user reset-factors`."
        )


class NothingToResetError(RefusedError):
    """The person has no second factor."""

    def __init__(self, user: User) -> None:
        super().__init__(f"{user.name} has no second factor, so there is nothing to reset.")


def reset_factors(user_id: int, reason: str, *, actor_id: int | None) -> User:
    """Remove a person's app, passkeys and recovery codes, end their sessions, forget their devices.

    They sign in with their password alone once, and where a factor is needed they have to set up a
    new one before anything else: there is no second grace. They hear of it on their next page.
    `actor_id` is None for the command. Raises FieldError for `reason`, OwnFactorsError,
    NothingToResetError, NotFoundError.
    """
    why = clean_line(reason, REASON_LENGTH + 1) or ""
    if not why:
        raise FieldError({"reason": "Say why: the reason is on record, and the person reads it."})
    if len(why) > REASON_LENGTH:
        raise FieldError({"reason": f"A reason has at most {REASON_LENGTH} characters."})
    if actor_id == user_id:
        raise OwnFactorsError
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if not count_factors(session, user.id):
            raise NothingToResetError(user)
        removed = _remove_all(session, user)
        end_sessions(session, user.id, actor_id=actor_id)
        session.execute(delete(Device).where(Device.user_id == user.id))
        user.factor_due_at = clock.utcnow() if must_have_factor(user) else None
        record_factor_event(session, user.id, "factor.reset", actor_id, reason=why, **removed)
        tell_person(
            session,
            user.id,
            subject="Your second factors were reset",
            sentence=_sentence(session, actor_id, why),
        )
        return user


def _sentence(session: Session, actor_id: int | None, reason: str) -> str:
    actor = None if actor_id is None else get_user(session, actor_id).name
    by = f"{actor} reset your second factors" if actor else "Your second factors were reset"
    return (
        f"{by}: app, passkeys and recovery codes do not work any more. The reason given: {reason}"
    )


def _remove_all(session: Session, user: User) -> dict[str, int]:
    """Delete everything; returns how much of what there was."""
    counts = {}
    for name, model in (
        ("apps", AuthenticatorApp),
        ("passkeys", Passkey),
        ("recovery_codes", RecoveryCode),
    ):
        gone = session.scalars(
            delete(model).where(model.user_id == user.id).returning(model.id)
        ).all()
        counts[name] = len(gone)
    return counts
