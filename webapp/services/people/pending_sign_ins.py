"""Sign-ins that still wait for a step: a second factor, a passkey's signature, a provider's answer.

The browser holds a random token and everything else stays here, so that nothing can be changed or
shown twice by sending an old cookie again.
"""

from datetime import timedelta

from sqlalchemy import delete, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import PendingSignIn
from webapp.services.errors import RefusedError
from webapp.services.people.sessions import COOKIE_LENGTH
from webapp.services.people.tokens import hash_cookie, make_token
from webapp.services.transactions import NO_SYNC, reading, transaction

PENDING_FOR = timedelta(minutes=10)
MOST_ATTEMPTS = 5


class PendingSignInError(RefusedError):
    """The step took too long, was taken already, or failed too often."""

    def __init__(self) -> None:
        super().__init__("This took too long or was tried too often. Sign in from the beginning.")


def begin_pending(
    purpose: str,
    *,
    user_id: int | None = None,
    method: str | None = None,
    challenge: str | None = None,
) -> str:
    """Store what waits for a step, for ten minutes; returns the token for the browser's cookie."""
    token = make_token()
    now = clock.utcnow()
    with transaction() as session:
        session.execute(delete(PendingSignIn).where(PendingSignIn.expires_at <= now))
        session.add(
            PendingSignIn(
                token_hash=hash_cookie(token),
                user_id=user_id,
                purpose=purpose,
                method=method,
                challenge=challenge,
                created_at=now,
                expires_at=now + PENDING_FOR,
            )
        )
    return token


def read_pending(token: str | None, purpose: str) -> PendingSignIn | None:
    """What waits for this purpose, or None if nothing does (any more). Only reads."""
    with reading() as session:
        return _find(session, token, purpose)


def use_pending(session: Session, token: str | None, purpose: str) -> PendingSignIn:
    """Take what waits, once, within the transaction. Raises PendingSignInError."""
    found = _find(session, token, purpose, lock=True)
    if found is None:
        raise PendingSignInError
    found.used_at = clock.utcnow()
    session.flush()
    return found


def count_attempt(token: str | None, purpose: str) -> None:
    """Count a try before it is judged; raises PendingSignInError after the fifth."""
    if not token or len(token) > COOKIE_LENGTH:
        raise PendingSignInError
    with transaction() as session:
        counted = session.execute(
            update(PendingSignIn)
            .where(
                PendingSignIn.token_hash == hash_cookie(token),
                PendingSignIn.purpose == purpose,
                PendingSignIn.used_at.is_(None),
                PendingSignIn.expires_at > clock.utcnow(),
                PendingSignIn.attempts < MOST_ATTEMPTS,
            )
            .values(attempts=PendingSignIn.attempts + 1)
            .returning(PendingSignIn.id),
            execution_options=NO_SYNC,
        ).all()
    if not counted:
        raise PendingSignInError


def _find(
    session: Session, token: str | None, purpose: str, *, lock: bool = False
) -> PendingSignIn | None:
    if not token or len(token) > COOKIE_LENGTH:
        return None
    query = (
        select(PendingSignIn)
        .where(
            PendingSignIn.token_hash == hash_cookie(token),
            PendingSignIn.purpose == purpose,
            PendingSignIn.used_at.is_(None),
            PendingSignIn.expires_at > clock.utcnow(),
        )
        .execution_options(populate_existing=True)
    )
    return session.scalar(query.with_for_update() if lock else query)
