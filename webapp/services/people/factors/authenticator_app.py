"""Authenticator apps (TOTP): setting one up, and taking its codes, each once."""

import base64
import hmac
import secrets
from dataclasses import dataclass
from datetime import timedelta

import pyotp
from sqlalchemy import ColumnElement, delete, or_, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.security.one_time_codes import (
    CODE_DIGITS,
    STEP_SECONDS,
    read_app_code,
    steps_to_try,
)
from webapp.models import AuthenticatorApp, User
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.factors.stored_factors import (
    confirmed_app,
    note_added,
    note_removed,
)
from webapp.services.transactions import NO_SYNC, reading, transaction

SETUP_LIFETIME = timedelta(hours=1)
ISSUER = "Triagedesk"
_NAME = "app"
_KEY_BYTES = 20


class AppSetupError(RefusedError):
    """No authenticator app is being set up."""

    def __init__(self) -> None:
        super().__init__(
            "No authenticator app is being set up, or that began over an hour ago. Begin again."
        )


class AppCodeError(FieldError):
    """The code does not belong to the key that was just shown."""

    def __init__(self) -> None:
        super().__init__(
            {
                "code": "This is not the code that the app should show now. Enter the newest one; "
                "if it fails again, check that the phone sets its clock by itself."
            }
        )


@dataclass(frozen=True, slots=True)
class AppSetup:
    """What an app has to be told: the key to type in, and the address that a QR code holds."""

    key: str
    address: str


def begin_app_setup(user_id: int) -> None:
    """Make a new key (160 random bits) that counts once a code confirms it, within an hour.

    An app that was confirmed before works until then. Raises NotFoundError.
    """
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        session.execute(delete(AuthenticatorApp).where(*_is_in_setup(user.id)))
        session.add(
            AuthenticatorApp(user_id=user.id, secret=_make_key(), created_at=clock.utcnow())
        )


def read_app_setup(user_id: int) -> AppSetup:
    """What to show for the app that is being set up; raises AppSetupError, NotFoundError."""
    with reading() as session:
        user = get_user(session, user_id)
        key = _app_in_setup(session, user.id).secret
    code = pyotp.TOTP(key, digits=CODE_DIGITS, interval=STEP_SECONDS)
    groups = [key[at : at + 4] for at in range(0, len(key), 4)]
    return AppSetup(" ".join(groups), code.provisioning_uri(name=user.email, issuer_name=ISSUER))


def confirm_app(session: Session, user: User, typed: str) -> None:
    """Let the app that is being set up count, in the caller's transaction, for a locked user.

    It takes the place of an earlier app. Raises AppSetupError, AppCodeError.
    """
    app = _app_in_setup(session, user.id)
    step = _matching_step(app, typed)
    if step is None:
        raise AppCodeError
    session.execute(
        delete(AuthenticatorApp).where(
            AuthenticatorApp.user_id == user.id, AuthenticatorApp.id != app.id
        )
    )
    app.confirmed_at, app.last_step = clock.utcnow(), step
    note_added(session, user, _NAME)


def remove_app(session: Session, user: User) -> bool:
    """Remove a locked user's app in the caller's transaction; returns whether there was one.

    Raises FactorRequiredError.
    """
    removed = session.scalars(
        delete(AuthenticatorApp)
        .where(AuthenticatorApp.user_id == user.id, AuthenticatorApp.confirmed_at.is_not(None))
        .returning(AuthenticatorApp.id)
    ).all()
    if removed:
        note_removed(session, user, _NAME)
    return bool(removed)


def take_app_code(session: Session, user_id: int, typed: str) -> bool:
    """Whether it is the code of the person's app; a code that was taken is never taken again.

    Of two requests with one code, one gets True: the other finds the step taken. Runs within the
    caller's transaction, which has to commit for the code to count as used.
    """
    app = confirmed_app(session, user_id)
    step = None if app is None else _matching_step(app, typed)
    if app is None or step is None:
        return False
    taken = session.scalars(
        update(AuthenticatorApp)
        .where(
            AuthenticatorApp.id == app.id,
            or_(AuthenticatorApp.last_step.is_(None), AuthenticatorApp.last_step < step),
        )
        .values(last_step=step)
        .returning(AuthenticatorApp.id),
        execution_options=NO_SYNC,
    ).all()
    return bool(taken)


def _make_key() -> str:
    """A random key as apps take it: base32, without padding."""
    return base64.b32encode(secrets.token_bytes(_KEY_BYTES)).decode()


def _matching_step(app: AuthenticatorApp, typed: str) -> int | None:
    """The step that the code is of; None for a wrong code, or if no key fits the stored secret."""
    code = read_app_code(typed)
    if code is None or not app.secret:
        return None
    codes = pyotp.TOTP(app.secret, digits=CODE_DIGITS, interval=STEP_SECONDS)
    found = [
        step
        for step in steps_to_try(clock.utcnow(), app.last_step)
        if hmac.compare_digest(codes.generate_otp(step), code)
    ]
    return found[0] if found else None


def _app_in_setup(session: Session, user_id: int) -> AuthenticatorApp:
    is_young = AuthenticatorApp.created_at > clock.utcnow() - SETUP_LIFETIME
    query = select(AuthenticatorApp).where(*_is_in_setup(user_id), is_young)
    app = session.scalar(query.execution_options(populate_existing=True))
    if app is None or not app.secret:
        raise AppSetupError
    return app


def _is_in_setup(user_id: int) -> tuple[ColumnElement[bool], ...]:
    return AuthenticatorApp.user_id == user_id, AuthenticatorApp.confirmed_at.is_(None)
