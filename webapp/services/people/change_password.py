"""Changing one's own password."""

from webapp.services.lookups import get_user
from webapp.services.people.sessions import end_sessions, renew_session
from webapp.services.people.users import (
    PASSWORD_LENGTH,
    UserError,
    drop_password_links,
    hash_password,
    is_password,
    password_errors,
    record_user_event,
)
from webapp.services.transactions import reading, transaction

NOT_CURRENT = "This is not your current password."


def change_own_password(user_id: int, current: str, new: str, *, kept_token: str) -> str:
    """Replace the password of a user who knows the current one.

    Every session of the user ends, except the one with the token `kept_token`: that gets another
    token, which is returned. Raises UserError for the fields `current_password` or `new_password`,
    and NotFoundError.
    """
    with reading() as session:
        stored = get_user(session, user_id).password_hash
    errors = {f"new_{field}": sentence for field, sentence in password_errors(new).items()}
    if not is_password(current[: PASSWORD_LENGTH[1] + 1], stored):
        errors |= {"current_password": NOT_CURRENT}
    if errors:
        raise UserError(errors)
    password_hash = hash_password(new)
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if user.password_hash != stored:  # the password was changed meanwhile; that change stands
            raise UserError({"current_password": NOT_CURRENT})
        user.password_hash = password_hash
        drop_password_links(session, user.id)
        end_sessions(session, user.id, except_token=kept_token)
        record_user_event(session, user, "user.password_set", user.id, password=password_hash)
        return renew_session(session, kept_token)
