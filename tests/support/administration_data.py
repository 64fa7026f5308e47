"""Polls, quarantined reports, calls and people for the pages of administration."""

import json
from datetime import datetime, timedelta

from tests.support import desk_data
from webapp.models import Alert, ApiExchange, InboxRow, Ticket
from webapp.services.audit import record_event
from webapp.services.transactions import transaction

FAILED_WALK = "Huntress answered with an error of its own (status 502)."
STRANGE_STATUS = "The report's remediations are no list; it could not be read."
REPORT = {
    "id": 918273,
    "subject": "CRITICAL - Incident on RECEPTION-PC (Fernhill Dental)",
    "severity": "critical",
    "status": "sent",
    "remediations": "none yet",
    "organization_id": 4711,
}


def add_reports(connection_id: int, now: datetime, *, ticket_id: int | None = None) -> list[int]:
    """A report with a ticket, one without an id, one that is due, one that was dismissed."""
    with transaction() as session:
        rows = [
            _report(connection_id, "918273", now, minutes=190, payload=json.dumps(REPORT)),
            _report(
                connection_id,
                "sha256:" + "5f" * 32,
                now,
                minutes=55,
                error="The report has no id.",
                next_try_at=None,
                payload='{"subject":"LOW - no id"}',
            ),
            _report(connection_id, "918300", now, minutes=20, next_try_at=now),
            _report(
                connection_id,
                "917001",
                now,
                minutes=3000,
                next_try_at=None,
                dismissed_at=now - timedelta(hours=5),
                dismissed_reason="A test incident of Huntress's own; they confirmed it by mail.",
            ),
        ]
        session.add_all(rows)
        if ticket_id is not None:
            session.get_one(Ticket, ticket_id).source_reference = "918273"
            session.add(
                Alert(
                    connection_id=connection_id,
                    external_alert_id="918273",
                    ticket_id=ticket_id,
                    is_incomplete=True,
                    observed_at=now,
                    created_at=now,
                )
            )
        session.flush()
        return [row.id for row in rows]


def _report(
    connection_id: int, key: str, now: datetime, *, minutes: int, **values: object
) -> InboxRow:
    time = now - timedelta(minutes=minutes)
    defaults: dict[str, object] = {
        "connection_id": connection_id,
        "external_key": key,
        "payload": "{}",
        "content_hash": f"{minutes:064d}",
        "fetched_at": time,
        "first_fetched_at": time,
        "quarantined_at": time,
        "attempts": 3,
        "error": STRANGE_STATUS,
        "next_try_at": now + timedelta(minutes=40),
    }
    return InboxRow(**{**defaults, **values})


def add_polls(connection_id: int, now: datetime, *, actor_id: int | None = None) -> list[int]:
    """Two good polls, a failed one, an interrupted one and a row of skips, oldest first."""

    def add(minutes: int, seconds: int = 4, **values: object) -> int:
        started = now - timedelta(minutes=minutes)
        times = {"started_at": started, "finished_at": started + timedelta(seconds=seconds)}
        return desk_data.add_run(connection_id, now, **{**times, **values})

    nothing = {"collected": 0, "created": 0, "noted": 0}
    return [
        add(400, 312, collected=1204, created=1180, noted=24, api_calls=61, waited_seconds=58.0,
            is_sweep=True, cursor_after=now - timedelta(minutes=401)),
        add(300, 0, state="skipped", skip_reason="paused", repeats=26, api_calls=0, **nothing),
        add(60, 97, state="error", error=FAILED_WALK, api_calls=3, waited_seconds=14.2, **nothing),
        add(40, 21, state="interrupted", api_calls=2,
            error="The poll was interrupted; the next one went on where it stopped.", **nothing),
        add(10, 6, trigger="manual", actor_id=actor_id, collected=14, created=9, noted=4, failed=1,
            quarantined=1, closed=2, cursor_before=now - timedelta(minutes=45),
            cursor_after=now - timedelta(minutes=11)),
    ]  # fmt: skip


def add_calls(connection_id: int, now: datetime) -> None:
    """Calls of every kind of outcome; the desk's own seven took the slots before."""
    kinds: list[dict[str, object]] = [
        {"status": 200, "milliseconds": 412, "rows": 500},
        {"status": 200, "milliseconds": 96, "rows": 0, "path": "/v1/organizations"},
        {"status": 404, "milliseconds": 61, "path": "/v1/agents/771"},
        {"status": 429, "milliseconds": 40},
        {"status": 502, "milliseconds": 1204},
        {"status": None, "milliseconds": 30_000},
        {"status": None, "milliseconds": None, "finished_at": None, "reserved_at": now},
    ]
    with transaction() as session:
        for position, kind in enumerate(kinds):
            time = now - timedelta(minutes=9 - position)
            defaults: dict[str, object] = {
                "connection_id": connection_id,
                "slot": 100 + position,
                "reserved_at": time,
                "finished_at": time + timedelta(seconds=1),
                "method": "GET",
                "path": "/v1/incident_reports",
            }
            session.add(ApiExchange(**{**defaults, **kind}))


def add_events(connection_id: int, admin_id: int) -> None:
    """Changes of every look: names, times, secrets, numbers, what no person did."""
    with transaction() as session:
        for action, kind, key, before, after in (
            ("user.role_set", "user", admin_id, {"role": "helpdesk"}, {"role": "admin"}),
            (
                "routing.saved",
                "connection",
                connection_id,
                {"board_id": 3, "poll_interval_minutes": 5, "auto_close_tickets": False},
                {"board_id": 1, "poll_interval_minutes": 10, "auto_close_tickets": True},
            ),
            (
                "connection.credentials_replaced",
                "connection",
                connection_id,
                None,
                {"api_key": "hk_a_secret", "api_secret": "hs_a_secret"},
            ),
            (
                "ticket.changed",
                "ticket",
                1,
                {"status": "Open", "assignee": None},
                {"status": "In progress", "assignee": desk_data.HELPDESK[0]},
            ),
            ("board.deactivated", "board", 2, None, {"name": "=cmd|' /C calc'!A0"}),
        ):
            record_event(
                session,
                action=action,
                subject_type=kind,
                subject_id=key,
                before=before,
                after=after,
                actor_id=admin_id,
            )
        record_event(session, action="polling.started", subject_type="connection", subject_id=1)
