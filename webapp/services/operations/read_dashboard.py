"""Everything the dashboard shows, read in one unit of work."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime, tzinfo

from sqlalchemy.orm import Session

from webapp import clock
from webapp.services.connections.connection_health import ConnectionHealth, connections_health
from webapp.services.notices.reach import ReachView, read_reach
from webapp.services.on_call.plan import LOOK_BACK, load_plan
from webapp.services.on_call.who_is_on_call import OnCallView, describe_plan
from webapp.services.operations.dashboard_figures import DeskFigures, read_figures
from webapp.services.operations.desk_cards import (
    Cards,
    DeskCounts,
    Reader,
    read_cards,
    read_counts,
)
from webapp.services.transactions import reading
from webapp.services.watch.list_alarms import AlarmView, ongoing_alarms


@dataclass(frozen=True, slots=True)
class DeskView:
    """The cards of tickets: their numbers, what they list, and the figures of the last days.

    `since` is the time (UTC) after which a ticket is new to the person. `figures` is None while
    there is no ticket.
    """

    counts: DeskCounts
    cards: Cards
    since: datetime
    figures: DeskFigures | None

    @property
    def open_count(self) -> int:
        """The number of open tickets."""
        return sum(row.open_count for row in self.counts.by_priority)

    @property
    def untouched_count(self) -> int:
        """The number of open tickets that nobody has in hand."""
        return sum(row.untouched_count for row in self.counts.by_priority)

    @property
    def unassigned_count(self) -> int:
        """The number of open tickets without an assignee."""
        return sum(row.unassigned_count for row in self.counts.by_priority)

    @property
    def triage_count(self) -> int:
        """The number of open tickets in the triage queue; see list_tickets.in_triage."""
        return sum(row.triage_count for row in self.counts.by_priority)


@dataclass(frozen=True, slots=True)
class Dashboard:
    """What the dashboard shows."""

    alarms: Sequence[AlarmView]
    connections: Sequence[ConnectionHealth]
    desk: DeskView
    reach: ReachView
    on_call: OnCallView


def read_dashboard(zone: tzinfo, reader: Reader) -> Dashboard:
    """Read the dashboard for `reader`; days are days of `zone`."""
    now = clock.utcnow()
    with reading() as session:
        plan = load_plan(session, now - LOOK_BACK)
        return Dashboard(
            alarms=ongoing_alarms(session),
            connections=connections_health(session, now),
            desk=_desk(session, zone, reader, now),
            reach=read_reach(session, now, plan),
            on_call=describe_plan(plan, now),
        )


def read_desk_view(zone: tzinfo, reader: Reader) -> DeskView:
    """Read the cards of tickets alone, which the page asks for again."""
    with reading() as session:
        return _desk(session, zone, reader, clock.utcnow())


def _desk(session: Session, zone: tzinfo, reader: Reader, now: datetime) -> DeskView:
    counts = read_counts(session, reader, now)
    return DeskView(
        counts=counts,
        cards=read_cards(session, reader, now),
        since=reader.since(now),
        figures=read_figures(session, now, zone) if counts.has_tickets else None,
    )
