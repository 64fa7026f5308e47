"""The poll cycle of one connection, from claim to result.

1. Claim the connection's lease, or join the run that holds it.
2. Walk the incident reports down to the low boundary; each page goes into the inbox.
3. Move the cursor once the walk has reached its boundary.
4. Fetch details with the calls that are free, and process the inbox - also when the walk failed.
5. Sweep all open incidents where that is due.
6. Fill in details that came late, and record the result.
"""

import logging
from collections.abc import Mapping
from contextlib import closing
from dataclasses import replace
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.config import Config
from webapp.domain.cursor_walk import WalkError
from webapp.domain.routing import missing_settings
from webapp.extensions import current_config
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.log_context import log_fields
from webapp.models import Connection, PollRun
from webapp.models.poll_run import COMPLETED, ERROR, INTERRUPTED, RUNNING
from webapp.outage import DATABASE
from webapp.services.audit import record_event
from webapp.services.calls.open_client import (
    MissingCredentialsError,
    UnreadableCredentialsError,
    open_client,
    require_credentials,
)
from webapp.services.edition import has_integration
from webapp.services.lookups import get_connection
from webapp.services.notices.tell import release_messages
from webapp.services.polling.cycle import Cycle
from webapp.services.polling.database_outage import DATABASE_PAUSES, has_come_back
from webapp.services.polling.fetch_details import fetch_details
from webapp.services.polling.fill_details import fill_details
from webapp.services.polling.fill_remediations import fill_remediations
from webapp.services.polling.give_back import give_back, give_back_own_leases, note_lease_lost
from webapp.services.polling.outcome import (
    SKIP_WORDS,
    SKIPS_THAT_FAIL,
    PollOutcome,
    describe_for_log,
)
from webapp.services.polling.process_inbox import GlobalProcessingError, process_inbox
from webapp.services.polling.relink_tickets import relink_at_end
from webapp.services.polling.sweep_incidents import is_sweep_due, sweep_incidents
from webapp.services.polling.walk_incidents import may_have_missed, walk_incidents
from webapp.services.portal_links import portal_template
from webapp.services.schedule.lease import (
    Lease,
    LeaseLostError,
    PolledConnection,
    claim,
    give_back_leases_of_the_dead,
)
from webapp.services.schedule.pauses import end_pause
from webapp.services.schedule.run_log import mark_interrupted, record_skip, start_run
from webapp.services.transactions import DATABASE_AWAY, reading, transaction

JOIN_SECONDS = 0.5
"""How long a poll waits before it looks again whether another process's run is over."""

CLAIM_TRIES = 3
"""How often a command tries to claim a connection that nobody seems to poll."""

log = logging.getLogger(__name__)


def poll_connection(
    connection_id: int,
    *,
    trigger: str,
    actor_id: int | None = None,
    sweep: bool = False,
    wait_for_running: bool = False,
) -> PollOutcome:
    """Run one poll cycle of a connection, in this process; safe to repeat at any time.

    With the `trigger` "schedule", "timer" or "manual" it polls only if a poll is due or was asked
    for. With "command" it always polls, and the first poll begins the connection's schedule.
    `sweep` asks for a look at all open incidents. If another process is polling the connection,
    that run is returned as it is, or with `wait_for_running` once it has ended. Errors of Huntress
    and of processing are part of the outcome.
    Raises NotFoundError.
    """
    config = current_config()
    if not has_integration():
        return PollOutcome(skip_reason="edition")
    if sweep:
        _request_sweep(connection_id)
    try:
        begun = _begin(connection_id, trigger, actor_id, config)
        while wait_for_running and isinstance(begun, PollOutcome) and begun.is_running:
            finished = _wait_for_end(begun.joined_run_id)
            if finished is not None:
                return PollOutcome(run=finished, joined_run_id=finished.id)
            begun = _begin(connection_id, trigger, actor_id, config)
        return _run(begun, config) if isinstance(begun, Cycle) else begun
    except (SystemExit, KeyboardInterrupt):
        give_back_own_leases()  # between claim and cycle, or while the result was recorded
        raise


def _wait_for_end(run_id: int | None) -> PollRun | None:
    """Wait for the end of another process's run and return it.

    Returns None if it was interrupted or its lease ran out.
    """
    while True:
        clock.sleep(JOIN_SECONDS)
        run = _run_by_id(run_id)
        if run is None or run.state == INTERRUPTED:
            return None
        if run.state != RUNNING:
            return run
        if _is_abandoned(run):
            return None


def _is_abandoned(run: PollRun) -> bool:
    give_back_leases_of_the_dead(clock.utcnow())
    with reading() as session:
        expires_at = session.scalars(
            select(Connection.lease_expires_at).where(
                Connection.id == run.connection_id, Connection.lease_token == run.lease_token
            )
        ).one_or_none()
    return expires_at is not None and expires_at <= clock.utcnow()


def _request_sweep(connection_id: int) -> None:
    with transaction() as session:
        get_connection(session, connection_id).sweep_requested_at = clock.utcnow()


def _begin(
    connection_id: int, trigger: str, actor_id: int | None, config: Config
) -> Cycle | PollOutcome:
    """Claim the connection, or join the run that holds it, or return why neither is possible."""
    for _ in range(CLAIM_TRIES):
        begun = _claim(connection_id, trigger, actor_id, config) or _join(connection_id)
        if (
            isinstance(begun, PollOutcome)
            and begun.is_running
            and give_back_leases_of_the_dead(clock.utcnow())
        ):
            continue  # the process of that run has ended
        if isinstance(begun, Cycle) or begun.skip_reason != "not_due" or trigger != "command":
            break  # otherwise the run that held the lease has just ended: claim again
    return begun


def _claim(
    connection_id: int, trigger: str, actor_id: int | None, config: Config
) -> Cycle | PollOutcome | None:
    """Claim the connection and start the run's record, or record why the poll is skipped.

    Returns None when the connection cannot be claimed now.
    """
    with transaction() as session:
        claimed = claim(
            session,
            connection_id,
            seconds=config.lease_seconds,
            only_if_due=trigger != "command",
        )
        if claimed is None:
            return None
        lease, connection = claimed
        now = clock.utcnow()
        if connection.paused_until is not None and connection.paused_until <= now:
            end_pause(session, connection_id, now)
            connection = replace(connection, paused_at=None, paused_until=None)
        if connection.previous_lease_token:
            mark_interrupted(session, connection.previous_lease_token)
        reason = _reason_to_skip(connection, trigger)
        values = {"trigger": trigger, "actor_id": actor_id}
        if reason is None:
            if connection.polling_started_at is None:
                connection = _start_schedule(session, lease, connection, actor_id)
            run = start_run(
                session,
                connection_id,
                token=lease.token,
                cursor_before=connection.cursor,
                **values,
            )
            template = portal_template(connection.portal_template)
            return Cycle(connection, lease, run, portal_url=template)
        run_id = _skip(session, lease, connection, reason, values)
    return PollOutcome(run=_run_by_id(run_id), skip_reason=reason)


def _skip(
    session: Session,
    lease: Lease,
    connection: PolledConnection,
    reason: str,
    values: Mapping[str, Any],
) -> int:
    """Give the lease back without a poll and record why; return the id of the run's row."""
    error = SKIP_WORDS[reason] if reason in SKIPS_THAT_FAIL else None
    changes = {"last_error": error, "last_error_at": clock.utcnow()} if error else {}
    if connection.was_interrupted:
        changes["is_walk_cut_off"] = True  # the sweep after the interrupted run is still due
    lease.release(session, **changes)
    return record_skip(
        session,
        connection.id,
        reason=reason,
        error=error,
        cursor_before=connection.cursor,
        cursor_after=connection.cursor,
        **values,
    )


def _start_schedule(
    session: Session, lease: Lease, connection: PolledConnection, actor_id: int | None
) -> PolledConnection:
    """Begin the schedule with the first poll by command; its time is never changed."""
    now = clock.utcnow()
    lease.fence(session, polling_started_at=now)
    record_event(
        session,
        action="polling.started",
        subject_type="connection",
        subject_id=connection.id,
        actor_id=actor_id,
    )
    return replace(connection, polling_started_at=now)


def _reason_to_skip(connection: PolledConnection, trigger: str) -> str | None:
    if connection.disconnected_at is not None:
        return "inactive"
    if connection.paused_at is not None:
        return "paused"
    if missing_settings(connection):
        return "routing_config_incomplete"
    try:
        require_credentials(connection)
    except UnreadableCredentialsError:
        return "unreadable_credentials"
    except MissingCredentialsError:
        return "missing_credentials"
    is_started = connection.polling_started_at is not None or trigger == "command"
    return None if is_started else "not_started"


def _join(connection_id: int) -> PollOutcome:
    """Return the run that holds the lease; without one, the outcome is that no poll was due."""
    with reading() as session:
        get_connection(session, connection_id)
        run = session.scalars(
            select(PollRun)
            .join(Connection, Connection.lease_token == PollRun.lease_token)
            .where(Connection.id == connection_id)
            .execution_options(populate_existing=True)
        ).one_or_none()
    if run is None:
        return PollOutcome(skip_reason="not_due")
    return PollOutcome(run=run, joined_run_id=run.id)


def _run_by_id(run_id: int | None) -> PollRun | None:
    with reading() as session:
        return session.get(PollRun, run_id, populate_existing=True)


def _run(cycle: Cycle, config: Config) -> PollOutcome:
    """Run the claimed cycle and record its result; what is logged meanwhile names both."""
    with log_fields(connection=cycle.connection.id, run=cycle.run.run_id):
        return _run_and_record(cycle, config)


def _run_and_record(cycle: Cycle, config: Config) -> PollOutcome:
    error: str | None = None
    try:
        client = open_client(cycle.connection, config, on_wait=cycle.on_wait)
        with closing(client):
            cycle.use(client)
            _poll_in_spite_of_the_database(cycle)
    except LeaseLostError:
        note_lease_lost(cycle)
        return PollOutcome(run=_run_by_id(cycle.run.run_id))
    except (SystemExit, KeyboardInterrupt):
        give_back(cycle)
        raise
    except HuntressError as problem:
        error = problem.sentence
        if problem.kind is ErrorKind.SERVER_ERROR:
            error += " Polling goes on by itself once it recovers."
    except (WalkError, GlobalProcessingError) as problem:
        error = str(problem)
    except Exception as problem:
        if isinstance(problem, DATABASE_AWAY):
            DATABASE.begin(str(problem.orig))
        else:
            log.exception("the poll of connection %s failed", cycle.connection.id)
        error = f"Internal error ({type(problem).__name__}); the log has the details."
    run = _finish(cycle, error) or _run_by_id(cycle.run.run_id)
    _log_end(cycle, run)
    return PollOutcome(run=run)


def _log_end(cycle: Cycle, run: PollRun | None) -> None:
    """Log the whole story of a poll in one line; a command tells it on stdout as well."""
    if run is None:
        return
    is_failure = run.state == ERROR and run.trigger != "command"
    name = cycle.connection.name
    level = logging.WARNING if is_failure else logging.INFO
    log.log(level, "Connection %s (%s): %s", run.connection_id, name, describe_for_log(run))


def _poll_in_spite_of_the_database(cycle: Cycle) -> None:
    """Poll, and begin again where the database was away for a while.

    Every step may be repeated. What was being processed meanwhile is not to blame. Raises what
    `_poll` raises, in the end also the database's own errors.
    """
    for pause in DATABASE_PAUSES:
        try:
            _poll(cycle)
            return
        except (*DATABASE_AWAY, GlobalProcessingError) as problem:
            if not has_come_back(cycle, problem, pause):
                raise
    _poll(cycle)


def _poll(cycle: Cycle) -> None:
    walk, problem = walk_incidents(cycle)
    if cycle.wanted_agents or cycle.wanted_organizations:
        fetch_details(cycle)
    process_inbox(cycle)
    if isinstance(problem, HuntressError):
        raise problem
    if is_sweep_due(cycle, walk_was_long=may_have_missed(cycle, walk)):
        sweep_incidents(cycle)
    if cycle.has_pending_details:
        fill_details(cycle)
        fill_remediations(cycle)
    relink_at_end(cycle)
    if problem is not None:  # the list cannot be walked; the sweep found what is open
        raise problem


def _finish(cycle: Cycle, error: str | None) -> PollRun | None:
    """Record the result and give the lease back; returns None if that was not possible."""
    now = clock.utcnow()
    budget = cycle.client.budget if cycle.has_client else None
    cycle.run.values.update(
        api_calls=budget.calls if budget else 0,
        waited_seconds=budget.waited_seconds if budget else 0.0,
        cursor_after=cycle.cursor or cycle.connection.cursor,
    )
    values: dict[str, object] = {"is_walk_cut_off": cycle.is_walk_cut_off}
    if cycle.cursor is not None:
        values["cursor"] = cycle.cursor
    if cycle.seconds_ahead is not None:
        values["huntress_skew_seconds"] = cycle.seconds_ahead
    if error is None:
        values.update(last_success_at=now, last_error=None, last_error_at=None)
    else:
        values.update(last_error=error, last_error_at=now)
    for pause in (*DATABASE_PAUSES, None):
        try:
            with transaction() as session:
                cycle.lease.release(session, **values)
                if cycle.run.counts["created"] or cycle.run.counts["noted"]:
                    release_messages(session, cycle.connection.id, now)
                return cycle.run.finish(session, ERROR if error else COMPLETED, error=error)
        except LeaseLostError:
            note_lease_lost(cycle)
            return None
        except DATABASE_AWAY as problem:
            if pause is None:
                log.error(
                    "connection %s: the result of the poll could not be recorded, so it is polled"
                    " again as soon as possible (%s)",
                    cycle.connection.id,
                    type(problem).__name__,
                )
            else:
                clock.sleep(pause)
    return None
