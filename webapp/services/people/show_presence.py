"""Showing once more who one is, in a session that goes on."""

from webapp.domain.security.passwords import MOST
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.sessions import mark_present
from webapp.services.people.single_sign_on.local_passwords import may_use_password
from webapp.services.people.users import is_password
from webapp.services.transactions import reading, transaction


class NotPresentError(RefusedError):
    """What was shown is wrong."""

    def __init__(self, sentence: str = "This is not your password.") -> None:
        super().__init__(sentence)


def show_password(user_id: int, session_id: int, password: str) -> None:
    """Note that the person of a session typed their password just now. Raises NotPresentError.

    The caller counts the try before.
    """
    with reading() as session:
        user = get_user(session, user_id)
        is_allowed = may_use_password(session, user)
        stored = user.password_hash
    is_right = is_allowed and is_password(password[: MOST + 1], stored)
    note_presence(user_id, session_id, way="password", is_shown=is_right)
    if not is_right:
        raise NotPresentError


def note_presence(user_id: int, session_id: int, *, way: str, is_shown: bool) -> None:
    """Put on record what was shown; what was right keeps the session present for ten minutes."""
    with transaction() as session:
        if is_shown:
            mark_present(session, session_id)
        record_event(
            session,
            action="presence.shown" if is_shown else "presence.refused",
            subject_type="user",
            subject_id=user_id,
            after={"way": way},
            actor_id=user_id,
        )
