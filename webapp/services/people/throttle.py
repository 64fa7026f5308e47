"""Counting guesses at passwords and codes, for an account as well as for an address.

The counts are in the database: they hold over all web servers and without Redis. Each try is
counted before anything is checked, in one short transaction.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from hashlib import sha256
from math import ceil

from sqlalchemy import delete, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.caller import caller_of
from webapp.domain.security.throttle import (
    Counted,
    Failures,
    begins_wait,
    next_failures,
    taken_back,
    wait_left,
)
from webapp.models import Device, SignInThrottle, User
from webapp.services.audit import record_event
from webapp.services.errors import RefusedError
from webapp.services.people.addresses import as_looked_up, user_by_email
from webapp.services.people.sessions import device_tokens
from webapp.services.people.tokens import hash_cookie
from webapp.services.transactions import reading, transaction

KEPT_FOR = timedelta(hours=24)


class ThrottledError(RefusedError):
    """Too many tries failed; the next may be made in `retry_after` seconds."""

    def __init__(self, wait: timedelta) -> None:
        self.retry_after = ceil(wait.total_seconds())
        super().__init__(f"Too many tries failed. Wait {_in_words(self.retry_after)}, then go on.")


@dataclass(frozen=True, slots=True, order=True)
class AttemptKey:
    """What a try is counted for; `name` is never a secret and never an address that was typed."""

    kind: Counted
    name: str

    @property
    def stored(self) -> str:
        """The key in the database."""
        return f"{self.kind}:{self.name}"


def sign_in_keys(email: str, address: str | None, device_token: str | None) -> list[AttemptKey]:
    """What signing in is counted for: a known browser alone, else account and address. Only reads.

    The account is counted under a hash of what is looked up: nobody can tell from the answer
    whether it exists, and a password that was typed in its place is stored nowhere.
    """
    with reading() as session:
        user = user_by_email(session, email)
        known = None if user is None else _known_device(session, user.id, device_token)
    if known is not None:
        return [AttemptKey(Counted.DEVICE, known)]
    return [_account_key(email), address_key(address)]


def address_key(address: str | None) -> AttemptKey:
    """The key of an address, or of its /64 network if it is an IPv6 one."""
    return AttemptKey(Counted.ADDRESS, caller_of(address or "unknown")[:60])


def session_key(reference: str) -> AttemptKey:
    """The key of a session in which a password or code is shown again.

    Whoever took one of a person's sessions over cannot make them wait in the others.
    """
    return AttemptKey(Counted.SESSION, reference)


def factor_key(user_id: int, device_token: str | None = None) -> AttemptKey:
    """The key of somebody whose second factor is asked for; known browsers have their own.

    Whoever knows the password and guesses codes cannot keep the owner out that way, and takes
    nothing back from this count by showing the password again. Only reads.
    """
    with reading() as session:
        known = _known_device(session, user_id, device_token)
    return AttemptKey(Counted.FACTOR, f"{user_id}:{known}" if known else str(user_id))


def reserve_attempt(keys: Sequence[AttemptKey]) -> None:
    """Count a try for each key before it is checked; raises ThrottledError if one has to wait.

    A try that has to wait is not counted. Two at the same moment are counted one after the other.
    """
    try:
        _reserve(keys)
    except IntegrityError:  # another request has just counted the first try of the same key
        _reserve(keys)


def release_attempt(keys: Sequence[AttemptKey]) -> None:
    """Take back a try that has succeeded."""
    now = clock.utcnow()
    with transaction() as session:
        for key in sorted(keys):
            row = _row(session, key)
            if row is None:
                continue
            left = taken_back(key.kind, _failures(row), now)
            if left is None:
                session.delete(row)
            else:
                _store(row, left)


def forget_guesses(session: Session, user: User) -> None:
    """Forget the counted guesses at a password that was just replaced, in the caller's transaction.

    Whoever guessed until they were given a link does not wait any more. The counts of addresses,
    and of the second factor, stay: a new password proves nothing there.
    """
    devices = session.scalars(select(Device.reference).where(Device.user_id == user.id))
    keys = [_account_key(user.email), *(AttemptKey(Counted.DEVICE, name) for name in devices)]
    stored = [key.stored for key in keys]
    session.execute(delete(SignInThrottle).where(SignInThrottle.key.in_(stored)))


def _reserve(keys: Sequence[AttemptKey]) -> None:
    now = clock.utcnow()
    with transaction() as session:
        rows = {key: _row(session, key) for key in sorted(keys)}
        wait = max(wait_left(_failures(row), now) if row else timedelta(0) for row in rows.values())
        if wait > timedelta(0):
            raise ThrottledError(wait)
        for key, row in rows.items():
            failures = next_failures(key.kind, _failures(row) if row else None, now)
            if row is None:
                row = SignInThrottle(key=key.stored)
                session.add(row)
            _store(row, failures)
            if begins_wait(key.kind, failures):
                _record(session, key, failures)


def _record(session: Session, key: AttemptKey, failures: Failures) -> None:
    shown = key.name if key.kind is not Counted.ACCOUNT else None
    record_event(
        session,
        action="session.throttled",
        subject_type=key.kind.value,
        subject_id=shown,
        after={"failures": failures.count, "until": failures.next_at},
    )


def _account_key(email: str) -> AttemptKey:
    """The key of an account, or of none: everything that is looked up as the same address."""
    return AttemptKey(Counted.ACCOUNT, sha256(as_looked_up(email).encode()).hexdigest())


def _known_device(session: Session, user_id: int, token: str | None) -> str | None:
    hashes = [hash_cookie(one) for one in device_tokens(token)]
    is_this = Device.user_id == user_id, Device.token_hash.in_(hashes)
    return session.scalar(select(Device.reference).where(*is_this))


def _row(session: Session, key: AttemptKey) -> SignInThrottle | None:
    query = select(SignInThrottle).where(SignInThrottle.key == key.stored)
    return session.scalar(query.with_for_update())


def _failures(row: SignInThrottle) -> Failures:
    return Failures(row.failures, row.last_at, row.next_at)


def _store(row: SignInThrottle, failures: Failures) -> None:
    row.failures, row.last_at, row.next_at = failures.count, failures.last_at, failures.next_at


def _in_words(seconds: int) -> str:
    if seconds < 60:
        return f"{seconds} seconds" if seconds > 1 else "a second"
    minutes = -(-seconds // 60)
    return f"{minutes} minutes" if minutes > 1 else "a minute"
