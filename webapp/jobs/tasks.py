"""The functions that the worker runs, by name; the work itself is done in services."""

import logging
import os
from collections.abc import Callable, Mapping
from typing import Any

from sqlalchemy.exc import SQLAlchemyError

from webapp.clock import utcnow
from webapp.domain.polling_health import SCHEDULE
from webapp.extensions import current_config, db
from webapp.outage import DATABASE
from webapp.services.audit_trail.advance_trail import (
    chain_and_seal,
    is_trail_waiting,
    send_and_verify,
)
from webapp.services.errors import RefusedError
from webapp.services.notices.deliver import deliver_target
from webapp.services.notices.escalate import find_due_targets
from webapp.services.notices.personal.mail_notes import mail_security_notes
from webapp.services.notices.wake import enqueue_deliveries
from webapp.services.operations.upkeep import do_upkeep
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.proof.due_proofs import enqueue_due_proofs
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.recovery.read_backups import enqueue_due_backup
from webapp.services.recovery.run_backup import BY_PERSON, make_backup_now, make_due_backups
from webapp.services.retention.go_on import go_on_with_all
from webapp.services.schedule.due_connections import find_due_connections
from webapp.services.schedule.lease import give_back_leases_of_the_dead
from webapp.services.transactions import DATABASE_AWAY, first_line
from webapp.services.watch.advance_notices import advance_notices
from webapp.services.watch.drill import process_drill, start_due_drill
from webapp.task_queue import enqueue, enqueue_poll

logger = logging.getLogger(__name__)


def tick() -> None:
    """Enqueue a poll for each due connection; if the database fails, the next tick tries again."""
    try:
        due = find_due_connections(utcnow())
    except DATABASE_AWAY as error:
        DATABASE.begin(first_line(error))
        return
    DATABASE.end()
    for connection_id in due:
        if enqueue_poll(connection_id, trigger=SCHEDULE):
            logger.info("Connection %s is due", connection_id)


def poll(
    connection_id: int, trigger: str, actor_id: int | None = None, sweep: bool = False
) -> None:
    """Run one poll cycle; its outcome is stored in poll_runs."""
    poll_connection(connection_id, trigger=trigger, actor_id=actor_id, sweep=sweep)


def audit_trail() -> None:
    """Chain new events of the audit log and seal the day; what may take longer is another job."""
    try:
        chain_and_seal()
        is_waiting = is_trail_waiting(current_config())
    except DATABASE_AWAY as error:
        DATABASE.begin(first_line(error))
        return
    if is_waiting:
        enqueue("audit_sending", job_id="audit-sending")


def audit_sending() -> None:
    """Send seals and events where they are to go, and verify the audit log once a day."""
    send_and_verify(current_config())


def notices() -> None:
    """Let everything about messages go on, and enqueue a delivery to each target in need."""
    try:
        advance_notices()
        due = find_due_targets(utcnow())
    except DATABASE_AWAY as error:
        DATABASE.begin(first_line(error))
        return
    enqueue_deliveries(due)


def deliver(target_id: int) -> None:
    """Send what is due to one target."""
    deliver_target(target_id)


def account_mails() -> None:
    """Mail people what happened to their accounts."""
    mail_security_notes(utcnow())


def housekeeping() -> None:
    """Do what is done hourly: see `do_upkeep`."""
    do_upkeep(current_config(), has_worker=True)


def forget() -> None:
    """Erase what is left of clients and people who are being forgotten."""
    go_on_with_all()


def drills() -> None:
    """Start the drill that is due; the job `notices` looks how far it has come."""
    due = start_due_drill(utcnow())
    if due is not None:
        enqueue("drill", job_id=f"drill-{due.id}", drill_id=due.id)


def drill(drill_id: int) -> None:
    """Let the report of a drill be processed; its stations are stored in drills."""
    process_drill(drill_id)


def proofs() -> None:
    """Enqueue the daily proof of each connection that has none of today."""
    for connection_id in enqueue_due_proofs(utcnow()):
        logger.info("The proof of connection %s is due", connection_id)


def prove(connection_id: int, days: int, actor_id: int | None = None) -> None:
    """Make a proof; its outcome is stored in proofs."""
    prove_connection(connection_id, days=days, actor_id=actor_id)


def backups() -> None:
    """Enqueue the backup that is due."""
    if enqueue_due_backup(utcnow()):
        logger.info("A backup is due")


def backup(is_asked_for: bool = False) -> None:
    """Make the backups that are due, or one into every place; the outcome is stored in backups."""
    try:
        if is_asked_for:
            make_backup_now(os.environ, trigger=BY_PERSON)
        else:
            make_due_backups(os.environ)
    except RefusedError as error:
        logger.warning("No backup was made: %s", error)


def look_after_losses() -> None:
    """Give back the leases of processes that have ended.

    The calling process forks others, so it keeps no connection to the database.
    """
    try:
        for key in give_back_leases_of_the_dead(utcnow()):
            logger.warning("The poll of connection %s was interrupted; it is due again", key)
    except SQLAlchemyError as error:
        logger.warning("Interrupted polls have to wait for the next tick: %s", first_line(error))
    finally:
        db.engine.dispose()


FUNCTIONS: Mapping[str, Callable[..., Any]] = {
    "tick": tick,
    "audit_trail": audit_trail,
    "audit_sending": audit_sending,
    "poll": poll,
    "notices": notices,
    "account_mails": account_mails,
    "deliver": deliver,
    "housekeeping": housekeeping,
    "forget": forget,
    "drills": drills,
    "drill": drill,
    "proofs": proofs,
    "prove": prove,
    "backups": backups,
    "backup": backup,
}
