"""Drills: a made-up critical report goes through the real chain until somebody takes its ticket.

`start_drill` puts the report into the inbox, `process_drill` lets the poll's own functions write
the ticket, and messages go the way of all messages. `follow_drill` looks how far it has come, as
often as it is called: all that it knows is in the database, so it may be interrupted at any time.
"""

import secrets
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import content_hash, raw_text
from webapp.domain.routing import missing_settings
from webapp.domain.watch.drill import DRILL_PREFIX, MOST_DAYS_BETWEEN, build_drill_report, find_next
from webapp.models import Connection, Drill, InboxRow, NotificationSettings
from webapp.services.audit import record_event
from webapp.services.edition import has_integration, require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_connection, get_row
from webapp.services.polling.process_report import process_report
from webapp.services.restored import are_messages_held
from webapp.services.transactions import reading, transaction
from webapp.services.watch.close_drill import close_drill
from webapp.services.watch.drill_stations import find_problem, read_times

NO_CONNECTION = (
    "A drill needs a connection that has been polled successfully and whose routing is complete."
)
RUNNING = "A drill is running already."
HELD = "Messages are held since the restore, so nobody would be told: release them first."


def start_drill(actor_id: int | None = None, connection_id: int | None = None) -> Drill:
    """Put a made-up critical report into the inbox of a connection, the first started one.

    Nothing is asked of Huntress, and no customer has to do with it: the ticket goes to triage.
    Raises RefusedError where a drill is running, a restore holds messages or no connection is
    ready, NotFoundError, EditionError.
    """
    require_enterprise()
    now = clock.utcnow()
    with transaction() as session:
        connection = _choose(session, connection_id)
        get_connection(session, connection.id, lock=True)
        if session.scalar(select(Drill.id).where(Drill.ended_at.is_(None)).limit(1)) is not None:
            raise RefusedError(RUNNING)
        if are_messages_held(session):
            raise RefusedError(HELD)
        key = f"{DRILL_PREFIX}{secrets.token_hex(6)}"
        drill = Drill(
            connection_id=connection.id,
            external_key=key,
            started_by_id=actor_id,
            started_at=now,
            stations={"inbox": now.isoformat()},
        )
        session.add_all([drill, _report(connection.id, key, now)])
        session.flush()
        record_event(
            session,
            action="drill.started",
            subject_type="connection",
            subject_id=connection.id,
            after={"drill": key},
            actor_id=actor_id,
        )
        return drill


def _choose(session: Session, connection_id: int | None) -> Connection:
    if connection_id is not None:
        found = [get_connection(session, connection_id)]
    else:
        found = list(
            session.scalars(
                select(Connection)
                .where(Connection.polling_started_at.is_not(None))
                .order_by(Connection.polling_started_at, Connection.id)
            )
        )
    for connection in found:
        is_there = connection.disconnected_at is None and connection.last_success_at is not None
        if is_there and not missing_settings(connection):
            return connection
    raise RefusedError(NO_CONNECTION)


def _report(connection_id: int, key: str, now: datetime) -> InboxRow:
    report = build_drill_report(key, now)
    return InboxRow(
        connection_id=connection_id,
        external_key=key,
        payload=raw_text(report),
        content_hash=content_hash(report),
        updated_at=now.replace(microsecond=0),
        fetched_at=now,
        first_fetched_at=now,
        next_try_at=now,
    )


def process_drill(drill_id: int) -> bool:
    """Let the poll's own functions write the ticket; return whether the report was processed.

    The drill is followed so far. Raises NotFoundError, GlobalProcessingError.
    """
    with reading() as session:
        drill = _load(session, drill_id)
    is_processed = process_report(drill.connection_id, drill.external_key)
    follow_drill(drill_id, clock.utcnow())
    return is_processed


def follow_drill(drill_id: int, now: datetime) -> Drill:
    """Note which stations were reached until `now` (UTC); return the drill.

    Once the ticket was taken it is closed. A station that was not reached in time, or cannot be any
    more, ends the drill: `failed_at` names it and `problem` says what is missing. Its ticket is
    closed then, too. A drill that has ended stays as it is. Raises NotFoundError.
    """
    with transaction() as session:
        drill = _load(session, drill_id, lock=True)
        if drill.ended_at is not None:
            return drill
        times = read_times(session, drill)
        if times.get("taken") is not None and times.get("closed") is None:
            close_drill(session, drill, "The drill has reached its end: the ticket was taken.", now)
            times["closed"] = now
        drill.stations = {name: at.isoformat() for name, at in times.items() if at is not None}
        following = find_next(times)
        if following is None:
            drill.ended_at = now
            return drill
        station, since = following
        is_late = now - (since or drill.started_at) > station.limit
        problem = find_problem(session, drill, station.name, is_late=is_late, now=now)
        if problem is not None:
            drill.failed_at, drill.problem, drill.ended_at = station.name, problem, now
            close_drill(session, drill, f"The drill has failed. {problem}", now)
        return drill


def follow_drills(now: datetime) -> list[int]:
    """Follow every drill that is running; return their ids."""
    with reading() as session:
        running = list(session.scalars(select(Drill.id).where(Drill.ended_at.is_(None))))
    for drill_id in running:
        follow_drill(drill_id, now)
    return running


def start_due_drill(now: datetime) -> Drill | None:
    """Start the drill that is due by the schedule, so many days after the last one began.

    None where none is due or none can be started. Without a first one, which a person starts, none
    ever is due: nobody is paged by a setting that was only just saved.
    """
    if not has_integration():
        return None
    with reading() as session:
        settings = session.get(NotificationSettings, 1)
        days = settings.drill_every_days if settings else None
        last = session.scalar(select(Drill.started_at).order_by(Drill.id.desc()).limit(1))
    if not days or last is None or now - last < timedelta(days=days):
        return None
    try:
        return start_drill()
    except RefusedError:
        return None


def schedule_drills(days: int | None, *, actor_id: int | None = None) -> None:
    """Let a drill begin every so many days, None for never. Raises FieldError, EditionError."""
    require_enterprise()
    if days is not None and not 1 <= days <= MOST_DAYS_BETWEEN:
        raise FieldError({"days": f"Choose 1 to {MOST_DAYS_BETWEEN} days, or leave it empty."})
    with transaction() as session:
        settings = session.get(NotificationSettings, 1, with_for_update=True)
        if settings is None:
            settings = NotificationSettings(id=1)
            session.add(settings)
        before = settings.drill_every_days
        if before == days:
            return
        settings.drill_every_days = days
        settings.updated_at = clock.utcnow()
        record_event(
            session,
            action="drill.scheduled",
            subject_type="notification_settings",
            before={"every_days": before},
            after={"every_days": days},
            actor_id=actor_id,
        )


def read_drill_schedule() -> int | None:
    """Return every how many days a drill begins, None for never."""
    with reading() as session:
        settings = session.get(NotificationSettings, 1)
        return settings.drill_every_days if settings else None


def _load(session: Session, drill_id: int, *, lock: bool = False) -> Drill:
    return get_row(session, Drill, drill_id, f"There is no drill {drill_id}.", lock=lock)
