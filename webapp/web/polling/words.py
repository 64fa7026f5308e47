"""Words for polls, their counts and durations."""

from dataclasses import dataclass

from webapp.domain.polling_health import SCHEDULE, TIMER
from webapp.models import PollRun
from webapp.services.polling.outcome import SKIP_WORDS
from webapp.services.polling.read_poll_history import PolledAccount

TRIGGERS = {
    SCHEDULE: "Schedule",
    TIMER: "Timer",
    "manual": "Poll now",
    "command": "Command line",
}


@dataclass(frozen=True, slots=True)
class Look:
    """A word with its colour and symbol."""

    word: str
    colour: str
    symbol: str


_LOOKS = {
    "completed": Look("Completed", "green", "circle-check"),
    "error": Look("Failed", "red", "alert-circle"),
    "interrupted": Look("Interrupted", "yellow", "alert-triangle"),
    "skipped": Look("Skipped", "grey", "minus"),
    "running": Look("Running", "blue", "refresh"),
}
_LOST = Look("No sign of life", "yellow", "hourglass")

COUNT_WORDS = (
    ("collected", "Collected", "reports that were new or had changed"),
    ("created", "Tickets created", "quarantine tickets included"),
    ("noted", "Updated", "tickets that got a note about a change"),
    ("closed", "Closed", "tickets closed because Huntress closed the incident"),
    ("reopened", "Reopened", "tickets reopened because Huntress reopened the incident"),
    ("recorded", "Recorded only", "incidents that need no ticket"),
    ("skipped", "Skipped", "reports that said nothing new"),
    ("failed", "Failed", "reports that did not become a ticket yet and are tried again"),
    ("quarantined", "Quarantined", "reports that failed three times"),
    (
        "missed_open",
        "Opened and closed between polls",
        "incidents that were over before they were first seen",
    ),
)
"""The counts of a run in the order of a poll, each with its column, name and meaning."""


def trigger_words(trigger: str) -> str:
    """Words for what started a poll."""
    return TRIGGERS.get(trigger, trigger.capitalize())


def run_look(run: PollRun, account: PolledAccount) -> Look:
    """The word, colour and symbol for the state of a poll."""
    if account.is_lost(run):
        return _LOST
    return _LOOKS.get(run.state, Look(run.state.capitalize(), "grey", "circle"))


def skip_words(run: PollRun) -> str:
    """Words for why a poll was skipped."""
    return SKIP_WORDS.get(run.skip_reason or "", "Nothing was polled.")


def seconds_words(seconds: float | None) -> str:
    """Words such as `less than 1 s`, `4 s`, `2 min 5 s`, `1 h 10 min`; a dash for None."""
    if seconds is None:
        return "—"
    if seconds < 1:
        return "less than 1 s"
    whole = round(seconds)
    if whole < 60:
        return f"{whole} s"
    minutes, rest = divmod(whole, 60)
    if minutes < 60:
        return f"{minutes} min {rest} s" if rest else f"{minutes} min"
    hours, minutes = divmod(minutes, 60)
    return f"{hours} h {minutes} min" if minutes else f"{hours} h"


def run_duration_words(run: PollRun) -> str:
    """Words for how long a poll took; a dash while it runs."""
    if run.finished_at is None:
        return "—"
    return seconds_words((run.finished_at - run.started_at).total_seconds())


def run_counts(run: PollRun) -> dict[str, int]:
    """The counters of a poll, and the reasons for no ticket, by name."""
    return run.counts
