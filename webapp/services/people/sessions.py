"""Sessions: a signed-in browser is a row that ends by time, by idleness, or by being revoked.

The cookie holds a token, and the row its keyed hash. A session lasts as long as
TRIAGEDESK_SESSION_DAYS says, and ends earlier if it was idle for TRIAGEDESK_SESSION_IDLE_HOURS.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from functools import cache
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    String,
    and_,
    bindparam,
    delete,
    func,
    select,
    update,
)
from sqlalchemy.orm import Session, aliased, contains_eager, joinedload, with_expression

from webapp import clock
from webapp.domain.security.user_agents import describe_user_agent
from webapp.extensions import current_config
from webapp.models import BellItem, Device, PendingSignIn, Restore, SecurityNote, User, UserSession
from webapp.models.columns import UtcDateTime
from webapp.models.user import ADDRESS_LENGTH, USER_AGENT_LENGTH
from webapp.services.audit import Origin, record_event
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.lookups import get_user
from webapp.services.people.absences import read_absence
from webapp.services.people.security_notes import mail_person
from webapp.services.people.tokens import hash_cookie, make_reference, make_token
from webapp.services.transactions import NO_SYNC, reading, transaction

TOUCHED_EVERY = timedelta(minutes=5)
"""When a session was last used is written at most so often, because pages should not write."""
PRESENT_FOR = timedelta(minutes=10)
"""For so long after showing a password or factor a person need not show it again."""
COOKIE_LENGTH = 200
MOST_KNOWN_IN_ONE_BROWSER = 4
"""A browser that people share holds a token for each of them, separated by dots."""


_TOKEN = bindparam("token_hash", type_=String)
_NOW = bindparam("now", type_=UtcDateTime)
_IDLE_SINCE = bindparam("idle_since", type_=UtcDateTime)
_others = aliased(UserSession)


class Method(StrEnum):
    """What was shown first to sign in."""

    PASSWORD = "password"  # noqa: S105 - a word
    PASSKEY = "passkey"
    SINGLE_SIGN_ON = "single-sign-on"


class Factor(StrEnum):
    """What was shown second."""

    APP = "app"
    PASSKEY = "passkey"
    RECOVERY_CODE = "recovery-code"
    PROVIDER = "provider"


class SignInError(RefusedError):
    """The address or the password is wrong; the message does not say which."""

    def __init__(self) -> None:
        super().__init__("The e-mail address or the password is wrong.")


@dataclass(frozen=True, slots=True)
class Browser:
    """What a browser said of itself, and the tokens in its cookies."""

    user_agent: str | None = None
    address: str | None = None
    device_token: str | None = None
    session_token: str | None = None


@dataclass(frozen=True, slots=True)
class BegunSession:
    """A session that has just begun; only here are its tokens known."""

    token: str
    device_token: str
    reference: str


def begin_session(
    user_id: int,
    browser: Browser,
    *,
    method: Method = Method.PASSWORD,
    factor: Factor | None = None,
    password_hash: str | None = None,
    provider_saw_at: datetime | None = None,
) -> BegunSession:
    """Begin a session for somebody who has shown who they are; the browser's former one ends.

    `password_hash` is what their password was checked against. Raises SignInError if that was
    changed, or the user deactivated, meanwhile: such a change ends all sessions, so that no new one
    may begin after it. A browser that is new for somebody who has others is told to them by mail.
    Somebody whom the provider sent was seen at `provider_saw_at`, which may be long ago: a session
    there lets people in without a question. None, where it does not say, is no presence at all.
    """
    now = clock.utcnow()
    token = make_token()
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        if not user.is_active or password_hash not in (None, user.password_hash):
            raise SignInError
        _end_former(session, browser.session_token)
        left_at = read_absence(session, user.id, now)
        session.execute(delete(UserSession).where(UserSession.expires_at <= now))
        device, device_token, is_new = _device_of(session, user, browser, now)
        row = UserSession(
            token_hash=hash_cookie(token),
            user_id=user.id,
            created_at=now,
            last_seen_at=now,
            present_at=provider_saw_at if factor is Factor.PROVIDER else now,
            expires_at=now + current_config().security.session_lifetime,
            user_agent=device.user_agent,
            address=device.address,
            reference=make_reference(),
            method=method,
            factor=factor,
            device_id=device.id,
            left_at=left_at,
        )
        session.add(row)
        _record_begin(session, row, device, is_new)
        return BegunSession(token, device_token, row.reference or "")


def find_session(token: str) -> UserSession | None:
    """The session of a token with its user loaded, or None if it cannot be used.

    It cannot be used if it is expired, idle for too long or revoked, or its user is deactivated.
    Only reads.
    """
    now = clock.utcnow()
    values = {
        _TOKEN.key: hash_cookie(token),
        _NOW.key: now,
        _IDLE_SINCE.key: now - current_config().security.idle_lifetime,
    }
    with reading() as session:
        return session.scalar(_select_session(), values)


@cache
def _select_session() -> Select[UserSession]:
    """SQL for the session of a token; every request asks it, so it is built once."""
    return (
        select(UserSession)
        .join(UserSession.user)
        .where(UserSession.token_hash == _TOKEN, *_lives_at(_NOW, _IDLE_SINCE), User.is_active)
        .options(
            contains_eager(UserSession.user),
            joinedload(UserSession.device),
            with_expression(UserSession.has_notes, _has_notes()),
            with_expression(UserSession.is_held, _is_held()),
            with_expression(UserSession.unread, _count_unread()),
            with_expression(UserSession.last_anywhere_at, _newest(_others.last_seen_at)),
            with_expression(UserSession.left_anywhere_at, _newest(_others.left_at)),
        )
        .execution_options(populate_existing=True)
    )


def _newest(column: Any) -> ColumnElement[datetime]:
    """The newest of a column of all sessions of the same person."""
    found = select(func.max(column)).where(_others.user_id == UserSession.user_id)
    return found.correlate(UserSession).scalar_subquery()


def _has_notes() -> ColumnElement[bool]:
    notes = select(SecurityNote.id).where(
        SecurityNote.user_id == UserSession.user_id, SecurityNote.seen_at.is_(None)
    )
    return notes.exists()


def _count_unread() -> ColumnElement[int]:
    """How many items in the person's bell are unread."""
    unread = select(func.count(BellItem.id)).where(
        BellItem.user_id == UserSession.user_id, BellItem.read_at.is_(None)
    )
    return unread.scalar_subquery()


def _is_held() -> ColumnElement[bool]:
    """Whether a restored backup still waits to be released."""
    return select(Restore.id).where(Restore.released_at.is_(None)).exists()


def is_alive(now: datetime) -> tuple[ColumnElement[bool], ...]:
    """The conditions of a session that can be used, whoever its user is."""
    return _lives_at(now, now - current_config().security.idle_lifetime)


def _lives_at(now: Any, idle_since: Any) -> tuple[ColumnElement[bool], ...]:
    return (
        UserSession.revoked_at.is_(None),
        UserSession.expires_at > now,
        UserSession.last_seen_at > idle_since,
    )


def touch_session(session_id: int, user_id: int, address: str | None) -> None:
    """Note that a person uses their session now, from where, and when they had left before."""
    now = clock.utcnow()
    with transaction() as session:
        left_at = read_absence(session, user_id, now)
        session.execute(
            update(UserSession)
            .where(UserSession.id == session_id, UserSession.last_seen_at < now)
            .values(last_seen_at=now, address=_cut(address, ADDRESS_LENGTH), left_at=left_at),
            execution_options=NO_SYNC,
        )


def sign_out(token: str) -> None:
    """End the session of a token; does nothing if it does not exist or has ended."""
    with transaction() as session:
        _end_former(session, token)


def renew_session(session: Session, token: str) -> str:
    """Give the session of `token` another token, which is returned, within the transaction.

    Whoever copied the cookie before is left with nothing. Raises NotFoundError.
    """
    row = session.scalar(select(UserSession).where(UserSession.token_hash == hash_cookie(token)))
    if row is None:
        raise NotFoundError("This session has ended.")
    renewed = make_token()
    row.token_hash = hash_cookie(renewed)
    row.present_at = clock.utcnow()
    return renewed


def mark_present(session: Session, session_id: int) -> None:
    """Note that the person of a session has just shown who they are once more."""
    session.execute(
        update(UserSession).where(UserSession.id == session_id).values(present_at=clock.utcnow()),
        execution_options=NO_SYNC,
    )


def end_sessions(
    session: Session,
    user_id: int | None,
    *,
    actor_id: int | None,
    except_token: str | None = None,
    except_reference: str | None = None,
) -> int:
    """End every session of a user, or of everybody, but the one that is excepted.

    What they began to sign in is void as well. Happens within the caller's transaction, in which no
    session of theirs can begin any more; returns how many sessions could still be used. `actor_id`
    is None for a command.
    """
    people = select(User.id).order_by(User.id).with_for_update(key_share=True)
    pending = delete(PendingSignIn)
    chosen = [UserSession.token_hash != hash_cookie(except_token or "")]
    if user_id is not None:
        people = people.where(User.id == user_id)
        pending = pending.where(PendingSignIn.user_id == user_id)
        chosen.append(UserSession.user_id == user_id)
    if except_reference is not None:
        chosen.append(UserSession.reference.is_distinct_from(except_reference))
    session.execute(people)
    session.execute(pending, execution_options=NO_SYNC)
    return revoke_sessions(session, *chosen, actor_id=actor_id)


def revoke_sessions(session: Session, *chosen: ColumnElement[bool], actor_id: int | None) -> int:
    """Lock and revoke the sessions of these conditions, within the caller's transaction.

    Each that could still be used is on record; returns how many those were. The others are revoked
    as well, so that no longer TRIAGEDESK_SESSION_IDLE_HOURS brings them back.
    """
    now = clock.utcnow()
    is_open = UserSession.revoked_at.is_(None), *chosen
    found = select(UserSession, and_(*is_alive(now))).where(*is_open).order_by(UserSession.id)
    ended = 0
    for row, was_alive in session.execute(found.with_for_update()).all():
        row.revoked_at = now
        if was_alive:
            ended += 1
            record_event(
                session,
                action="session.ended",
                subject_type="session",
                subject_id=row.reference,
                after={"user": row.user_id},
                actor_id=actor_id,
            )
    return ended


def device_tokens(cookie: str | None) -> list[str]:
    """The tokens in what a browser keeps of its devices; none where it cannot be ours."""
    if not cookie or len(cookie) > COOKIE_LENGTH:
        return []
    return [token for token in cookie.split(".")[:MOST_KNOWN_IN_ONE_BROWSER] if token]


def _end_former(session: Session, token: str | None) -> None:
    """End the session of a token; its own person did."""
    if not token or len(token) > COOKIE_LENGTH:
        return
    is_this = UserSession.token_hash == hash_cookie(token)
    owner_id = session.scalar(select(UserSession.user_id).where(is_this))
    revoke_sessions(session, is_this, actor_id=owner_id)


def _device_of(
    session: Session, user: User, browser: Browser, now: datetime
) -> tuple[Device, str, bool]:
    """The user's device, the browser's tokens, and whether the user has others but not this one.

    Nobody who used a shared browser before knows the token by which somebody else is known in it.
    """
    shown = {hash_cookie(token): token for token in device_tokens(browser.device_token)}
    ours = select(Device.token_hash).where(Device.token_hash.in_(shown))
    tokens = [shown[known] for known in session.scalars(ours.order_by(Device.last_seen_at.desc()))]
    mine = list(session.scalars(select(Device).where(Device.user_id == user.id)))
    device = next((one for one in mine if one.token_hash in shown), None)
    if device is None:
        token = make_token()
        tokens = [token, *tokens][:MOST_KNOWN_IN_ONE_BROWSER]
        device = Device(
            reference=make_reference(),
            token_hash=hash_cookie(token),
            user_id=user.id,
            created_at=now,
        )
        session.add(device)
    device.user_agent = _cut(browser.user_agent, USER_AGENT_LENGTH)
    device.address = _cut(browser.address, ADDRESS_LENGTH)
    device.last_seen_at = now
    session.flush()
    return device, ".".join(tokens), bool(mine) and device not in mine


def _record_begin(session: Session, row: UserSession, device: Device, is_new: bool) -> None:
    record_event(
        session,
        action="session.begun",
        subject_type="session",
        subject_id=row.reference,
        after={"method": row.method, "factor": row.factor, "new_device": is_new},
        actor_id=row.user_id,
        origin=Origin(row.address, row.reference, device.reference),
    )
    if is_new:
        mail_person(
            session,
            row.user_id,
            subject="New sign-in to Triagedesk",
            sentence=(
                f"Somebody signed in as you with {describe_user_agent(row.user_agent)} from"
                f" {row.address or 'an unknown address'}. Was it not you? Then change your password"
                " under Preferences, which ends all other sessions, and tell an admin."
            ),
        )


def _cut(text: str | None, length: int) -> str | None:
    return (text or "")[:length] or None
