"""Checking the password that somebody signs in with."""

from dataclasses import dataclass

from webapp.domain.security.passwords import MOST
from webapp.models import User
from webapp.services.audit import record_event
from webapp.services.people.addresses import user_by_email
from webapp.services.people.password_upkeep import look_after_password
from webapp.services.people.sessions import SignInError
from webapp.services.people.single_sign_on.break_glass import note_glass_broken
from webapp.services.people.single_sign_on.local_passwords import may_use_password
from webapp.services.people.users import build_unmatched_hash, is_password
from webapp.services.transactions import reading, transaction


@dataclass(frozen=True, slots=True)
class CheckedUser:
    """Somebody whose password was right when it was `password_hash`."""

    id: int
    password_hash: str


def check_sign_in(email: str, password: str) -> CheckedUser:
    """Return the user with this address and password; a refusal is on record.

    An unknown address, and a user who is deactivated, has no password yet or may not use it, take
    as long as a wrong password. The caller counts the try before, and begins the session with the
    same hash. A right password that does not fit the rules any more has to be changed next. Raises
    SignInError.
    """
    password = password[: MOST + 1]
    with reading() as session:
        user = user_by_email(session, email)
        is_allowed = user is None or may_use_password(session, user)
    has_hash = user is not None and user.has_password
    is_right = is_password(
        password, user.password_hash if user and has_hash else build_unmatched_hash()
    )
    if user is None or not user.is_active or not is_right or not is_allowed:
        _record_refusal(user, is_right=is_right)
        raise SignInError
    note_glass_broken(user.id)
    return CheckedUser(user.id, look_after_password(user, password))


def _record_refusal(user: User | None, *, is_right: bool) -> None:
    """Note who could not sign in, but not what was typed: some type a password into that field."""
    reason = "unknown address"
    if user is not None:
        reason = "deactivated"
        if user.is_active:
            reason = "passwords are off" if is_right else "wrong password"
    with transaction() as session:
        record_event(
            session,
            action="session.refused",
            subject_type="user",
            subject_id=None if user is None else user.id,
            after={"reason": reason},
        )
