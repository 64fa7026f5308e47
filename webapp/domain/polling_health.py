"""The one judgement of how polling of a connection goes, for pages, commands and monitors."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta, tzinfo
from enum import StrEnum

from webapp.domain.integrations import ENTERPRISE_ONLY
from webapp.domain.routing import clamp_poll_interval, next_poll_at

MISSING_CREDENTIALS = "Missing Huntress API credentials."
UNREADABLE_CREDENTIALS = "Credentials can't be read: enter them again."
SCHEDULE = "schedule"
TIMER = "timer"
"""Triggers of polls that come by themselves: from the scheduler, and from `poll --due`."""

LEAST_PATIENCE = timedelta(minutes=2)
TIMER_INTERVALS = 3
"""How many intervals may pass without a poll by `poll --due` while it counts as in use."""

WEEK = timedelta(days=6)


class State(StrEnum):
    """The states of a connection; the first one that applies, in this order, is its state."""

    UNAVAILABLE = "not available"
    DISCONNECTED = "disconnected"
    PAUSED = "paused"
    OVERDUE = "overdue"
    ERROR = "error"
    SYNCING = "syncing"
    INCOMPLETE = "routing incomplete"
    NOT_STARTED = "not started"
    PENDING = "pending"
    COMPLETED = "completed"


class Tone(StrEnum):
    """How a state is to be taken; DELIBERATE means that polling is stopped on purpose."""

    GOOD = "good"
    NEUTRAL = "neutral"
    DELIBERATE = "deliberate"
    BAD = "bad"


class Credentials(StrEnum):
    """Whether the stored API key and secret can be used."""

    READABLE = "readable"
    MISSING = "missing"
    UNREADABLE = "unreadable"


@dataclass(frozen=True, slots=True, kw_only=True)
class PollingFacts:
    """What a judgement depends on. Times are UTC, None for what never happened.

    `is_available` says whether the edition has the integration. `resumed_at` is the last time that
    polling was resumed or the account was connected. `is_running` says that a poll holds the
    connection now. `timer_at` is when `poll --due` polled last, None where the schedule of the
    workers has polled since.
    """

    is_available: bool = True
    credentials: Credentials = Credentials.READABLE
    interval_minutes: int = 5
    missing_routing: Sequence[str] = ()
    started_at: datetime | None = None
    resumed_at: datetime | None = None
    is_running: bool = False
    last_poll_started_at: datetime | None = None
    last_success_at: datetime | None = None
    last_error: str | None = None
    last_error_at: datetime | None = None
    timer_at: datetime | None = None
    paused_at: datetime | None = None
    paused_by: str | None = None
    pause_reason: str | None = None
    paused_until: datetime | None = None
    disconnected_at: datetime | None = None
    disconnected_by: str | None = None
    acknowledged_at: datetime | None = None
    acknowledged_by: str | None = None

    @property
    def interval(self) -> timedelta:
        """The time from the start of a poll to the start of the next one."""
        return timedelta(minutes=clamp_poll_interval(self.interval_minutes))

    @property
    def error(self) -> str | None:
        """What is wrong as a sentence: with the credentials, or else with the last poll."""
        if self.disconnected_at is not None:
            return None
        if self.credentials is Credentials.MISSING:
            return MISSING_CREDENTIALS
        if self.credentials is Credentials.UNREADABLE:
            return UNREADABLE_CREDENTIALS
        failed, succeeded = self.last_error_at, self.last_success_at
        is_over = failed is not None and succeeded is not None and succeeded > failed
        return None if is_over else self.last_error

    @property
    def is_scheduled(self) -> bool:
        """Whether polls are to come by themselves."""
        is_stopped = (
            not self.is_available
            or self.disconnected_at is not None
            or self.paused_at is not None
            or self.credentials is not Credentials.READABLE
            or bool(self.missing_routing)
        )
        return self.started_at is not None and not is_stopped

    def next_poll_at(self, now: datetime) -> datetime | None:
        """Return when the next poll is due (UTC), None where no poll is scheduled."""
        if not self.is_scheduled:
            return None
        minutes = clamp_poll_interval(self.interval_minutes)
        return next_poll_at(self.last_poll_started_at, minutes, now=now)

    def due_since(self, now: datetime) -> datetime | None:
        """Return since when a poll is due that has not begun (UTC); None where none is.

        A poll that ended late, a resumed schedule and a new connection let the next poll be due
        only from then on.
        """
        next_at = self.next_poll_at(now)
        if next_at is None or self.is_running or next_at > now:
            return None
        last = self.last_poll_started_at
        moments = (
            None if last is None else last + self.interval,  # in the future: a wrong clock's
            *(self.started_at, self.resumed_at, self.last_success_at, self.last_error_at),
        )
        return max((one for one in moments if one is not None and one <= now), default=now)

    def is_overdue(self, now: datetime) -> bool:
        """Whether a due poll is later than two minutes and later than one interval."""
        since = self.due_since(now)
        return since is not None and now - since > max(LEAST_PATIENCE, self.interval)


@dataclass(frozen=True, slots=True)
class Judgement:
    """How polling of a connection goes.

    `words` are the parts of its sentence, in which times (UTC) stand as times. `error` is what is
    wrong, None if nothing is. `advice` says to an admin what to do; it is empty where nothing is to
    be done. `since` is when the state began, as far as that is known. `is_scheduled` says that
    polls are to come by themselves, `by_timer` that `poll --due` does the polls of this
    installation.
    """

    state: State
    tone: Tone
    words: Sequence[str | datetime]
    error: str | None
    advice: str
    since: datetime | None
    judged_at: datetime
    is_scheduled: bool
    by_timer: bool

    @property
    def needs_workers(self) -> bool:
        """Whether the scheduler and the workers have to poll this connection."""
        return self.is_scheduled and not self.by_timer

    @property
    def is_well(self) -> bool:
        """Whether nobody has to be told: neither an error nor stopped on purpose."""
        return self.tone in (Tone.GOOD, Tone.NEUTRAL)

    def sentence(self, zone: tzinfo = UTC) -> str:
        """Return the judgement as a sentence, with its times in `zone`."""
        return "".join(
            one if isinstance(one, str) else moment_words(one, self.judged_at, zone)
            for one in self.words
        )


def judge(facts: PollingFacts, now: datetime, *, by_timer: bool = False) -> Judgement:
    """Judge how polling goes at `now` (UTC); `by_timer` says that `poll --due` does the polls."""
    state = _state(facts, now)
    tone = _tone(state, facts)
    return Judgement(
        state=state,
        tone=tone,
        words=_words(state, facts, now),
        error=facts.error,
        advice=_advice(state, facts, by_timer=by_timer),
        since=_since(state, facts, now),
        judged_at=now,
        is_scheduled=facts.is_scheduled,
        by_timer=by_timer,
    )


def is_timer_driven(connections: Iterable[PollingFacts], now: datetime) -> bool:
    """Whether `poll --due` does the polls here, so that neither workers nor Redis are needed.

    It does if one of the scheduled connections was polled by it within its last three intervals.
    Where none is scheduled, it does if it was the last to poll one of them on schedule.
    """
    known = list(connections)
    scheduled = [facts for facts in known if facts.is_scheduled]
    if not scheduled:
        return any(facts.timer_at is not None for facts in known)
    return any(
        facts.timer_at is not None and now - facts.timer_at <= TIMER_INTERVALS * facts.interval
        for facts in scheduled
    )


def moment_words(moment: datetime, now: datetime, zone: tzinfo) -> str:
    """Return a time of `zone` in words: `Tuesday 14:02` within six days of `now`, else the date.

    Times in UTC say so, because that is rarely the reader's own zone.
    """
    local = moment.astimezone(zone)
    is_near = abs(now - moment) < WEEK
    day = f"{local:%A}" if is_near else f"{local.day} {local:%B %Y},"
    suffix = " UTC" if local.tzname() == "UTC" else ""
    return f"{day} {local:%H:%M}{suffix}"


def _state(facts: PollingFacts, now: datetime) -> State:
    applies = {
        State.UNAVAILABLE: not facts.is_available,
        State.DISCONNECTED: facts.disconnected_at is not None,
        State.PAUSED: facts.paused_at is not None,
        State.OVERDUE: facts.is_overdue(now),
        State.ERROR: facts.error is not None,
        State.SYNCING: facts.is_running,
        State.INCOMPLETE: bool(facts.missing_routing),
        State.NOT_STARTED: facts.started_at is None,
        State.PENDING: facts.last_success_at is None,
        State.COMPLETED: True,
    }
    return next(state for state in State if applies[state])


def _tone(state: State, facts: PollingFacts) -> Tone:
    if state in (State.OVERDUE, State.ERROR):
        return Tone.BAD
    is_deliberate = (
        (state is State.DISCONNECTED and facts.acknowledged_at is None)
        or state is State.PAUSED
        or (state is State.INCOMPLETE and facts.started_at is not None)
    )
    if is_deliberate:
        return Tone.DELIBERATE
    return Tone.GOOD if state is State.COMPLETED else Tone.NEUTRAL


def _words(state: State, facts: PollingFacts, now: datetime) -> tuple[str | datetime, ...]:
    simple = {
        State.UNAVAILABLE: ENTERPRISE_ONLY,
        State.INCOMPLETE: "Polling is paused until the routing is complete. Missing: "
        f"{', '.join(facts.missing_routing)}.",
        State.NOT_STARTED: "Polling has not been started yet.",
        State.SYNCING: "A poll is running.",
        State.PENDING: "The first poll has not ended yet.",
        State.COMPLETED: "The last poll succeeded.",
    }
    if state is State.DISCONNECTED:
        return _disconnected_words(facts)
    if state is State.PAUSED:
        return _paused_words(facts)
    if state is State.OVERDUE:
        return _overdue_words(facts, now)
    if state is State.ERROR:
        return (_error_words(facts),)
    return (simple[state],)


def _error_words(facts: PollingFacts) -> str:
    error = facts.error or ""
    return error if facts.credentials is not Credentials.READABLE else f"Last poll failed: {error}"


def _disconnected_words(facts: PollingFacts) -> tuple[str | datetime, ...]:
    end = ". Nothing has been looked at since."
    if facts.acknowledged_at is not None:
        end += f" Acknowledged{_by(facts.acknowledged_by)}."
    return ("Disconnected", *_from(facts.disconnected_at), _by(facts.disconnected_by) + end)


def _paused_words(facts: PollingFacts) -> tuple[str | datetime, ...]:
    reason = (facts.pause_reason or "").strip().rstrip(".")
    why = f": {reason}" if reason else ""
    end = f"{_by(facts.paused_by)}{why}. Nothing has been looked at since."
    goes_on: tuple[str | datetime, ...] = ()
    if facts.paused_until is not None:
        goes_on = (" Polling resumes by itself on ", facts.paused_until, ".")
    error = f" {_error_words(facts)}" if facts.error else ""
    return ("Paused", *_from(facts.paused_at), end, *goes_on, error)


def _overdue_words(facts: PollingFacts, now: datetime) -> tuple[str | datetime, ...]:
    error = f" The last one failed: {facts.error}" if facts.error else ""
    due = ("A poll has been due", *_from(facts.due_since(now)), " and none has begun.")
    return (*due, f" Nothing has been looked at since.{error}")


def _from(moment: datetime | None) -> tuple[str | datetime, ...]:
    return () if moment is None else (" since ", moment)


def _by(name: str | None) -> str:
    return f" by {name}" if name else ""


def _advice(state: State, facts: PollingFacts, *, by_timer: bool) -> str:
    if state is State.DISCONNECTED and facts.acknowledged_at is not None:
        return ""
    if state is State.ERROR and facts.credentials is not Credentials.READABLE:
        return "Enter the API key and secret of this account on its page."
    if state is State.OVERDUE:
        if by_timer:
            return "Check the timer that calls `triagedesk poll --due`."
        return "Start `triagedesk up` if it does not run; `triagedesk doctor` says what is wrong."
    return {
        State.DISCONNECTED: "Connect the account again, or acknowledge that it stays disconnected.",
        State.PAUSED: "Resume polling once the reason is gone.",
        State.ERROR: "See Integrations → Huntress in the browser.",
        State.INCOMPLETE: "Complete the routing configuration.",
        State.NOT_STARTED: "Look at the preview of the first poll, and start it.",
    }.get(state, "")


def _since(state: State, facts: PollingFacts, now: datetime) -> datetime | None:
    return {
        State.DISCONNECTED: facts.disconnected_at,
        State.PAUSED: facts.paused_at,
        State.OVERDUE: facts.due_since(now),
        State.ERROR: facts.last_error_at,
    }.get(state)
