"""A drill: a made-up critical report on its way through the real chain, station by station."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

DRILL_PREFIX = "drill-"
"""How the ids of made-up reports begin; Huntress's are numbers."""

DRILL_REASON = "drill"
"""The reason that is recorded with the alert of a drill, which counts in no figure."""

DRILL_TITLE = "DRILL - Critical incident that was made up"
MOST_DAYS_BETWEEN = 365


@dataclass(frozen=True, slots=True)
class Station:
    """A station of the chain, to be reached `limit` after the one before it."""

    name: str
    label: str
    limit: timedelta


STATIONS = (
    Station("inbox", "Inbox", timedelta(0)),
    Station("plan", "Plan", timedelta(minutes=5)),
    Station("ticket", "Ticket", timedelta(minutes=1)),
    Station("policy", "Policy", timedelta(minutes=1)),
    Station("delivery", "Delivery", timedelta(minutes=15)),
    Station("taken", "Taken", timedelta(minutes=15)),
    Station("closed", "Closed", timedelta(minutes=2)),
)


@dataclass(frozen=True, slots=True)
class Reached:
    """A station with the time (UTC) at which it was reached, None if it was not.

    `seconds` have passed since the station before it.
    """

    station: Station
    at: datetime | None
    seconds: float | None


def build_drill_report(key: str, now: datetime) -> dict[str, object]:
    """Return the report as Huntress would send it; `key` begins with DRILL_PREFIX."""
    at = now.strftime("%Y-%m-%dT%H:%M:%SZ")
    return {
        "id": key,
        "organization_id": None,
        "agent_id": None,
        "subject": DRILL_TITLE,
        "summary": (
            "DRILL: nothing has happened. This report was made up to see whether somebody is told "
            "and takes the ticket. Take it by the link in the message; it is closed by itself then."
        ),
        "body": None,
        "severity": "critical",
        "status": "sent",
        "platform": "other",
        "indicator_types": [],
        "indicator_counts": {},
        "remediations": None,
        "sent_at": at,
        "closed_at": None,
        "status_updated_at": at,
        "updated_at": at,
    }


def follow_stations(times: Mapping[str, datetime | None]) -> list[Reached]:
    """Return all stations in order, each with the seconds since the one before it."""
    found, before = [], None
    for station in STATIONS:
        at = times.get(station.name)
        seconds = None
        if at is not None and before is not None:
            seconds = max(0.0, (at - before).total_seconds())
        found.append(Reached(station, at, seconds if before is not None else 0.0 if at else None))
        before = at or before
    return found


def find_next(times: Mapping[str, datetime | None]) -> tuple[Station, datetime | None] | None:
    """Return the first station that was not reached, and when the one before it was.

    None once all of them were reached.
    """
    before = None
    for station in STATIONS:
        at = times.get(station.name)
        if at is None:
            return station, before
        before = at
    return None
