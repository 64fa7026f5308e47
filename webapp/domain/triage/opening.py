"""The desk's opening hours: what is open time, and when so much of it has passed."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo

from webapp.domain.notices.hours import HoursError, read_holidays, read_time, read_zone

DAYS_OF_A_WEEK = 7
MOST_PERIODS = 6
_LOOKS_AHEAD = 3_700
"""Days within which a target is reached, or never; about ten years."""

Span = tuple[datetime, datetime]
"""A time (aware) and the later one at which it ends."""

Period = tuple[time, time]
"""From when to when on a day; where the end is not later, it is on the next day."""


@dataclass(frozen=True, slots=True, kw_only=True)
class OpenTimes:
    """For each weekday from Monday its periods, in a zone; a holiday has none."""

    zone: str
    days: tuple[tuple[Period, ...], ...]
    holidays: frozenset[date] = frozenset()

    def spans_from(self, start: datetime) -> Iterator[Span]:
        """Yield what is open from `start` (aware) on, in order and without overlaps (UTC)."""
        first = start.astimezone(ZoneInfo(self.zone)).date() - timedelta(days=1)
        reached = start
        for ahead in range(_LOOKS_AHEAD):
            day = first + timedelta(days=ahead)
            for begin, end in self._spans_of(day):
                if end > max(begin, reached):
                    yield max(begin, reached), end
                    reached = end

    def _spans_of(self, day: date) -> list[Span]:
        if day in self.holidays:
            return []
        periods = self.days[day.weekday()]
        return sorted(self._span(day, begins, ends) for begins, ends in periods)

    def _span(self, day: date, begins: time, ends: time) -> Span:
        last = day if ends > begins else day + timedelta(days=1)
        return self._at(day, begins), self._at(last, ends)

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def as_json(self) -> dict[str, Any]:
        """Return what `read_open_times` reads."""
        return {
            "zone": self.zone,
            "days": [
                [[f"{begins:%H:%M}", f"{ends:%H:%M}"] for begins, ends in day] for day in self.days
            ],
            "holidays": [day.isoformat() for day in sorted(self.holidays)],
        }


def read_open_times(values: Mapping[str, Any]) -> OpenTimes:
    """Return stored opening hours; raises HoursError with a sentence."""
    days = values["days"]
    if len(days) != DAYS_OF_A_WEEK:
        raise HoursError("Opening hours have seven days.")
    return OpenTimes(
        zone=read_zone(str(values["zone"])),
        days=tuple(tuple((read_time(a), read_time(b)) for a, b in day) for day in days),
        holidays=read_holidays(values["holidays"]),
    )


def read_periods(text: str) -> tuple[Period, ...]:
    """Return the periods of a day typed as `08:00-12:00, 13:00-17:00`; none for an empty text.

    The whole day is `00:00-24:00`. Raises HoursError with a sentence.
    """
    parts = [part.strip() for part in text.replace("–", "-").split(",") if part.strip()]
    if len(parts) > MOST_PERIODS:
        raise HoursError(f"A day has at most {MOST_PERIODS} periods.")
    return tuple(sorted(_read_period(part) for part in parts))


def periods_text(periods: Sequence[Period]) -> str:
    """Return periods as they are typed."""
    return ", ".join(
        f"{begins:%H:%M}-{'24:00' if ends == time() else f'{ends:%H:%M}'}"
        for begins, ends in periods
    )


def due_after(
    start: datetime, wanted: timedelta, opening: OpenTimes | None, pauses: Iterable[Span] = ()
) -> datetime | None:
    """Return when `wanted` open time has passed since `start` (UTC), without that of `pauses`.

    Without opening hours, every hour counts. None where it never passes.
    """
    spans: Iterable[Span] = [(start, datetime.max.replace(tzinfo=UTC))]
    if opening is not None:
        spans = opening.spans_from(start)
    left, known = wanted, sorted(pauses)
    for span in spans:
        for begin, end in _without(span, known):
            if end - begin >= left:
                return begin + left
            left -= end - begin
    return None


def _without(span: Span, pauses: Sequence[Span]) -> Iterator[Span]:
    """Yield what is left of `span` without `pauses`, which are in order."""
    begin, end = span
    for pause_begin, pause_end in pauses:
        if pause_end <= begin or pause_begin >= end:
            continue
        if pause_begin > begin:
            yield begin, pause_begin
        begin = max(begin, pause_end)
        if begin >= end:
            return
    yield begin, end


def _read_period(text: str) -> Period:
    begins, dash, ends = text.partition("-")
    if not dash:
        raise HoursError(f"{text[:20]!r} is no period; write it as 08:00-17:00.")
    return read_time(begins), time() if ends.strip() == "24:00" else read_time(ends)
