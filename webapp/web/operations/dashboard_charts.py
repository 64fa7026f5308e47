"""The geometry of the dashboard's charts: functions that turn numbers into rectangles.

The drawings are stretched to the width of their card, so they hold no text. Words, axes and a table
are HTML beside them.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from webapp.domain.figures import compare_durations, duration_words
from webapp.services.operations.dashboard_figures import SEVERITIES, IncidentDay, TimeFigure

HEIGHT = 160
COLUMN = 20
BAR = 14
FULL = 100
TICKS = 4
LABELLED_DAYS = 5


@dataclass(frozen=True, slots=True)
class Segment:
    """The rectangle of one severity, in the units of the drawing."""

    severity: str
    y: float
    height: float


@dataclass(frozen=True, slots=True)
class Column:
    """The column of one day: where it begins, its words, and its segments from the bottom up."""

    x: int
    words: str
    segments: Sequence[Segment]

    @property
    def bar_x(self) -> int:
        """Where the column's bar begins."""
        return self.x + (COLUMN - BAR) // 2


@dataclass(frozen=True, slots=True)
class StackedBars:
    """Columns side by side; `ticks` are the evenly spaced numbers of the axis, highest first."""

    columns: Sequence[Column]
    ticks: Sequence[int]
    labels: Sequence[str]
    summary: str

    @property
    def width(self) -> int:
        """The width of the drawing."""
        return len(self.columns) * COLUMN

    @property
    def lines(self) -> list[float]:
        """Where the lines of the ticks lie, the highest first."""
        return [HEIGHT * step / (len(self.ticks) - 1) for step in range(len(self.ticks))]


@dataclass(frozen=True, slots=True)
class TimeBars:
    """Bars for a period and the period before, as widths out of FULL, with their words.

    `words` compare the periods, and `trend` is faster, slower or same. Both are empty if one of the
    periods has no value.
    """

    current_words: str
    previous_words: str
    current_width: float
    previous_width: float
    trend: str
    words: str


def stack_days(days: Sequence[IncidentDay]) -> StackedBars:
    """Draw incidents by day and severity."""
    ticks = axis_ticks(max((day.total for day in days), default=0))
    total = sum(day.total for day in days)
    busiest = max(days, key=lambda day: day.total)
    summary = f"{total:,} incidents in {len(days)} days." + (
        f" The most on one day: {busiest.total:,}, on {day_words(busiest.day)}." if total else ""
    )
    step = (len(days) - 1) / (LABELLED_DAYS - 1)
    return StackedBars(
        columns=[
            Column(position * COLUMN, _words(day), _segments(day, ticks[0]))
            for position, day in enumerate(days)
        ],
        ticks=ticks,
        labels=[day_words(days[round(step * place)].day) for place in range(LABELLED_DAYS)],
        summary=summary,
    )


def axis_ticks(highest: int) -> list[int]:
    """Round, evenly spaced numbers from at least `highest` down to 0; at most TICKS steps."""
    steps = (base * 10**power for power in range(10) for base in (1, 2, 5))
    step = next(step for step in steps if step * TICKS >= highest)
    count = max(-(-highest // step), 1)
    return [step * place for place in range(count, -1, -1)]


def compare_times(figure: TimeFigure) -> TimeBars:
    """Draw the median of a period and of the period before."""
    current, previous = figure.current.seconds, figure.previous.seconds
    longest = max(current or 0, previous or 0) or 1
    trend, words = "", ""
    if current is not None and previous is not None:
        kind, words = compare_durations(current, previous)
        trend = kind.value
    return TimeBars(
        current_words="—" if current is None else duration_words(current),
        previous_words="—" if previous is None else duration_words(previous),
        current_width=round((current or 0) / longest * FULL, 1),
        previous_width=round((previous or 0) / longest * FULL, 1),
        trend=trend,
        words=words,
    )


def day_words(day: date) -> str:
    """Words for a day, such as `9 Jun`."""
    return f"{day.day} {day:%b}"


def _segments(day: IncidentDay, top: int) -> list[Segment]:
    """The segments of a day; the gravest are at the bottom, where all days have one base line."""
    segments = []
    below = 0
    for severity in SEVERITIES:
        count = day.counts[severity]
        if count:
            below += count
            y = HEIGHT - HEIGHT * below / top
            segments.append(Segment(severity, round(y, 2), round(HEIGHT * count / top, 2)))
    return segments


def _words(day: IncidentDay) -> str:
    parts = [f"{day.counts[name]:,} {name}" for name in SEVERITIES if day.counts[name]]
    return f"{day.day:%a} {day_words(day.day)}: {', '.join(parts) or 'none'}"
