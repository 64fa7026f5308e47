"""Reading the proofs: the latest of each connection, a strip of days, and all of them as rows."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.proof import COUNTED, describe_counts
from webapp.models import Proof
from webapp.services.transactions import reading

STRIP_DAYS = 90
COLUMNS = (
    *("day", "days", "started_at", "finished_at", "calls", "listed"),
    *(account.value for account in COUNTED),
    *("healed", "unexplained_ids", "error"),
)
"""The columns of an export, in this order."""


class DayState(StrEnum):
    """How the proofs of a day went, the worst last."""

    NONE = "none"
    CLEAN = "clean"
    FAILED = "failed"
    UNEXPLAINED = "unexplained"


@dataclass(frozen=True, slots=True)
class ProofView:
    """A proof. Times are UTC; one without `finished_at` is being made.

    `counts` holds `listed`, the counts that add up to it, and `healed`.
    """

    connection_id: int
    day: date
    days: int
    started_at: datetime
    finished_at: datetime | None
    calls: int
    counts: dict[str, int]
    unexplained_ids: tuple[str, ...]
    error: str | None

    @property
    def words(self) -> str:
        """The result as a sentence."""
        if self.error is not None and not self.counts["listed"]:
            return self.error
        words = f"{describe_counts(self.counts)}."
        return f"{words} {self.error}" if self.error else words

    @property
    def state(self) -> DayState:
        """How it went; one that is being made and found nothing so far is NONE."""
        if self.counts["unexplained"]:
            return DayState.UNEXPLAINED
        if self.error is not None:
            return DayState.FAILED
        return DayState.NONE if self.finished_at is None else DayState.CLEAN

    def as_dict(self) -> dict[str, object]:
        """Return the counts and the circumstances for JSON."""
        return {
            **self.counts,
            "success": self.error is None,
            "error": self.error,
            "unexplained_ids": list(self.unexplained_ids),
            "days": self.days,
            "calls": self.calls,
        }


@dataclass(frozen=True, slots=True)
class ProofDay:
    """A day (UTC) of a strip; `proof` is the one that decided its state, None without one."""

    day: date
    state: DayState
    proof: ProofView | None


def view_proof(proof: Proof) -> ProofView:
    """Return the row of a proof as it is shown."""
    names = ("listed", *(account.value for account in COUNTED), "healed")
    return ProofView(
        connection_id=proof.connection_id,
        day=proof.day,
        days=proof.days,
        started_at=proof.started_at,
        finished_at=proof.finished_at,
        calls=proof.calls,
        counts={name: getattr(proof, name) for name in names},
        unexplained_ids=tuple(proof.unexplained_ids),
        error=proof.error,
    )


def latest_proofs(session: Session) -> dict[int, ProofView]:
    """Return the latest finished proof of each connection that has one, by connection."""
    newest = (
        select(func.max(Proof.id))
        .where(Proof.finished_at.is_not(None))
        .group_by(Proof.connection_id)
    )
    rows = session.scalars(select(Proof).where(Proof.id.in_(newest)))
    return {row.connection_id: view_proof(row) for row in rows}


@dataclass(frozen=True, slots=True)
class ProofStrip:
    """The last days of a connection, oldest first, and its latest finished proof.

    `is_running` says that a proof is being made.
    """

    days: Sequence[ProofDay]
    latest: ProofView | None
    is_running: bool


def read_strip(connection_id: int, days: int = STRIP_DAYS) -> ProofStrip:
    """Return the last `days` days (UTC) of a connection up to today."""
    now = clock.utcnow()
    first = now.date() - timedelta(days=days - 1)
    with reading() as session:
        rows = session.scalars(
            select(Proof)
            .where(Proof.connection_id == connection_id, Proof.day >= first)
            .order_by(Proof.id)
            .execution_options(populate_existing=True)
        )
        proofs = [view_proof(row) for row in rows]
    by_day: dict[date, list[ProofView]] = {}
    for proof in proofs:
        by_day.setdefault(proof.day, []).append(proof)
    strip = [_day(one, by_day.get(one, [])) for one in _days(first, days)]
    finished = [proof for proof in proofs if proof.finished_at is not None]
    running = [proof for proof in proofs if proof.finished_at is None]
    is_running = any(now - proof.started_at < timedelta(minutes=20) for proof in running)
    return ProofStrip(strip, finished[-1] if finished else None, is_running)


def _days(first: date, count: int) -> Iterator[date]:
    return (first + timedelta(days=number) for number in range(count))


def _day(day: date, proofs: Sequence[ProofView]) -> ProofDay:
    """Return the state of a day: once something was unexplained it stays so.

    A proof that failed does not count where another one of the day succeeded.
    """
    for state in (DayState.UNEXPLAINED, DayState.CLEAN, DayState.FAILED):
        decisive = [proof for proof in proofs if proof.state is state]
        if decisive:
            return ProofDay(day, state, decisive[-1])
    return ProofDay(day, DayState.NONE, None)


def export_rows(connection_id: int) -> list[list[object]]:
    """Return all proofs of a connection as rows with a heading, the latest first."""
    with reading() as session:
        proofs = session.scalars(
            select(Proof).where(Proof.connection_id == connection_id).order_by(Proof.id.desc())
        )
        return [list(COLUMNS), *([_cell(getattr(one, name)) for name in COLUMNS] for one in proofs)]


def _cell(value: object) -> object:
    if isinstance(value, list):
        return " ".join(str(one) for one in value)
    return value.isoformat() if isinstance(value, date) else value
