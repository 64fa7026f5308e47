"""What the watchers of several machines know of each other."""

from collections.abc import Iterator
from datetime import datetime, timedelta

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from webapp.domain.watch.alarm_kinds import Trouble
from webapp.models import WatcherRound
from webapp.process_identity import machine_name
from webapp.services.transactions import reading, transaction
from webapp.services.watch.found import Found

FRESH = timedelta(seconds=60)
"""A watcher that is well completes a round within this time."""

SILENT_AFTER = timedelta(minutes=3)
FORGOTTEN_AFTER = timedelta(hours=6)


def find_silent_watchers(session: Session, now: datetime) -> Iterator[Found]:
    """Yield each other machine whose watcher has fallen silent at `now` (UTC)."""
    for one in _others(session):
        silent_for = now - (one.completed_at or one.began_at)
        if SILENT_AFTER < silent_for <= FORGOTTEN_AFTER:
            minutes = silent_for // timedelta(minutes=1)
            sentence = f"The watcher of {one.machine} has not completed a round for {minutes} min."
            yield Found(Trouble.WATCHER, one.machine, sentence)


def machines_not_seen_from_here(session: Session, now: datetime) -> list[str]:
    """Return the other machines that have a watcher, or had one until lately."""
    return [one.machine for one in _others(session) if now - one.began_at <= FORGOTTEN_AFTER]


def read_watchers() -> list[WatcherRound]:
    """Return the last round of each machine's watcher, by name."""
    with reading() as session:
        return list_watchers(session)


def list_watchers(session: Session) -> list[WatcherRound]:
    """Do the same as read_watchers() in an open transaction."""
    return list(session.scalars(select(WatcherRound).order_by(WatcherRound.machine)))


def record_round(began_at: datetime, completed_at: datetime) -> None:
    """Record that this machine's watcher has completed a round."""
    with transaction() as session:
        mine = session.get(WatcherRound, machine_name())
        if mine is None:
            mine = WatcherRound(machine=machine_name())
            session.add(mine)
        mine.began_at, mine.completed_at = began_at, completed_at


def record_heartbeat(answer: str, now: datetime) -> None:
    """Record what became of this machine's last call of the outside heartbeat."""
    with transaction() as session:
        mine = session.get(WatcherRound, machine_name())
        if mine is not None:
            mine.heartbeat_at, mine.heartbeat_answer = now, answer


def end_watcher() -> None:
    """Record that this machine's watcher was stopped on purpose."""
    with transaction() as session:
        session.execute(delete(WatcherRound).where(WatcherRound.machine == machine_name()))


def _others(session: Session) -> list[WatcherRound]:
    statement = select(WatcherRound).where(WatcherRound.machine != machine_name())
    return list(session.scalars(statement.order_by(WatcherRound.machine)))
