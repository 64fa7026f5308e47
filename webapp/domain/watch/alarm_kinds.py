"""The kinds of alarms as data: a new one is one entry, and whoever finds it names its kind."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from enum import StrEnum


class Trouble(StrEnum):
    """What an alarm is about; the value is stored, and told to machines."""

    DATABASE = "database-unreachable"
    REDIS = "redis-gone"
    WORKER = "worker-gone"
    SCHEDULER = "scheduler-gone"
    WATCHER = "watcher-silent"
    REFUSED = "connection-refused"
    OVERDUE = "connection-overdue"
    ERROR = "connection-error"
    CLOCK = "clock-off"
    LATE = "incidents-late"
    QUARANTINE = "quarantine-waiting"
    OUTBOX = "outbox-stuck"
    TARGET_PAUSED = "target-paused"
    TARGET_FAILING = "target-failing"
    MESSAGES_FAILED = "messages-failed"
    UNTOLD = "telling-failed"
    UNTAKEN = "untaken"
    DISK = "disk-low"
    DRILL = "drill-failed"
    UNEXPLAINED = "proof-unexplained"
    PROOF_OVERDUE = "proof-overdue"
    GUESSING = "sign-in-guessing"
    REFUSALS = "refusals"
    GLASS_BROKEN = "break-glass-used"
    TAMPERED = "audit-tampered"
    TRAIL = "audit-waiting"
    BACKUP_FAILED = "backup-failed"
    BACKUP_OVERDUE = "backup-overdue"


@dataclass(frozen=True, slots=True, kw_only=True)
class AlarmKind:
    """What is particular about a kind of alarm.

    `what_to_do` is a sentence for an admin. A condition is an alarm once it has held for
    `patience`, and is told again each `repeat_after`. While one of `causes` holds (of the same
    subject, or of none), it is not told. One that `is_grave` also goes to whoever is on call.
    """

    title: str
    what_to_do: str
    is_grave: bool = False
    patience: timedelta = timedelta(0)
    repeat_after: timedelta = timedelta(hours=4)
    causes: Sequence[Trouble] = ()


HOLDS_FOR = timedelta(seconds=60)
"""For so long a condition must be gone before its alarm ends, so that nothing flaps."""

QUARANTINE_HOURS = 4
LATE_AFTER = timedelta(minutes=15)
STUCK_AFTER = timedelta(minutes=15)
FAILING_AFTER = timedelta(minutes=15)
UNTAKEN_AFTER = timedelta(minutes=10)
"""Nobody took a ticket for so long after its policy's last step."""

PROOF_AFTER = timedelta(hours=36)
CLOCK_SECONDS = 60
LEAST_FREE_PERCENT = 10

_PARTS_PATIENCE = timedelta(seconds=20)
"""Longer than `up` needs to start a part again that has ended."""

_DOCTOR = "`triagedesk doctor` says more."
_NO_POLLS = (Trouble.REDIS, Trouble.WORKER, Trouble.SCHEDULER)
_NO_ANSWERS = (Trouble.REFUSED, Trouble.OVERDUE, Trouble.ERROR)

KINDS: Mapping[Trouble, AlarmKind] = {
    Trouble.DATABASE: AlarmKind(
        title="The database cannot be used",
        what_to_do="Check that its server runs or, for SQLite, that its disk is not full."
        " Until then nothing is polled and nobody is told of incidents.",
        is_grave=True,
        patience=timedelta(seconds=30),
        repeat_after=timedelta(hours=2),
    ),
    Trouble.REDIS: AlarmKind(
        title="The job queue (Redis) is gone",
        what_to_do="Check that Redis runs, and TRIAGEDESK_REDIS_URL. Until then nothing is polled.",
        is_grave=True,
        patience=_PARTS_PATIENCE,
        repeat_after=timedelta(hours=2),
    ),
    Trouble.WORKER: AlarmKind(
        title="No worker is running",
        what_to_do=f"Start `triagedesk up` or `triagedesk worker`. {_DOCTOR} Until then nothing is"
        " polled.",
        is_grave=True,
        patience=_PARTS_PATIENCE,
        repeat_after=timedelta(hours=2),
        causes=(Trouble.REDIS,),
    ),
    Trouble.SCHEDULER: AlarmKind(
        title="No scheduler is running",
        what_to_do=f"Start `triagedesk up` or `triagedesk scheduler`. {_DOCTOR} Until then nothing"
        " is polled on schedule.",
        is_grave=True,
        patience=_PARTS_PATIENCE,
        repeat_after=timedelta(hours=2),
        causes=(Trouble.REDIS,),
    ),
    Trouble.WATCHER: AlarmKind(
        title="The watcher of a machine has fallen silent",
        what_to_do="Look whether that machine runs. If it was removed on purpose, this ends within"
        " six hours.",
    ),
    Trouble.REFUSED: AlarmKind(
        title="Huntress refuses a connection",
        what_to_do="Enter an API key and secret that may read incident reports on the connection's"
        " page.",
        is_grave=True,
        repeat_after=timedelta(hours=2),
    ),
    Trouble.OVERDUE: AlarmKind(
        title="A connection is not polled",
        what_to_do=f"Look whether worker and scheduler run. {_DOCTOR}",
        is_grave=True,
        repeat_after=timedelta(hours=2),
        causes=_NO_POLLS,
    ),
    Trouble.ERROR: AlarmKind(
        title="Polls of a connection fail",
        what_to_do="See the connection's page for what failed and since when.",
        is_grave=True,
        patience=timedelta(minutes=6),  # a failure that the next poll heals is none
        causes=(*_NO_POLLS, Trouble.REFUSED, Trouble.OVERDUE),
    ),
    Trouble.CLOCK: AlarmKind(
        title="The clock is wrong",
        what_to_do="Set this machine's clock by NTP, and the database server's where there is one.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.LATE: AlarmKind(
        title="Incidents become tickets late",
        what_to_do="See the connection's poll history: its polls succeed and yet bring incidents"
        " late.",
        is_grave=True,
        causes=(*_NO_POLLS, *_NO_ANSWERS),
    ),
    Trouble.QUARANTINE: AlarmKind(
        title="Reports wait in quarantine",
        what_to_do="Look at them on the connection's quarantine page: retry or dismiss each.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.OUTBOX: AlarmKind(
        title="Messages are not being sent",
        what_to_do=f"Look whether a worker runs. {_DOCTOR}",
        is_grave=True,
    ),
    Trouble.TARGET_PAUSED: AlarmKind(
        title="A target of messages is paused",
        what_to_do="Correct its settings, send a test, and resume it: under Notifications, or its"
        " owner under their contact methods.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.TARGET_FAILING: AlarmKind(
        title="A target of messages does not take them",
        what_to_do="Look whether its receiver works, and send a test. Messages are tried for two"
        " days.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.MESSAGES_FAILED: AlarmKind(
        title="Messages were not delivered",
        what_to_do="Look at them under Notifications → Outbox, and send them again.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.UNTOLD: AlarmKind(
        title="Nobody was told of tickets",
        what_to_do="Look at these tickets yourself: Notifications → Outbox names them, and the log"
        " says why. What people wait for is tried again every ten minutes.",
        is_grave=True,
        repeat_after=timedelta(hours=12),
    ),
    Trouble.UNTAKEN: AlarmKind(
        title="Nobody takes a critical ticket",
        what_to_do="Take it: all steps of its policy are over, and nobody is called any more.",
        is_grave=True,
        repeat_after=timedelta(hours=2),
    ),
    Trouble.DISK: AlarmKind(
        title="The disk is almost full",
        what_to_do="Make room: on a full disk nothing is polled any more.",
    ),
    Trouble.DRILL: AlarmKind(
        title="The drill failed",
        what_to_do="Look at its stations on the page of drills: one of them did not pass it on.",
        is_grave=True,
        repeat_after=timedelta(hours=12),
    ),
    Trouble.UNEXPLAINED: AlarmKind(
        title="Incidents had been missed",
        what_to_do="They were put into the inbox and become tickets; see the proof on the"
        " connection's page.",
        is_grave=True,
        repeat_after=timedelta(hours=12),
    ),
    Trouble.PROOF_OVERDUE: AlarmKind(
        title="The daily proof is overdue",
        what_to_do="Run it by its button on the connection's page, or `triagedesk prove ID`.",
        patience=timedelta(hours=2),
        repeat_after=timedelta(hours=12),
        causes=(*_NO_POLLS, *_NO_ANSWERS),
    ),
    Trouble.GUESSING: AlarmKind(
        title="Somebody may be guessing a password",
        what_to_do="See Audit log → Failures and refusals for the addresses, and ask the person."
        " If it was not them, let them choose a new password.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.REFUSALS: AlarmKind(
        title="Many requests from one address are refused",
        what_to_do="See Audit log → Failures and refusals. Block the address in front of Triagedesk"
        " if nobody knows it.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.GLASS_BROKEN: AlarmKind(
        title="A break-glass account was used",
        what_to_do="Ask whose hands it is in. If nobody knows, end its sessions under Users and let"
        " its password be changed.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.TAMPERED: AlarmKind(
        title="The audit log was tampered with",
        what_to_do="Run `triagedesk audit verify`, compare with the seals that were sent elsewhere,"
        " and treat it as a break-in until you know better.",
        is_grave=True,
    ),
    Trouble.TRAIL: AlarmKind(
        title="The audit log is not kept safe",
        what_to_do=f"Look whether worker or watcher run, and the receiver of seals. {_DOCTOR}",
        patience=timedelta(minutes=2),
        repeat_after=timedelta(hours=12),
    ),
    Trouble.BACKUP_FAILED: AlarmKind(
        title="A backup failed",
        what_to_do="Put right what it says; it is tried again every hour, and at once by"
        " `triagedesk backup now` or the button on the page Backups.",
        repeat_after=timedelta(hours=12),
    ),
    Trouble.BACKUP_OVERDUE: AlarmKind(
        title="Backups are overdue",
        what_to_do="Look whether a worker and a scheduler run, and why the last backup failed."
        f" {_DOCTOR}",
        patience=timedelta(hours=2),
        repeat_after=timedelta(hours=12),
        causes=(*_NO_POLLS, Trouble.BACKUP_FAILED),
    ),
}

UNKNOWN = AlarmKind(
    title="Something is not well", what_to_do=f"An earlier or later version found it. {_DOCTOR}"
)


def alarm_kind(word: str) -> AlarmKind:
    """Return what is known of a stored kind; UNKNOWN for one of another version."""
    return next((one for kind, one in KINDS.items() if kind.value == word), UNKNOWN)


def silencers_of(word: str) -> Sequence[str]:
    """Return the kinds that silence this one; an unusable database silences all others."""
    causes = (Trouble.DATABASE, *alarm_kind(word).causes)
    return tuple(cause.value for cause in causes if cause.value != word)
