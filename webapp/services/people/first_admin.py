"""The one-time token with which a new install gets its first admin."""

from datetime import timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import SetupToken, TicketCounter, User
from webapp.models.user import ROLE_ADMIN
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.people.set_preferences import zone_of_browser
from webapp.services.people.tokens import hash_code, make_code
from webapp.services.people.users import build_user, count_users
from webapp.services.transactions import reading, transaction

TOKEN_LIFETIME = timedelta(hours=24)


class SetupClosedError(RefusedError):
    """A user exists already, so only an admin can add others."""

    def __init__(self) -> None:
        super().__init__("Triagedesk is set up already; sign in, or ask an admin to add you.")


class SetupTokenError(RefusedError):
    """The token is wrong or too old."""

    def __init__(self) -> None:
        super().__init__(
            "This setup token is wrong or older than 24 hours. Triagedesk prints a new one each "
            "time it starts."
        )


def issue_setup_token() -> str | None:
    """Return a new token (128 random bits, valid for 24 hours), or None once a user exists.

    Only the token's hash is stored. Tokens issued earlier stay valid until they expire.
    """
    with transaction() as session:
        now = clock.utcnow()
        if count_users(session):
            session.execute(delete(SetupToken))
            return None
        session.execute(delete(SetupToken).where(SetupToken.expires_at <= now))
        token = make_code()
        session.add(
            SetupToken(token_hash=hash_code(token), created_at=now, expires_at=now + TOKEN_LIFETIME)
        )
        return token


def is_setup_open() -> bool:
    """Whether the first admin is still to be created."""
    with reading() as session:
        return count_users(session) == 0


def create_first_admin(
    token: str, email: str, name: str, password: str, *, browser_zone: str | None = None
) -> User:
    """Create the first admin, in the time zone of their browser, and delete every setup token.

    Raises SetupClosedError, SetupTokenError, UserError.
    """
    with reading() as session:
        _check_token(session, token)
    user = build_user(email=email, name=name, password=password, role=ROLE_ADMIN)
    user.time_zone = zone_of_browser(browser_zone)
    with transaction() as session:
        # Everybody locks this one row, so that two people with a token cannot both become first
        # admin.
        session.scalars(select(TicketCounter).with_for_update()).all()
        _check_token(session, token)
        session.execute(delete(SetupToken))
        session.add(user)
        session.flush()
        record_event(
            session,
            action="user.added",
            subject_type="user",
            subject_id=user.id,
            after={"email": user.email, "role": user.role},
            actor_id=user.id,
        )
    return user


def _check_token(session: Session, token: str) -> None:
    if count_users(session):
        raise SetupClosedError
    found = session.scalar(
        select(SetupToken.id).where(
            SetupToken.token_hash == hash_code(token),
            SetupToken.expires_at > clock.utcnow(),
        )
    )
    if found is None:
        raise SetupTokenError
