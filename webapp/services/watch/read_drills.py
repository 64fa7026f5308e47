"""Reading drills with their stations, for the page and the command."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select

from webapp.domain.watch.drill import Reached, follow_stations
from webapp.models import Connection, Drill, Ticket, User
from webapp.services.transactions import reading

SHOWN_DRILLS = 20


@dataclass(frozen=True, slots=True)
class DrillView:
    """A drill; times are UTC. `ended_at` is None while it runs.

    `failed_at` is the label of the station that was not reached, and `problem` says why.
    """

    id: int
    connection: str
    started_at: datetime
    started_by: str | None
    ended_at: datetime | None
    failed_at: str | None
    problem: str | None
    ticket_id: int | None
    ticket: str | None
    stations: Sequence[Reached]

    @property
    def is_success(self) -> bool:
        """Whether it has reached every station."""
        return self.ended_at is not None and self.failed_at is None

    def as_dict(self) -> dict[str, object]:
        """Return it for JSON; times are in ISO format."""
        return {
            "id": self.id,
            "success": self.is_success,
            "error": self.problem,
            "failed_at": self.failed_at,
            "ticket": self.ticket,
            "started_at": self.started_at.isoformat(),
            "ended_at": self.ended_at.isoformat() if self.ended_at else None,
            "stations": [
                {
                    "name": one.station.name,
                    "at": one.at.isoformat() if one.at else None,
                    "seconds": one.seconds,
                }
                for one in self.stations
            ],
        }


def read_drills(drill_id: int | None = None, *, limit: int = SHOWN_DRILLS) -> list[DrillView]:
    """Return the last drills, the latest first, or the one with `drill_id`."""
    query = (
        select(Drill, Connection.name, User.name, Ticket.number)
        .join(Connection, Connection.id == Drill.connection_id)
        .outerjoin(User, User.id == Drill.started_by_id)
        .outerjoin(Ticket, Ticket.id == Drill.ticket_id)
        .order_by(Drill.id.desc())
        .limit(limit)
        .execution_options(populate_existing=True)
    )
    if drill_id is not None:
        query = query.where(Drill.id == drill_id)
    with reading() as session:
        return [_view(*row) for row in session.execute(query)]


def _view(drill: Drill, connection: str, person: str | None, number: str | None) -> DrillView:
    times = {name: datetime.fromisoformat(at) for name, at in drill.stations.items()}
    stations = follow_stations(times)
    labels = {one.station.name: one.station.label for one in stations}
    return DrillView(
        id=drill.id,
        connection=connection,
        started_at=drill.started_at,
        started_by=person,
        ended_at=drill.ended_at,
        failed_at=labels.get(drill.failed_at) if drill.failed_at else None,
        problem=drill.problem,
        ticket_id=drill.ticket_id,
        ticket=number,
        stations=stations,
    )
