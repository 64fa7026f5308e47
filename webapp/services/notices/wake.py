"""Waking the worker once what is to be told has been committed."""

import time
from collections.abc import Iterable
from typing import Any

from sqlalchemy import event
from sqlalchemy.orm import Session

from webapp.task_queue import QueueUnavailableError, enqueue

_TARGETS = "triagedesk_wake_targets"
_QUIET_SECONDS = 15.0
"""After a failure, Redis is left alone for so long: nobody may wait for it again and again."""

_failed_at: float | None = None


def wake_after_commit(session: Session, target_ids: Iterable[int]) -> None:
    """Enqueue a delivery to each of the targets once this transaction is committed.

    It only makes things faster: the schedule looks every few seconds for what is due, and the
    watcher does it where no worker is alive.
    """
    session.info.setdefault(_TARGETS, set()).update(target_ids)


def enqueue_deliveries(target_ids: Iterable[int]) -> None:
    """Enqueue a delivery to each target, unless Redis failed a moment ago; never raises for that.

    Nothing is enqueued for a target whose delivery waits or runs.
    """
    global _failed_at
    if _failed_at is not None and time.monotonic() - _failed_at < _QUIET_SECONDS:
        return
    try:
        for target_id in sorted(target_ids):
            enqueue("deliver", job_id=f"deliver-{target_id}", target_id=target_id)
        _failed_at = None
    except QueueUnavailableError:
        _failed_at = time.monotonic()


@event.listens_for(Session, "after_commit")
def _wake(session: Any) -> None:
    if not session.in_nested_transaction():
        enqueue_deliveries(session.info.pop(_TARGETS, ()))


@event.listens_for(Session, "after_soft_rollback")
def _forget(session: Any, _previous: Any) -> None:
    if not session.in_nested_transaction():
        session.info.pop(_TARGETS, None)
