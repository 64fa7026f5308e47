"""Showing a factor once more in a session that goes on, in place of the password."""

from webapp.services.errors import RefusedError
from webapp.services.people.factors.authenticator_app import take_app_code
from webapp.services.people.factors.passkeys import (
    CopiedPasskeyError,
    PasskeyQuestion,
    ask_for_own_passkey,
    show_passkey,
    use_question,
)
from webapp.services.people.sessions import Factor
from webapp.services.people.show_presence import NotPresentError, note_presence
from webapp.services.transactions import transaction

SHOW_PASSKEY_AGAIN = "passkey-presence"


def ask_for_passkey_again(user_id: int) -> PasskeyQuestion:
    """Ask for one of the person's passkeys, unlocked by them. Raises PasskeyError."""
    return ask_for_own_passkey(user_id, SHOW_PASSKEY_AGAIN, needs_verification=True)


def show_app_code(user_id: int, session_id: int, typed: str) -> None:
    """Note that the person of a session entered a code of their app. Raises NotPresentError.

    The caller counts the try before.
    """
    with transaction() as session:
        is_right = take_app_code(session, user_id, typed)
    note_presence(user_id, session_id, way=Factor.APP, is_shown=is_right)
    if not is_right:
        raise NotPresentError(
            "This code is wrong, too old, or was used already. Enter the one that the app shows "
            "now."
        )


def show_passkey_again(
    user_id: int, session_id: int, answer_token: str | None, answer: str
) -> None:
    """Note that the person of a session showed a passkey. Raises NotPresentError."""
    try:
        with transaction() as session:
            question = use_question(session, answer_token, SHOW_PASSKEY_AGAIN)
            is_theirs = question.user_id == user_id
            shown = show_passkey(session, question, answer, needs_verification=True)
        if shown.is_copy:
            raise CopiedPasskeyError
    except RefusedError as error:
        note_presence(user_id, session_id, way=Factor.PASSKEY, is_shown=False)
        raise NotPresentError(str(error)) from error
    note_presence(user_id, session_id, way=Factor.PASSKEY, is_shown=is_theirs)
    if not is_theirs:
        raise NotPresentError("This passkey belongs to somebody else.")
