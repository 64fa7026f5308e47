"""Delivering what waits for a target: claim, choose a message, send it, note the answer.

A message is chosen and its attempt counted in one transaction, sent outside of any, and marked in
another. A process that is killed in between sends it again with the same key.
"""

import logging
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from uuid import uuid4

from sqlalchemy import ColumnElement, or_, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.notices.retry import GIVE_UP_AFTER, delay_after, next_try_at
from webapp.extensions import current_config
from webapp.models import OutboxRow, Target
from webapp.models.outbox import OutboxState
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.services.audit import record_event
from webapp.services.notices.choose_rows import FLOOD, choose_rows
from webapp.services.notices.compose_rows import compose_rows
from webapp.services.notices.targets.destinations import read_destination
from webapp.services.notices.write_rows import hurry_tried, lock_rows
from webapp.services.restored import are_messages_free
from webapp.services.transactions import FOR_CHANGE, NO_SYNC, transaction

LEASE = timedelta(seconds=120)
"""Longer than a send can take; after it, another process may deliver to the target."""

LONGEST_RUN = timedelta(minutes=5)
LONGEST_REST = timedelta(minutes=5)
"""After so long a target that does not answer is tried again, with what waits newest."""

OUTAGE = timedelta(minutes=1)
"""A target that has failed for so long was away. What waits for it is sent once it is back, and
after a shorter failure within LONGEST_REST."""

FAILURES_BEFORE_REST = 2
"""So many messages in a row have to fail before the target, and not a message, is to blame."""

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class _Attempt:
    """A message that is about to be sent, with the rows that it tells."""

    row_ids: tuple[int, ...]
    attempts: int
    due_at: datetime
    destination: Destination
    message: Message
    failing_since: datetime | None


def deliver_target(target_id: int, *, only_events: str | None = None) -> int:
    """Send everything that is due to the target; return how many messages were sent.

    Does nothing while another process delivers to it, it is paused or rests after failures, or a
    restore holds messages.
    `only_events` limits it to events that begin so. A message that fails is tried again later, for
    two days; a receiver that refuses the target itself pauses it.
    """
    token = _claim(target_id)
    if token is None:
        return 0
    sent, ends_at = 0, clock.utcnow() + LONGEST_RUN
    try:
        while clock.utcnow() < ends_at:
            attempt = _next_attempt(target_id, token, only_events)
            if attempt is None:
                break
            if not _send(target_id, token, attempt):
                break
            sent += 1
    finally:
        _release(target_id, token)
    return sent


def _claim(target_id: int) -> str | None:
    token, now = secrets.token_hex(8), clock.utcnow()
    with transaction() as session:
        found = session.execute(
            update(Target)
            .where(
                Target.id == target_id,
                Target.paused_at.is_(None),
                are_messages_free(),
                or_(Target.lease_until.is_(None), Target.lease_until <= now),
                or_(Target.rests_until.is_(None), Target.rests_until <= now),
            )
            .values(lease_token=token, lease_until=now + LEASE)
            .returning(Target.id),
            execution_options=NO_SYNC,
        ).one_or_none()
    return token if found else None


def _release(target_id: int, token: str) -> None:
    with transaction() as session:
        session.execute(
            update(Target)
            .where(Target.id == target_id, Target.lease_token == token)
            .values(lease_token=None, lease_until=None),
            execution_options=NO_SYNC,
        )


def _next_attempt(target_id: int, token: str, only_events: str | None) -> _Attempt | None:
    """Choose the next message, count its attempt, and return it; None if nothing is due."""
    while True:
        with transaction() as session:
            target = _hold(session, target_id, token)
            members = choose_rows(session, target, only_events) if target is not None else []
            if target is None or not members:
                return None
            attempt = _prepare(session, target, members)
            if attempt is not None or target.paused_at is not None:
                return attempt


def _hold(session: Session, target_id: int, token: str) -> Target | None:
    """Lock the target and renew the lease; None if it is not ours, or must not be sent to."""
    now = clock.utcnow()
    target = session.get(Target, target_id, with_for_update=FOR_CHANGE)
    if target is None or target.lease_token != token or not _may_send(target, now):
        return None
    target.lease_until = now + LEASE
    return target


def _prepare(session: Session, target: Target, members: Sequence[OutboxRow]) -> _Attempt | None:
    """Count the attempt and compose the message.

    Returns None where that is not possible: the target's secrets cannot be read, which pauses it,
    or the message cannot be composed, which fails alone.
    """
    now, config = clock.utcnow(), current_config()
    key = members[0].message_key or str(uuid4())
    for row in members:
        row.message_key, row.attempts = key, row.attempts + 1
        row.next_try_at = now + delay_after(row.attempts)  # should this process end before it knows
    is_flood = members[0].bundle == FLOOD
    try:
        destination = read_destination(session, target, config)
        with session.begin_nested():
            message = compose_rows(session, members, config, now, is_flood=is_flood)
    except DeliveryError as error:
        _pause(session, target, str(error), now)
        return None
    except (TypeError, ValueError, KeyError, AttributeError) as error:
        log.exception("A message to target %s cannot be composed", target.id)
        for row in members:
            row.state = OutboxState.FAILED
            row.answer = f"It cannot be composed ({type(error).__name__}); the log has the details."
        return None
    return _Attempt(
        row_ids=tuple(row.id for row in members),
        attempts=max(row.attempts for row in members),
        due_at=min(row.due_at for row in members),
        destination=destination,
        message=message,
        failing_since=target.failing_since,
    )


def _may_send(target: Target, now: datetime) -> bool:
    is_resting = target.rests_until is not None and target.rests_until > now
    return target.is_usable and not is_resting


def _send(target_id: int, token: str, attempt: _Attempt) -> bool:
    """Send the message and note the answer; return whether to go on with the target."""
    try:
        answer = send(attempt.destination, attempt.message)
    except DeliveryError as error:
        return _note_failure(target_id, token, attempt, error)
    except Exception as error:
        log.exception("A message to target %s failed", target_id)
        problem = f"Internal error ({type(error).__name__}); the log has the details."
        failure = DeliveryError(Failure.TRANSIENT, problem)
        return _note_failure(target_id, token, attempt, failure)
    _note_success(target_id, attempt, answer)
    return True


def _note_success(target_id: int, attempt: _Attempt, answer: str) -> None:
    now = clock.utcnow()
    with transaction() as session:
        _update_rows(session, attempt, state=OutboxState.SENT, sent_at=now, answer=answer)
        if attempt.failing_since is not None:
            # a message that always fails must not be tried with each one that arrives
            was_away = now - attempt.failing_since >= OUTAGE
            at = now if was_away else now + LONGEST_REST
            hurry_tried(session, OutboxRow.target_id == target_id, now, at=at)
        session.execute(
            update(Target)
            .where(Target.id == target_id)
            .values(
                last_success_at=now,
                last_answer=answer,
                failing_since=None,
                failures=0,
                rests_until=None,
            ),
            execution_options=NO_SYNC,
        )


def _note_failure(target_id: int, token: str, attempt: _Attempt, error: DeliveryError) -> bool:
    now, sentence = clock.utcnow(), str(error)
    with transaction() as session:
        target = session.get(Target, target_id, with_for_update=FOR_CHANGE)
        if target is None or target.lease_token != token:
            return False
        if error.failure is Failure.MESSAGE:
            _update_rows(session, attempt, state=OutboxState.FAILED, answer=sentence)
            return True
        following = next_try_at(
            attempt.attempts, due_at=attempt.due_at, now=now, retry_after=error.retry_after
        )
        if following is None:
            _update_rows(session, attempt, state=OutboxState.FAILED, answer=sentence)
        else:
            _update_rows(session, attempt, next_try_at=following, answer=sentence)
        target.failing_since = target.failing_since or now
        target.failures += 1
        target.last_answer = sentence
        if error.failure is Failure.PERMANENT:
            _pause(session, target, sentence, now)
            return False
        if target.failures >= FAILURES_BEFORE_REST:
            rest = min(delay_after(target.failures - 1, error.retry_after), LONGEST_REST)
            target.rests_until = now + rest
            return False
        return True


def _update_rows(session: Session, attempt: _Attempt, **values: object) -> None:
    """Write what became of the rows.

    One that was dropped meanwhile was on the wire already if it arrived, and stays dropped if not.
    One that an earlier attempt told of, and this one left out, stays as it is.
    """
    is_meant: list[ColumnElement[bool]] = [OutboxRow.id.in_(attempt.row_ids)]
    if values.get("state") != OutboxState.SENT:
        is_meant.append(OutboxRow.state == OutboxState.PENDING)
    lock_rows(session, *is_meant)
    session.execute(update(OutboxRow).where(*is_meant).values(**values), execution_options=NO_SYNC)


def _pause(session: Session, target: Target, sentence: str, now: datetime) -> None:
    """Pause a target that the receiver refuses; an alarm tells of it through the others."""
    target.paused_at, target.pause_reason, target.paused_by_id = now, sentence, None
    record_event(
        session,
        action="target.paused",
        subject_type="target",
        subject_id=target.id,
        after={"reason": sentence},
    )


def expire_messages(now: datetime) -> int:
    """Give up what has waited for two days, as for a target that is paused; return how many.

    What a restore holds waits until somebody decides.
    """
    with transaction() as session:
        expired = session.scalars(
            update(OutboxRow)
            .where(
                OutboxRow.state == OutboxState.PENDING,
                OutboxRow.due_at < now - GIVE_UP_AFTER,
                are_messages_free(),
            )
            .values(
                state=OutboxState.FAILED,
                answer="Not sent within two days: the target was paused or did not answer.",
            )
            .returning(OutboxRow.id),
            execution_options=NO_SYNC,
        ).all()
    if expired:
        log.warning("Gave up %s messages that waited for two days", len(expired))
    return len(expired)
