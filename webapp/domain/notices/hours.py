"""Hours of a week in a time zone: when somebody wants to be told, and when it has to be quiet."""

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

EVERY_DAY = (0, 1, 2, 3, 4, 5, 6)
_LOOKS_AHEAD = 400
"""Days within which hours begin again, whatever the holidays."""


class HoursError(ValueError):
    """Hours that cannot be; the text says what is wrong."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Hours:
    """The time from `begins` to `ends` on the `weekdays` (Monday is 0) of a zone.

    Where `ends` is not later than `begins`, it is on the next day. A holiday belongs to no weekday.
    """

    zone: str
    begins: time
    ends: time
    weekdays: tuple[int, ...] = EVERY_DAY
    skips_holidays: bool = True

    def contain(self, moment: datetime, holidays: Collection[date] = ()) -> bool:
        """Whether `moment` (aware) lies in these hours."""
        return self._period_of(moment, holidays) is not None

    def end_after(self, moment: datetime, holidays: Collection[date] = ()) -> datetime | None:
        """Return when the hours that contain `moment` end (UTC), None where none do.

        Hours that follow without a gap belong to them.
        """
        found = self._period_of(moment, holidays)
        if found is None:
            return None
        end = found
        for _ in range(_LOOKS_AHEAD):
            following = self._period_of(end, holidays)
            if following is None or following <= end:
                return end
            end = following
        return end

    def next_begin(self, moment: datetime, holidays: Collection[date] = ()) -> datetime:
        """Return `moment` if it lies in these hours, else when they begin next (UTC).

        Raises HoursError where they never do.
        """
        if self.contain(moment, holidays):
            return moment
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        for ahead in range(_LOOKS_AHEAD):
            day = today + timedelta(days=ahead)
            if self._is_on(day, holidays):
                begin = self._at(day, self.begins)
                if begin > moment:
                    return begin
        raise HoursError("These hours never begin.")

    def _period_of(self, moment: datetime, holidays: Collection[date]) -> datetime | None:
        """Return the end of the period that contains `moment`."""
        today = moment.astimezone(ZoneInfo(self.zone)).date()
        for day in (today - timedelta(days=1), today):
            if not self._is_on(day, holidays):
                continue
            begin, end = self._at(day, self.begins), self._at(self._last_day(day), self.ends)
            if begin <= moment < end:
                return end
        return None

    def _is_on(self, day: date, holidays: Collection[date]) -> bool:
        is_holiday = self.skips_holidays and day in holidays
        return day.weekday() in self.weekdays and not is_holiday

    def _last_day(self, day: date) -> date:
        return day if self.ends > self.begins else day + timedelta(days=1)

    def _at(self, day: date, at: time) -> datetime:
        return datetime.combine(day, at, tzinfo=ZoneInfo(self.zone)).astimezone(UTC)

    def as_json(self) -> dict[str, Any]:
        """Return what `read_hours` reads."""
        return {
            "zone": self.zone,
            "begins": f"{self.begins:%H:%M}",
            "ends": f"{self.ends:%H:%M}",
            "weekdays": list(self.weekdays),
            "skips_holidays": self.skips_holidays,
        }


def read_hours(values: Mapping[str, Any] | None) -> Hours | None:
    """Return stored hours; None stays None. Raises HoursError with a sentence."""
    if not values:
        return None
    days = tuple(sorted({int(day) for day in values.get("weekdays", EVERY_DAY)}))
    if not days or not set(days) <= set(EVERY_DAY):
        raise HoursError("Choose at least one weekday.")
    return Hours(
        zone=read_zone(str(values.get("zone", ""))),
        begins=read_time(str(values.get("begins", ""))),
        ends=read_time(str(values.get("ends", ""))),
        weekdays=days,
        skips_holidays=bool(values.get("skips_holidays", True)),
    )


def read_time(text: str) -> time:
    """Return a time of day such as `07:30`; raises HoursError."""
    try:
        return datetime.strptime(text.strip(), "%H:%M").time()  # noqa: DTZ007 - a time of day
    except ValueError:
        raise HoursError(f"{text[:20]!r} is no time of day; write it as 07:30.") from None


def read_zone(name: str) -> str:
    """Return the name of a time zone; raises HoursError for an unknown one."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError):
        raise HoursError(f"{name[:60]!r} is no time zone; an example is Europe/Berlin.") from None
    return name


def read_holidays(values: Collection[str]) -> frozenset[date]:
    """Return days written as `2026-12-25`; raises HoursError."""
    try:
        return frozenset(date.fromisoformat(value) for value in values)
    except ValueError:
        raise HoursError("A holiday is written as 2026-12-25, one a line.") from None
