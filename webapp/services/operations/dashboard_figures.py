"""Figures of the last days: incidents by day and severity, and how fast the desk was."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta, tzinfo
from functools import cache
from typing import Any

from sqlalchemy import (
    BindParameter,
    ColumnElement,
    CompoundSelect,
    Float,
    Select,
    String,
    bindparam,
    case,
    cast,
    extract,
    func,
    literal,
    null,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.domain.figures import day_bounds, last_days
from webapp.domain.incident import Severity
from webapp.domain.plan import Reason
from webapp.domain.watch.drill import DRILL_REASON
from webapp.models import Alert, Connection, Ticket
from webapp.models.ticket import SOURCE_HUNTRESS
from webapp.models.watch import is_no_drill

DAYS = 30
UNKNOWN = Severity.UNKNOWN.value
SEVERITIES = (Severity.CRITICAL.value, Severity.HIGH.value, Severity.LOW.value, UNKNOWN)
"""The severities, the gravest first; an incident with any other severity or none is UNKNOWN."""

_NOT_COUNTED = (Reason.ORG_OPTED_OUT.value, DRILL_REASON)

TOUCHED = "touched"
CLOSED = "closed"
_INCIDENTS = "incidents"


def _bound(place: int) -> BindParameter[datetime]:
    return bindparam(f"day_{place}")


_START, _END = _bound(0), _bound(DAYS)
_BEFORE: BindParameter[datetime] = bindparam("before")


@dataclass(frozen=True, slots=True)
class IncidentDay:
    """The number of incidents per severity that were reported on one day of the viewer's zone."""

    day: date
    counts: Mapping[str, int]

    @property
    def total(self) -> int:
        """The number of incidents of all severities."""
        return sum(self.counts.values())


@dataclass(frozen=True, slots=True)
class Median:
    """The median of `count` durations; `seconds` is None if there are no durations."""

    seconds: float | None = None
    count: int = 0


@dataclass(frozen=True, slots=True)
class TimeFigure:
    """The median of the last DAYS days and the median of the DAYS days before them."""

    current: Median
    previous: Median


@dataclass(frozen=True, slots=True)
class DeskFigures:
    """The figures of the last DAYS days of the viewer's zone, today included.

    The first of these days began at `since` (UTC).
    """

    since: datetime
    days: Sequence[IncidentDay]
    first_touch: TimeFigure
    close: TimeFigure

    @property
    def totals(self) -> dict[str, int]:
        """The number of incidents of all days, by severity."""
        return {name: sum(day.counts[name] for day in self.days) for name in SEVERITIES}


def read_figures(session: Session, now: datetime, zone: tzinfo) -> DeskFigures:
    """Read the figures; days are days of `zone`.

    Incidents count on the day they were sent, with or without a ticket; incidents of excluded
    organizations and drills do not count.

    Times run from a ticket's creation until somebody touched or closed it, and count in the period
    in which that happened: tickets that still wait do not distort them. Only tickets of incidents
    count, and only if the incident was reported after polling had started, because nobody could
    have worked on earlier ones in time.
    """
    days = last_days(now, zone, DAYS)
    bounds = day_bounds(days, zone)
    rows = session.execute(_figures(), between(bounds)).all()
    medians = {
        (row.what, bool(row.place)): Median(float(row.seconds), row.number)
        for row in rows
        if row.what != _INCIDENTS
    }
    return DeskFigures(
        since=bounds[0],
        days=_incident_days(days, [row for row in rows if row.what == _INCIDENTS]),
        first_touch=_time_figure(medians, TOUCHED),
        close=_time_figure(medians, CLOSED),
    )


def _time_figure(medians: Mapping[tuple[str, bool], Median], kind: str) -> TimeFigure:
    return TimeFigure(
        current=medians.get((kind, True), Median()), previous=medians.get((kind, False), Median())
    )


def between(bounds: Sequence[datetime]) -> dict[str, datetime]:
    """The parameters of incidents_by_day and median_durations: where days begin, the last ends."""
    days = {_bound(place).key: time for place, time in enumerate(bounds)}
    return {**days, _BEFORE.key: bounds[0] - timedelta(days=DAYS)}


@cache
def _figures() -> CompoundSelect[Any]:
    """SQL for both kinds of figures in one statement: what, a word, a place, a number, seconds.

    To build it takes longer than to run it.
    """
    incidents = incidents_by_day().subquery()
    day, severity, count = incidents.c
    medians = median_durations().subquery()
    kind, is_current, seconds, total = medians.c
    return union_all(
        select(
            literal(_INCIDENTS).label("what"),
            severity.label("word"),
            day.label("place"),
            count.label("number"),
            cast(null(), Float).label("seconds"),
        ),
        select(kind, cast(null(), String), is_current, total, cast(seconds, Float)),
    )


def _incident_days(days: Sequence[date], rows: Sequence[Any]) -> list[IncidentDay]:
    counts = {day: dict.fromkeys(SEVERITIES, 0) for day in days}
    for row in rows:
        name = row.word if row.word in SEVERITIES else UNKNOWN
        counts[days[row.place]][name] += row.number
    return [IncidentDay(day, by_severity) for day, by_severity in counts.items()]


def incidents_by_day() -> Select[Any]:
    """SQL for rows of day position, severity in lower case, and number of incidents."""
    day = _day_of(Alert.triggered_at, 0, DAYS).label("day")
    severity: Any = Alert.parsed_severity
    return (
        select(day, severity, func.count())
        .where(
            Alert.triggered_at >= _START,
            Alert.triggered_at < _END,
            or_(Alert.reason.is_(None), Alert.reason.not_in(_NOT_COUNTED)),
        )
        .group_by("day", severity)
    )


def _day_of(time: Any, low: int, high: int) -> ColumnElement[int]:
    """SQL for the position of the day that a time lies in, found by halving."""
    if high - low == 1:
        return literal(low)
    middle = (low + high) // 2
    return case(
        (time < _bound(middle), _day_of(time, low, middle)),
        else_=_day_of(time, middle, high),
    )


def median_durations() -> Select[Any]:
    """SQL for rows of kind, is_current (of the days), median in seconds, number of tickets."""
    durations = union_all(
        _durations(TOUCHED, Ticket.first_touched_at),
        _durations(CLOSED, Ticket.closed_at),
    ).subquery()
    groups = (durations.c.kind, durations.c.is_current)
    numbered = select(
        *groups,
        durations.c.seconds,
        func.row_number().over(partition_by=groups, order_by=durations.c.seconds).label("place"),
        func.count().over(partition_by=groups).label("total"),
    ).subquery()
    is_middle = (numbered.c.place * 2).between(numbered.c.total, numbered.c.total + 2)
    return (
        select(
            numbered.c.kind,
            numbered.c.is_current,
            func.avg(numbered.c.seconds),
            func.max(numbered.c.total),
        )
        .where(is_middle)
        .group_by(numbered.c.kind, numbered.c.is_current)
    )


def _durations(kind: str, time: InstrumentedAttribute[datetime | None]) -> Select[Any]:
    """SQL for rows of kind, is_current, and seconds from a ticket's creation to `time`."""
    seconds = extract("epoch", time) - extract("epoch", Ticket.created_at)
    started_at = Connection.polling_started_at
    return (
        select(
            literal(kind).label("kind"),
            case((time >= _START, 1), else_=0).label("is_current"),
            seconds.label("seconds"),
        )
        .outerjoin(Connection, Connection.id == Ticket.connection_id)
        .where(
            time >= _BEFORE,
            time < _END,
            Ticket.source == SOURCE_HUNTRESS,
            is_no_drill(),
            or_(started_at.is_(None), Ticket.reported_at >= started_at),
        )
    )
