"""Changing one's own password."""

from webapp.domain.security.passwords import MOST
from webapp.services.lookups import get_user
from webapp.services.people.password_rules import check_password_for
from webapp.services.people.sessions import renew_session
from webapp.services.people.single_sign_on.local_passwords import require_password_use
from webapp.services.people.users import (
    UserError,
    hash_password,
    is_password,
    record_user_event,
    store_password,
)
from webapp.services.transactions import reading, transaction

NOT_CURRENT = "This is not your current password."
NOT_NEW = "This is the password you have. Choose another one."


def change_own_password(user_id: int, current: str, new: str, *, kept_token: str) -> str:
    """Replace the password of a user who knows the current one.

    The user is told by mail. Every session of theirs ends, except the one with the token
    `kept_token`: that gets another token, which is returned. Raises UserError for the fields
    `current_password` or `new_password`, PasswordsOffError, and NotFoundError.
    """
    with reading() as session:
        user = get_user(session, user_id)
        require_password_use(session, user)
        stored = user.password_hash
    errors = dict(check_password_for(user_id, new).errors("new_password"))
    if not is_password(current[: MOST + 1], stored):
        errors["current_password"] = NOT_CURRENT
    elif new == current:
        errors.setdefault("new_password", NOT_NEW)
    if errors:
        raise UserError(errors)
    password_hash = hash_password(new)
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if user.password_hash != stored:  # the password was changed meanwhile; that change stands
            raise UserError({"current_password": NOT_CURRENT})
        store_password(session, user, password_hash, actor_id=user.id, kept_token=kept_token)
        record_user_event(session, user, "user.password_set", user.id, password=password_hash)
        return renew_session(session, kept_token)
