"""Which kinds of records have an age that people choose, and how long each is kept without one.

An age is counted in whole days (UTC): what is kept for 7 days is deleted in the eighth. So each
kind is deleted once a day, and what will be deleted can be said as a date.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum

MOST_DAYS = 3_650
NEVER = "never"


class RetentionKind(StrEnum):
    """A kind of records whose age people choose; the values are stored."""

    RAW_REPORTS = "raw_reports"
    CLOSED_TICKETS = "closed_tickets"
    EXCHANGES = "exchanges"
    RUNS = "runs"
    AUDIT = "audit"
    OUTBOX = "outbox"
    ALARMS = "alarms"
    PROOFS = "proofs"
    DRILLS = "drills"
    OVERRIDES = "overrides"
    BELL = "bell"


@dataclass(frozen=True, slots=True)
class Rule:
    """How long a kind may be kept: `days` where nobody chose (None: for ever), at least `least`.

    `one` and `many` name a record, with what makes it old in `when`. `why` says what it is kept
    for, and why not for less than `least` days.
    """

    label: str
    one: str
    many: str
    when: str
    days: int | None
    least: int
    may_stay: bool
    why: str

    def counted(self, count: int) -> str:
        """Return for instance "1,204 exchanges"."""
        return f"{count:,} {self.one if count == 1 else self.many}"


RULES: Mapping[RetentionKind, Rule] = {
    RetentionKind.RAW_REPORTS: Rule(
        "Raw reports",
        "raw report",
        "raw reports",
        "last changed",
        365,
        30,
        False,
        "What Huntress sent, word for word. A ticket that is moved off triage or changes is "
        "written from it, and the daily proof looks back 30 days. The report of a ticket that is "
        "still open stays.",
    ),
    RetentionKind.CLOSED_TICKETS: Rule(
        "Closed tickets",
        "ticket",
        "tickets",
        "closed",
        None,
        90,
        True,
        "With their notes, links and messages. Of the incident, id, times and status stay, so "
        "that it never becomes a second ticket. Closed tickets are the history of a client; "
        "figures look back 60 days.",
    ),
    RetentionKind.EXCHANGES: Rule(
        "API calls",
        "exchange",
        "exchanges",
        "made",
        7,
        1,
        False,
        "Time, path and status of each call to Huntress, to find out what went wrong. The last "
        "minute of them keeps the limit of calls.",
    ),
    RetentionKind.RUNS: Rule(
        "Poll history",
        "poll run",
        "poll runs",
        "begun",
        90,
        7,
        False,
        "What each poll did. The weekly summary reads them.",
    ),
    RetentionKind.AUDIT: Rule(
        "Audit log",
        "audit event",
        "audit events",
        "recorded",
        730,
        90,
        True,
        "Who did what, when and from where. Break-ins are often found after months.",
    ),
    RetentionKind.OUTBOX: Rule(
        "Messages",
        "message",
        "messages",
        "written",
        90,
        7,
        False,
        "Who was told what, with the escalations and mutes that are over. A message that still "
        "waits to be sent stays, and the weekly summary reads them.",
    ),
    RetentionKind.ALARMS: Rule(
        "Alarms", "alarm", "alarms", "ended", 90, 7, False, "What was not well, and for how long."
    ),
    RetentionKind.PROOFS: Rule(
        "Daily proofs",
        "proof",
        "proofs",
        "begun",
        365,
        30,
        False,
        "That nothing was missed, day by day; counts, and the ids of what was.",
    ),
    RetentionKind.DRILLS: Rule(
        "Drills",
        "drill",
        "drills",
        "begun",
        365,
        30,
        False,
        "How long each station took. A drill stays with its ticket.",
    ),
    RetentionKind.OVERRIDES: Rule(
        "On-call overrides",
        "override",
        "overrides",
        "ended",
        90,
        7,
        False,
        "Who stood in for whom, and why.",
    ),
    RetentionKind.BELL: Rule(
        "Bells",
        "bell item",
        "bell items",
        "rung",
        90,
        7,
        False,
        "What people were told in their bells, read or not. The tickets and notes stay.",
    ),
}

DEFAULT_AGES: Mapping[RetentionKind, int | None] = {kind: rule.days for kind, rule in RULES.items()}


class AgeError(ValueError):
    """An age that a kind cannot have; `str(error)` says in a sentence which it can."""


def read_age(kind: RetentionKind, typed: str) -> int | None:
    """Return the days that somebody typed for `kind`, None for "never". Raises AgeError."""
    rule = RULES[kind]
    word = " ".join(typed.split()).lower().removesuffix("days").removesuffix("day").strip()
    if word == NEVER:
        if not rule.may_stay:
            raise AgeError(f"{rule.label} cannot be kept for ever: {_range(rule)}")
        return None
    if not (word.isascii() and word.isdigit()) or len(word) > 9:
        raise AgeError(f"{rule.label}: enter a whole number of days. {_range(rule)}")
    return check_age(kind, int(word))


def check_age(kind: RetentionKind, days: int) -> int:
    """Return `days` if `kind` can be kept for so many. Raises AgeError."""
    rule = RULES[kind]
    if not rule.least <= days <= MOST_DAYS:
        raise AgeError(f"{rule.label} cannot be kept for {days:,} days: {_range(rule)}")
    return days


def cutoff(days: int, now: datetime) -> datetime:
    """Return the midnight (UTC) before which records are too old at `now` (UTC)."""
    midnight = now.replace(hour=0, minute=0, second=0, microsecond=0)
    return midnight - timedelta(days=days)


def age_words(days: int | None) -> str:
    """Return for instance "90 days"; for ever is "never deleted"."""
    if days is None:
        return "never deleted"
    return "1 day" if days == 1 else f"{days:,} days"


def pruning_words(kind: RetentionKind, count: int, before: datetime) -> str:
    """Return for instance "12 tickets closed before 3 March 2026"."""
    rule = RULES[kind]
    return f"{rule.counted(count)} {rule.when} before {before.day} {before:%B %Y}"


def _range(rule: Rule) -> str:
    least = "1 day" if rule.least == 1 else f"{rule.least} days"
    words = f"choose at least {least} and at most {MOST_DAYS:,}"
    return f"{words}, or never." if rule.may_stay else f"{words}."
