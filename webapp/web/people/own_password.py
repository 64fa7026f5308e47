"""What the two forms share that change one's own password."""

from flask import Response, make_response
from wtforms import PasswordField

from webapp.extensions import current_config
from webapp.services.errors import FieldError
from webapp.services.people.change_password import change_own_password
from webapp.services.people.password_rules import strength_of
from webapp.services.people.read_users import read_user
from webapp.services.people.throttle import release_attempt, reserve_attempt, session_key
from webapp.web.answers import done
from webapp.web.cookies import SESSION, read_cookie, write_cookie
from webapp.web.viewer import require_viewer


def change_as_typed(current: PasswordField, new: PasswordField, leads_to: str) -> Response:
    """Change the viewer's password and lead on; this session goes on with another token.

    Guesses of the current one are counted, new ones that are refused are not. Raises FieldError and
    ThrottledError.
    """
    viewer = require_viewer()
    guess = [session_key(viewer.session_ref)]
    reserve_attempt(guess)
    try:
        token = change_own_password(
            viewer.id, current.data, new.data, kept_token=read_cookie(SESSION) or ""
        )
    except FieldError as error:
        if "current_password" not in error.fields:  # it was right, and only the new one is refused
            release_attempt(guess)
        raise
    release_attempt(guess)
    strength = strength_of(read_user(viewer.id).user, new.data)
    words = f"Your new password is {strength}. You are signed out everywhere else."
    response = make_response(done(words, leads_to))
    write_cookie(response, SESSION, token, current_config().security.session_lifetime)
    return response
