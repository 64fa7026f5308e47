"""How quickly tickets were touched and closed, and how often in time, by client and by month."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime, tzinfo
from typing import Any

from sqlalchemy import (
    ColumnElement,
    Select,
    and_,
    case,
    extract,
    func,
    literal,
    or_,
    select,
    union_all,
)
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.domain.triage.months import last_months, month_bounds
from webapp.models import Client, Connection, Ticket
from webapp.models.watch import is_no_drill
from webapp.services.desk.response_times.clock_rules import read_clock_rules
from webapp.services.transactions import reading

MONTHS = 12
_TOUCH, _CLOSE = "touch", "close"


@dataclass(frozen=True, slots=True)
class TimesTaken:
    """What `count` tickets took: the median in seconds, and how many were `in_time` of `measured`.

    Only tickets that had a time to be done within are measured.
    """

    count: int = 0
    median_seconds: float | None = None
    measured: int = 0
    in_time: int = 0

    @property
    def share(self) -> float | None:
        """The share in time, None if no ticket is measured."""
        return self.in_time / self.measured if self.measured else None


@dataclass(frozen=True, slots=True)
class ResponseRow:
    """The figures of a client in one month, or of one month."""

    label: str
    touch: TimesTaken = field(default_factory=TimesTaken)
    close: TimesTaken = field(default_factory=TimesTaken)
    client_id: int | None = None
    month: date | None = None


@dataclass(frozen=True, slots=True)
class ResponseFigures:
    """The figures of `month` by client, and those of twelve months, of all clients or of one."""

    month: date
    by_client: Sequence[ResponseRow]
    by_month: Sequence[ResponseRow]
    client_name: str | None
    are_targets_set: bool


def read_response_figures(
    month: date, client_id: int | None, *, today: date, zone: tzinfo
) -> ResponseFigures:
    """Read the figures; a month is one of `zone`, given as its first day.

    A ticket counts in the month in which it was first touched, or closed. Its time begins when
    Huntress sent the incident, or when it was opened by hand; tickets of incidents that were sent
    before polling began do not count, nor do drills. An unknown client counts as none.
    """
    months = last_months(today, MONTHS)
    with reading() as session:
        client_name = session.scalar(select(Client.name).where(Client.id == client_id))
        of_client = None if client_name is None else client_id
        return ResponseFigures(
            month=month,
            by_client=_by_client(session, month, zone),
            by_month=_by_month(session, months, of_client, zone),
            client_name=client_name,
            are_targets_set=not read_clock_rules(session).are_off,
        )


def _by_client(session: Session, month: date, zone: tzinfo) -> list[ResponseRow]:
    begins, ends = month_bounds([month], zone)
    found = _grouped(session, lambda _: Ticket.client_id, begins, ends)
    names = dict(
        session.execute(select(Client.id, Client.name).where(Client.id.in_(sorted(found)))).all()
    )
    rows = [ResponseRow(name, *_both(found[key]), client_id=key) for key, name in names.items()]
    return sorted(rows, key=lambda row: (row.label.casefold(), row.client_id))


def _by_month(
    session: Session, months: Sequence[date], client_id: int | None, zone: tzinfo
) -> list[ResponseRow]:
    bounds = month_bounds(months, zone)

    def month_of(time: InstrumentedAttribute[datetime | None]) -> ColumnElement[int]:
        ends = [(time < end, place) for place, end in enumerate(bounds[1:-1])]
        return case(*ends, else_=len(months) - 1) if ends else literal(0)

    found = _grouped(session, month_of, bounds[0], bounds[-1], client_id)
    return [
        ResponseRow(f"{month:%b %Y}", *_both(found.get(place, {})), month=month)
        for place, month in reversed(list(enumerate(months)))
    ]


def _both(found: Mapping[str, TimesTaken]) -> tuple[TimesTaken, TimesTaken]:
    return found.get(_TOUCH, TimesTaken()), found.get(_CLOSE, TimesTaken())


def _grouped(
    session: Session,
    group_of: Any,
    begins: datetime,
    ends: datetime,
    client_id: int | None = None,
) -> dict[int, dict[str, TimesTaken]]:
    """The figures of each group by kind, in one statement."""
    found: dict[int, dict[str, TimesTaken]] = {}
    for row in session.execute(times_taken(group_of, begins, ends, client_id)):
        found.setdefault(row.place, {})[row.kind] = TimesTaken(
            row.total, float(row.median), row.measured, int(row.in_time or 0)
        )
    return found


def times_taken(
    group_of: Any, begins: datetime, ends: datetime, client_id: int | None = None
) -> Select[Any]:
    """SQL for rows of group, kind, number, median in seconds, number measured, number in time."""
    times = (
        (_TOUCH, Ticket.first_touched_at, Ticket.touch_due_at),
        (_CLOSE, Ticket.closed_at, Ticket.close_due_at),
    )
    taken = union_all(
        *(
            select(
                group_of(time).label("place"),
                literal(kind).label("kind"),
                (extract("epoch", time) - extract("epoch", Ticket.reported_at)).label("seconds"),
                case((due.is_(None), None), (time <= due, 1), else_=0).label("in_time"),
            )
            .outerjoin(Connection, Connection.id == Ticket.connection_id)
            .where(*_counts(time, begins, ends, client_id))
            for kind, time, due in times
        )
    ).subquery()
    group = (taken.c.place, taken.c.kind)
    numbered = select(
        *group,
        taken.c.seconds,
        taken.c.in_time,
        func.row_number().over(partition_by=group, order_by=taken.c.seconds).label("number"),
        func.count().over(partition_by=group).label("total"),
    ).subquery()
    is_middle = (numbered.c.number * 2).between(numbered.c.total, numbered.c.total + 2)
    return select(
        numbered.c.place,
        numbered.c.kind,
        func.max(numbered.c.total).label("total"),
        func.avg(case((is_middle, numbered.c.seconds))).label("median"),
        func.count(numbered.c.in_time).label("measured"),
        func.sum(numbered.c.in_time).label("in_time"),
    ).group_by(numbered.c.place, numbered.c.kind)


def _counts(
    time: InstrumentedAttribute[datetime | None],
    begins: datetime,
    ends: datetime,
    client_id: int | None,
) -> list[ColumnElement[bool]]:
    of_client = [] if client_id is None else [Ticket.client_id == client_id]
    is_in_time_of_polling = or_(
        Ticket.connection_id.is_(None),
        and_(
            Connection.polling_started_at.is_not(None),
            Ticket.reported_at >= Connection.polling_started_at,
        ),
    )
    return [time >= begins, time < ends, is_no_drill(), is_in_time_of_polling, *of_client]
