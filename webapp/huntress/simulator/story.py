"""The demo account's past, with fourteen days of incidents, and its present (`Story`)."""

import random
from datetime import datetime, timedelta
from itertools import islice

from webapp.huntress.simulator.incidents import (
    ANALYSTS,
    add_random_incident,
    finish_remediations,
)
from webapp.huntress.simulator.rows import AccountRows, Row, iso

HISTORY_DAYS = 14
HISTORY_INCIDENTS = 150
HISTORY_OPEN = 60
OPEN_STATUSES = ("sent", "auto_remediating")
_CLOSED_STATUSES = ("closed",) * 8 + ("dismissed", "partner_dismissed")

# An event happens every 15 to 35 seconds, which is two or three a minute.
_GAP_SECONDS = (15, 35)
_STORY_REACH = 400
_MOST_OPEN = 90
_RISES = {"low": "high", "high": "critical"}


def add_history(rows: AccountRows, rng: random.Random, now: datetime) -> None:
    """Add 150 incidents of the last fourteen days, 60 of them open, mostly recent ones.

    One incident has no organization, and the agent of another one is no longer known to Huntress.
    Ids rise with the time when an incident was sent, and no time is later than `now`.
    """
    ages = sorted((_age(rng) for _ in range(HISTORY_INCIDENTS)), reverse=True)
    for age in ages:
        add_random_incident(rows, rng, now - timedelta(seconds=age))
    ids = sorted(rows.incident_rows)
    left_open = _open_ones(rng, ids)
    for position, incident_id in enumerate(ids):
        _give_a_fate(rows, rng, incident_id, ages[position], now, incident_id in left_open)
    _add_odd_ones(rows, ids)


def _age(rng: random.Random) -> int:
    return rng.randrange(600, HISTORY_DAYS * 86_400 - 3600)


def _open_ones(rng: random.Random, ids: list[int]) -> set[int]:
    recent_first = sorted(
        ids, key=lambda incident_id: rng.random() ** 0.6 * (incident_id - ids[0]), reverse=True
    )
    return set(recent_first[:HISTORY_OPEN])


def _give_a_fate(
    rows: AccountRows, rng: random.Random, incident_id: int, age: int, now: datetime, is_open: bool
) -> None:
    sent = now - timedelta(seconds=age)
    later = sent + timedelta(seconds=rng.randrange(60, max(61, min(age, 2 * 86_400))))
    if not is_open:
        close(rows, rng, incident_id, min(later, now))
    elif rng.random() < 0.15:
        rows.update_incident(incident_id, now=sent, status="auto_remediating")
    elif rng.random() < 0.3:
        approve_one(rows, rng, incident_id, min(later, now))


def _add_odd_ones(rows: AccountRows, ids: list[int]) -> None:
    without_agent = [i for i in ids if rows.incident_rows[i]["agent_id"] is None]
    rows.incident_rows[without_agent[-1]]["organization_id"] = None
    with_agent = [i for i in ids if rows.incident_rows[i]["agent_id"] is not None]
    rows.incident_rows[with_agent[-1]]["agent_id"] = 2_400_999
    closed = [i for i in ids if rows.incident_rows[i]["status"] == "closed"]
    rows.incident_rows[closed[-1]]["status"] = "deleting"


def close(rows: AccountRows, rng: random.Random, incident_id: int, at: datetime) -> None:
    """Close the incident at `at` and finish its remediations."""
    items = finish_remediations(rng, rows.incident_rows[incident_id].get("remediations"), at)
    rows.update_incident(incident_id, now=at, remediations=items)
    rows.close_incident(incident_id, now=at, status=rng.choice(_CLOSED_STATUSES))


def approve_one(rows: AccountRows, rng: random.Random, incident_id: int, at: datetime) -> None:
    """Approve the first unapproved remediation, or amend the summary where there is none."""
    row = rows.incident_rows[incident_id]
    items = row.get("remediations")
    waiting = [
        n
        for n, item in enumerate(items if isinstance(items, list) else [])
        if item.get("status") == "unapproved"
    ]
    if not waiting or not isinstance(items, list):
        amend(rows, incident_id, at)
        return
    approved: Row = {
        **items[waiting[0]],
        "status": "approved",
        "approved_at": iso(at),
        "approved_by": dict(rng.choice(ANALYSTS)),
    }
    changed = [*items[: waiting[0]], approved, *items[waiting[0] + 1 :]]
    rows.update_incident(incident_id, now=at, remediations=changed)


def amend(rows: AccountRows, incident_id: int, at: datetime) -> None:
    """Let the SOC add a note with the time `at` to the incident's summary."""
    summary = rows.incident_rows[incident_id].get("summary") or ""
    note = f"Update {at:%H:%M} UTC: we reviewed the timeline again and found nothing further."
    rows.update_incident(incident_id, now=at, summary=f"{summary}\n\n{note}".strip())


class Story:
    """Two or three events a minute from `start` on, the same for the same seed."""

    def __init__(self, *, seed: int, start: datetime) -> None:
        self._seed = seed
        self._count = 0
        self._next_at = start + timedelta(seconds=_GAP_SECONDS[0])

    def advance(self, rows: AccountRows, now: datetime) -> None:
        """Let every event up to `now` happen, each at its own time.

        A `now` that is earlier than before does nothing.
        """
        while self._next_at <= now:
            self._count += 1
            rng = random.Random(f"{self._seed}:{self._count}")
            _happen(rows, rng, self._next_at)
            self._next_at += timedelta(seconds=rng.randint(*_GAP_SECONDS))


def _happen(rows: AccountRows, rng: random.Random, at: datetime) -> None:
    kind = rng.choices(("new", "update", "rise", "close", "reopen"), (36, 22, 8, 28, 6))[0]
    recent = list(islice(reversed(rows.incident_rows), _STORY_REACH))
    is_open = [i for i in recent if rows.incident_rows[i].get("status") in OPEN_STATUSES]
    if kind == "new" and len(is_open) > _MOST_OPEN:
        kind = "close"
    if kind == "reopen":
        fitting = [i for i in recent if rows.incident_rows[i].get("status") == "closed"]
    elif kind == "rise":
        fitting = [i for i in is_open if rows.incident_rows[i].get("severity") in _RISES]
    else:
        fitting = is_open
    if kind == "new" or not fitting:
        add_random_incident(rows, rng, at)
    else:
        _change(rows, rng, kind, rng.choice(fitting), at)


def _change(
    rows: AccountRows, rng: random.Random, kind: str, incident_id: int, at: datetime
) -> None:
    if kind == "update":
        approve_one(rows, rng, incident_id, at)
    elif kind == "rise":
        severity = str(rows.incident_rows[incident_id]["severity"])
        rows.update_incident(incident_id, now=at, severity=_RISES[severity])
    elif kind == "close":
        close(rows, rng, incident_id, at)
    else:
        rows.reopen_incident(incident_id, now=at)
