"""The record of a poll cycle with its counts and progress, for pages, commands and history."""

from collections import Counter
from collections.abc import Mapping
from datetime import datetime
from typing import Any

from sqlalchemy import Update, insert, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import PollRun
from webapp.models.poll_run import COUNTS, INTERRUPTED, RUNNING, SKIPPED
from webapp.services.transactions import NO_SYNC, transaction

PROGRESS_SECONDS = 1.0
"""The least time between two writes of a running cycle's row."""


class RunLog:
    """The row of a running cycle.

    Counts add up in memory and are written to the database with the progress.
    """

    def __init__(self, run_id: int) -> None:
        self.run_id = run_id
        self.counts = dict.fromkeys(COUNTS, 0)
        self.reasons: Counter[str] = Counter()
        self.values: dict[str, Any] = {}
        self._written_at: datetime | None = clock.utcnow()

    def count(self, **counts: int) -> None:
        """Add to the named counters."""
        for name, number in counts.items():
            self.counts[name] += number

    def count_recorded(self, reasons: Mapping[str, int]) -> None:
        """Count incidents that were recorded without a ticket, each with its reason."""
        self.reasons.update(reasons)
        self.count(recorded=sum(reasons.values()))

    def show(self, phase: str, done: int = 0, total: int | None = None) -> None:
        """Show how far the cycle is; written at most once a second."""
        self.values.update(phase=phase, done=done, total=total, waiting=None)
        self.write_if_due()

    def show_wait(self, seconds: float, reason: str) -> None:
        """Show that the cycle waits; `reason` is in words."""
        self.values["waiting"] = f"{reason}: {max(1, round(seconds))} s left"
        self.write_if_due()

    def write_if_due(self) -> None:
        """Write the row unless it was written less than a second ago."""
        now = clock.utcnow()
        if self._written_at and (now - self._written_at).total_seconds() < PROGRESS_SECONDS:
            return
        with transaction() as session:
            self._write(session, now)

    def finish(self, session: Session, state: str, *, error: str | None = None) -> PollRun | None:
        """Write the outcome, in the caller's transaction, and return the run's row.

        Returns None when the run was marked interrupted meanwhile; its record then stays as it is.
        """
        now = clock.utcnow()
        self.values.update(state=state, error=error, phase=None, waiting=None, finished_at=now)
        return session.scalars(self._update(now).returning(PollRun)).one_or_none()

    def _write(self, session: Session, now: datetime) -> None:
        session.execute(self._update(now), execution_options=NO_SYNC)
        self._written_at = now

    def _update(self, now: datetime) -> Update:
        return (
            update(PollRun)
            .where(PollRun.id == self.run_id, PollRun.state == RUNNING)
            .values(
                updated_at=now,
                recorded_reasons=dict(self.reasons) or None,
                **self.counts,
                **self.values,
            )
        )


def start_run(session: Session, connection_id: int, *, token: str, **values: Any) -> RunLog:
    """Insert the row of a cycle that begins now."""
    now = clock.utcnow()
    result = session.execute(
        insert(PollRun).values(
            connection_id=connection_id,
            lease_token=token,
            state=RUNNING,
            started_at=now,
            updated_at=now,
            **values,
        )
    )
    return RunLog(result.inserted_primary_key[0])  # type: ignore[attr-defined]


def mark_interrupted(session: Session, token: str) -> None:
    """Record that the running run with this lease token was interrupted."""
    session.execute(
        update(PollRun)
        .where(PollRun.lease_token == token, PollRun.state == RUNNING)
        .values(
            state=INTERRUPTED,
            finished_at=clock.utcnow(),
            error="The poll was interrupted; the next one went on where it stopped.",
        ),
        execution_options=NO_SYNC,
    )


def record_skip(session: Session, connection_id: int, *, reason: str, **values: Any) -> int:
    """Record that a poll did nothing, and why; return the row's id.

    Consecutive skips for the same reason share a row.
    """
    now = clock.utcnow()
    last = session.scalars(
        select(PollRun)
        .where(PollRun.connection_id == connection_id)
        .order_by(PollRun.id.desc())
        .limit(1)
    ).one_or_none()
    if last is not None and last.state == SKIPPED and last.skip_reason == reason:
        last.repeats += 1
        last.updated_at = last.finished_at = now
        return last.id
    run = PollRun(
        connection_id=connection_id,
        state=SKIPPED,
        skip_reason=reason,
        started_at=now,
        updated_at=now,
        finished_at=now,
        **values,
    )
    session.add(run)
    session.flush()
    return run.id
