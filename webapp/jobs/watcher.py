"""The watcher: a part that needs neither Redis nor workers, so that their end is told, too.

Its main thread only looks at the clock: rounds, deliveries and the outside heartbeat are done in
threads, so that a database that hangs or a dead target holds up nothing.
"""

import logging
import threading
import time
from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial

from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.config import Config
from webapp.extensions import current_config
from webapp.outage import DATABASE
from webapp.runtime import pulse
from webapp.services.audit_trail.advance_trail import advance_audit_trail
from webapp.services.notices.alarm_rows import HEALTH_PATH
from webapp.services.notices.deliver_due import deliver_due
from webapp.services.notices.personal.mail_notes import mail_security_notes
from webapp.services.transactions import DATABASE_AWAY, first_line
from webapp.services.watch.advance_notices import advance_notices
from webapp.services.watch.beat_outside import beat_outside
from webapp.services.watch.database_outage import DatabaseOutage
from webapp.services.watch.other_watchers import end_watcher
from webapp.services.watch.raise_alarms import Sightings
from webapp.services.watch.watch_round import Round, watch_round
from webapp.task_queue import read_queue_status

ROUND_SECONDS = 10.0
HEARTBEAT_SECONDS = 60.0
LOOK_SECONDS = 0.25
STUCK_SECONDS = 20.0
"""A round that takes so long waits for the database; it counts as an outage."""

HUNG_SECONDS = 300.0
"""After so long, a round never ends; the watcher ends itself and is started again."""

MOST_DELIVERIES = 4
GOODBYE_SECONDS = 0.5
FIRST_HEARTBEAT = -HEARTBEAT_SECONDS

logger = logging.getLogger(__name__)


class Watcher:
    """Does a round every ten seconds until it is told to stop."""

    def __init__(self, app: Flask, *, round_seconds: float = ROUND_SECONDS) -> None:
        self._app = app
        self._config: Config = app.extensions["triagedesk_config"]
        self._outage = DatabaseOutage(f"{self._config.own_url}{HEALTH_PATH}")
        self._round_seconds = round_seconds
        self._stopping = threading.Event()
        self._round: threading.Thread | None = None
        self._round_began = 0.0
        self._heartbeat: threading.Thread | None = None
        self._heartbeat_at = FIRST_HEARTBEAT
        self._deliveries: list[threading.Thread] = []
        self._sightings: Sightings = {}
        self._last_round_at: datetime | None = None

    def stop(self) -> None:
        """Let run() return; safe in a signal handler."""
        self._stopping.set()

    def run(self) -> bool:
        """Watch until stopped; return False if a round hung, so that a new process is needed."""
        while not self._stopping.is_set():
            pulse.beat()
            if not self._step():
                return False
            self._stopping.wait(LOOK_SECONDS)
        goodbye = self._start(self._say_goodbye)
        goodbye.join(GOODBYE_SECONDS)
        return True

    def _step(self) -> bool:
        now = time.monotonic()
        age = now - self._round_began
        if self._round is not None and self._round.is_alive():
            if age > HUNG_SECONDS:
                logger.error("A round hangs for %.0f s; the watcher ends.", age)
                return False
            if age > STUCK_SECONDS and age % self._round_seconds < LOOK_SECONDS:
                self._outage.note_failure("it does not answer", clock.utcnow())
        elif self._round is None or age >= self._round_seconds:
            self._round_began = now
            self._round = self._start(self._do_round)
        return True

    def _do_round(self) -> None:
        """One round, and what follows from it; a database that is away is told without it."""
        now = clock.utcnow()
        try:
            queue, last_at = read_queue_status(), self._last_round_at
            done = watch_round(self._config, queue, self._sightings, now, last_at)
        except DATABASE_AWAY as error:
            why = first_line(error)
            DATABASE.begin(why)
            self._outage.note_failure(why, now)
            self._call_heartbeat(["The database cannot be used."])
            return
        except Exception:  # whatever it is, the watcher lives on and says that it is not well
            logger.exception("A round of the watcher failed")
            self._call_heartbeat(["The watcher's round was not completed."])
            return
        DATABASE.end()
        self._sightings, self._last_round_at = done.sightings, now
        self._outage.note_success(done.targets, now)
        self._deliver(done)
        self._call_heartbeat(done.problems)

    def _deliver(self, done: Round) -> None:
        """Send what is due, beside the rounds: a dead target takes half a minute."""
        self._deliveries = [one for one in self._deliveries if one.is_alive()]
        if len(self._deliveries) < MOST_DELIVERIES:
            work = _deliver_everything if done.must_deliver else _deliver_alarms
            self._deliveries.append(self._start(work))

    def _call_heartbeat(self, problems: Sequence[str]) -> None:
        """Call the outside service once a minute: that all is well, or that it is not."""
        url, now = self._config.heartbeat_url, time.monotonic()
        is_busy = self._heartbeat is not None and self._heartbeat.is_alive()
        if url is None or is_busy or now - self._heartbeat_at < HEARTBEAT_SECONDS:
            return
        self._heartbeat_at = now
        self._heartbeat = self._start(partial(beat_outside, url, " ".join(problems)))

    def _say_goodbye(self) -> None:
        try:
            end_watcher()
        except SQLAlchemyError as error:
            logger.warning("The watcher's end could not be recorded: %s", first_line(error))

    def _start(self, work: Callable[[], object]) -> threading.Thread:
        """Do `work` in a thread of its own, in the app's context; what it raises is logged."""
        thread = threading.Thread(target=self._do, args=(work,), daemon=True)
        thread.start()
        return thread

    def _do(self, work: Callable[[], object]) -> None:
        try:
            with self._app.app_context():
                work()
        except DATABASE_AWAY as error:
            DATABASE.begin(first_line(error))
        except Exception:  # a thread of its own: nobody else would hear of it
            logger.exception("A part of the watcher's work failed")


def _deliver_alarms() -> None:
    deliver_due(clock.utcnow(), only_alarms=True)


def _deliver_everything() -> None:
    """Nobody else does: let messages go on, send what is due, see to the audit log."""
    advance_notices()
    deliver_due(clock.utcnow())
    mail_security_notes(clock.utcnow())
    advance_audit_trail(current_config())
