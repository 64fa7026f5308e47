"""The daily and the weekly summary: when each is due, and what it says of the figures."""

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, date, datetime, timedelta, tzinfo
from itertools import pairwise
from typing import Any

from webapp.domain.incident import Severity
from webapp.domain.notices.compose import LINE_LENGTH
from webapp.domain.notices.defang import defang_line
from webapp.domain.notices.events import DAILY_TYPE, WEEKLY_TYPE
from webapp.domain.notices.hours import read_time
from webapp.domain.notices.message import Link, Message, Urgency

USUAL_TIME = "07:30"
GRACE = timedelta(hours=1)
"""The first summary after it was switched on waits for its time, unless that was just now."""

MOST_NAMED = 10
_ORDER = (Severity.CRITICAL, Severity.HIGH, Severity.LOW, Severity.UNKNOWN)


@dataclass(frozen=True, slots=True, kw_only=True)
class Period:
    """The time that a summary is about (UTC); `day` is the one in its zone on which it is sent."""

    day: date
    begins: datetime
    ends: datetime
    is_weekly: bool = False


@dataclass(frozen=True, slots=True)
class UntouchedTicket:
    """An open ticket that nobody has touched."""

    number: str
    title: str
    client: str
    severity: str | None
    since: datetime


@dataclass(frozen=True, slots=True)
class PollGap:
    """A time in which no poll of a connection succeeded, longer than its interval allows."""

    connection: str
    begins: datetime
    ends: datetime
    was_paused: bool = False


@dataclass(frozen=True, slots=True)
class ProofResult:
    """The last comparison of a connection with Huntress's list; `counts` by name, in order."""

    connection: str
    listed: int
    counts: Mapping[str, int]
    error: str | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class SummaryFigures:
    """Everything that a summary tells; drills count nowhere.

    `minutes_to_touch` is the median over tickets first touched in the period. `overdue` are
    untouched tickets of which every step of their policy was told. `taken` counts tickets first
    touched in the period by whom they are assigned to (None: to nobody).
    """

    by_severity: Mapping[str, int] = field(default_factory=dict)
    by_client: Mapping[str, int] = field(default_factory=dict)
    muted: int = 0
    minutes_to_touch: float | None = None
    touched: int = 0
    untouched_count: int = 0
    untouched: Sequence[UntouchedTicket] = ()
    overdue: Sequence[str] = ()
    quarantined: int = 0
    taken: Mapping[str | None, int] = field(default_factory=dict)
    gaps: Sequence[PollGap] = ()
    proofs: Sequence[ProofResult] = ()

    @property
    def incidents(self) -> int:
        """All new tickets of the period."""
        return sum(self.by_severity.values())


def find_daily(now: datetime, zone: tzinfo, at: str | None, last: date | None) -> Period | None:
    """Return the daily summary that is due at `now`, None if none is; `last` is the last one's day.

    It is due at the time of day `at` in `zone`, once a day; where clocks skip that time, at the
    moment that it would have been. After days without one, it covers up to a week.
    """
    if at is None:
        return None
    return _find(now, zone, at, last, days=1)


def find_weekly(
    now: datetime, zone: tzinfo, at: str | None, weekday: int | None, last: date | None
) -> Period | None:
    """Return the weekly summary that is due at `now`, None if none is; Monday is 0."""
    if weekday is None:
        return None
    return _find(now, zone, at or USUAL_TIME, last, days=7, weekday=weekday)


def compose_summary(
    period: Period, figures: SummaryFigures, zone: tzinfo, *, own_url: str
) -> Message:
    """Return the summary as a message; times in it are in `zone`."""
    kind = "Weekly" if period.is_weekly else "Daily"
    name = kind.lower()
    count = "no incidents" if not figures.incidents else _counted(figures.incidents, "incident")
    severities = f" ({_by_severity(figures)})" if figures.incidents else ""
    waiting = f", {figures.untouched_count:,} untouched" if figures.untouched_count else ""
    return Message(
        key=f"summary:{name}:{period.day.isoformat()}",
        event=WEEKLY_TYPE if period.is_weekly else DAILY_TYPE,
        subject=f"summary:{name}",
        title=f"{kind} summary: {count}{severities}{waiting}",
        lines=tuple(defang_line(line, LINE_LENGTH) for line in _lines(period, figures, zone)),
        links=(Link("Open the dashboard", f"{own_url}/"),),
        urgency=Urgency.QUIET,
        happened_at=period.ends,
        data={"begins": period.begins.isoformat(), "ends": period.ends.isoformat()}
        | _as_data(figures),
    )


def find_gaps(
    successes: Sequence[datetime], begins: datetime, ends: datetime, interval: timedelta
) -> list[tuple[datetime, datetime]]:
    """Return the times between polls that succeeded which are longer than two intervals.

    One interval passes between polls; the second one is what a slow poll may take.
    """
    moments = [begins, *sorted(at for at in successes if begins <= at <= ends), ends]
    return [pair for pair in pairwise(moments) if pair[1] - pair[0] > 2 * interval]


def _find(
    now: datetime,
    zone: tzinfo,
    at: str,
    last: date | None,
    *,
    days: int,
    weekday: int | None = None,
) -> Period | None:
    day = now.astimezone(zone).date()
    if weekday is not None:
        day -= timedelta(days=(day.weekday() - weekday) % 7)
    if now < _moment(day, at, zone):
        day -= timedelta(days=days)  # the one before may still be missing
    ends = _moment(day, at, zone)
    if last is not None and last >= day:
        return None
    if last is None and now - ends > GRACE:
        return None
    since = day - timedelta(days=days)
    if last is not None and weekday is None and day - timedelta(days=7) <= last < since:
        since = last
    return Period(day=day, begins=_moment(since, at, zone), ends=ends, is_weekly=days == 7)


def _moment(day: date, at: str, zone: tzinfo) -> datetime:
    return datetime.combine(day, read_time(at), tzinfo=zone).astimezone(UTC)


def _lines(period: Period, figures: SummaryFigures, zone: tzinfo) -> list[str]:
    lines = [f"From {_when(period.begins, zone)} to {_when(period.ends, zone)}."]
    if figures.incidents:
        lines.append(f"Incidents: {_by_severity(figures)}.")
        lines.append(f"Clients: {_named_counts(figures.by_client)}.")
    else:
        lines.append("No incident became a ticket.")
    if figures.muted:
        lines.append(f"Of these, {figures.muted:,} of muted clients: nobody was told of them.")
    if figures.minutes_to_touch is not None:
        lines.append(
            f"First touched after {_span(figures.minutes_to_touch)} (median of"
            f" {_counted(figures.touched, 'ticket')})."
        )
    if figures.taken:
        people = {name or "nobody": count for name, count in figures.taken.items()}
        lines.append(f"Taken by: {_named_counts(people)}.")
    lines += _waiting_lines(figures, period.ends)
    if figures.quarantined:
        lines.append(f"In quarantine: {_counted(figures.quarantined, 'report')}.")
    lines += _polling_lines(figures, zone)
    lines += [_proof_line(proof) for proof in figures.proofs]
    return lines


def _waiting_lines(figures: SummaryFigures, now: datetime) -> list[str]:
    if not figures.untouched_count:
        return ["Nothing is untouched."]
    lines = [f"Untouched: {_counted(figures.untouched_count, 'ticket')}."]
    lines += [
        f"{one.number} · {Severity.of(one.severity).value}, for"
        f" {_span((now - one.since) / timedelta(minutes=1))}: {one.title} ({one.client})"
        for one in figures.untouched
    ]
    left = figures.untouched_count - len(figures.untouched)
    if left > 0 and figures.untouched:
        lines.append(f"… and {left:,} more.")
    if figures.overdue:
        numbers = ", ".join(figures.overdue[:MOST_NAMED])
        lines.append(f"Overdue, told to the last step and taken by nobody: {numbers}.")
    return lines


def _polling_lines(figures: SummaryFigures, zone: tzinfo) -> list[str]:
    if not figures.gaps:
        return ["Polling missed no interval."]
    return [
        f"Polling of {gap.connection} missed intervals: no poll succeeded from"
        f" {_when(gap.begins, zone)} to {_when(gap.ends, zone)}"
        f"{' (it was paused meanwhile)' if gap.was_paused else ''}."
        for gap in figures.gaps[:MOST_NAMED]
    ]


def _proof_line(proof: ProofResult) -> str:
    if proof.error:
        return f"Proof of {proof.connection}: {proof.error}"
    counts = ", ".join(f"{count:,} {name}" for name, count in proof.counts.items())
    return f"Proof of {proof.connection}: {proof.listed:,} listed: {counts}."


def _by_severity(figures: SummaryFigures) -> str:
    known = {Severity.of(word): 0 for word in figures.by_severity}
    for word, count in figures.by_severity.items():
        known[Severity.of(word)] += count
    return ", ".join(f"{known[one]:,} {one.value}" for one in _ORDER if known.get(one))


def _named_counts(counts: Mapping[str, int]) -> str:
    """The largest by name, and the number of all others together."""
    order = sorted(counts.items(), key=lambda item: (-item[1], item[0]))
    words = [f"{name} {count:,}" for name, count in order[:MOST_NAMED]]
    others = sum(count for _, count in order[MOST_NAMED:])
    return ", ".join([*words, *([f"others {others:,}"] if others else [])])


def _as_data(figures: SummaryFigures) -> dict[str, Any]:
    data = asdict(figures)
    data["taken"] = {name or "": count for name, count in figures.taken.items()}
    for row in (*data["untouched"], *data["gaps"]):
        for name, value in row.items():
            if isinstance(value, datetime):
                row[name] = value.isoformat()
    return data


def _counted(number: int, noun: str) -> str:
    return f"{number:,} {noun if number == 1 else noun + 's'}"


def _span(minutes: float) -> str:
    if minutes < 1:
        return "less than a minute"
    if minutes < 120:
        return _counted(int(minutes), "minute")
    hours = int(minutes // 60)
    return _counted(hours, "hour") if hours < 48 else _counted(hours // 24, "day")


def _when(moment: datetime, zone: tzinfo) -> str:
    local = moment.astimezone(zone)
    return f"{local.day} {local:%b, %H:%M}"
