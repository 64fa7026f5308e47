"""A desk as it is after years: 100,000 tickets, 500,000 comments, 300,000 indicators.

The same desk each time; made in well under a minute on both databases. Triggers that keep the
search index are off meanwhile, and the index is filled once at the end.
"""

import random
import runpy
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from flask import Flask
from sqlalchemy import insert, select, text
from sqlalchemy.orm import Session

from bench.triage_data import (
    REPORT_AT,
    REPORT_EVERY,
    fill_triage,
    report_text_of,
    times_of,
    whole_report,
)
from tests.support import desk_data
from webapp import clock
from webapp.extensions import db
from webapp.models import (
    Alert,
    Asset,
    Board,
    Client,
    OrganizationMapping,
    Priority,
    Status,
    Ticket,
    TicketCounter,
    User,
)
from webapp.services.operations.housekeeping import refresh_statistics
from webapp.services.polling.reports.read_facts import FACTS_VERSION
from webapp.services.retention.wipe import empty_write_ahead_log
from webapp.services.tickets.runbooks.install_runbooks import install_runbooks
from webapp.services.transactions import transaction

TICKETS, COMMENTS_EACH, CLIENTS, PEOPLE = 100_000, 5, 2_000, 12
OPEN_EVERY = 10
"""Each tenth ticket is open: 10,000."""

HOSTS, IDENTITIES = 12_000, 6_000
"""Each is of one client, and has several tickets; those of each tenth are all open."""

PIECE = 10_000
DAYS = 3 * 365
THREATS = (
    *("Emotet", "Qakbot", "Cobalt Strike", "Mimikatz", "AsyncRAT", "SocGholish", "Gootloader"),
    *("LockBit", "Akira", "NetSupport", "Sliver", "Remcos", "Lumma Stealer", "RedLine", "IcedID"),
)
KINDS = (
    *(["footholds"], ["process_detections", "footholds"], ["managed_identity"]),
    *(["ransomware_canaries"], ["antivirus_detections"]),
)
TECHNIQUES = (
    "An encoded PowerShell command fetched a second stage from a rented server",
    "A scheduled task started a renamed interpreter from the user's profile",
    "A sign-in from an unknown country was followed by a new inbox rule",
    "A service with a random name was installed from an administrative share",
    "Credentials were read from the memory of lsass by an unsigned program",
    "A browser extension sent the session cookies of the mailbox to elsewhere",
)
COMMENTS = (
    "Called the office manager; the machine is off the network until it has been reimaged.",
    "Password changed, user signed out everywhere, multi-factor methods checked.",
    "Status changed from Open to In progress.",
    "Looked for the same task on the other hosts of this client: nothing found.",
    "The user opened an attachment from a known supplier, whose mailbox was taken over.",
)


def fill_desk_database(app: Flask) -> None:
    """Fill the empty, migrated database of `app`; people are those of tests/support/desk_data."""
    with app.app_context():
        now = clock.utcnow()
        desk_data.add_people()
        connection_id = desk_data.add_connection(now)
        desk_data.add_run(connection_id, now)
        install_runbooks()
        with transaction() as session, _without_triggers(session):
            _add_people(session, now)
            _add_clients(session, connection_id, now)
            _in_pieces(session, Ticket, _ticket_maker(session, connection_id, now))
            _in_pieces(session, Alert, _alert_maker(connection_id, now))
            _add_comments(session)
            people = list(session.scalars(select(User.id).order_by(User.id)))
            fill_triage(session, TICKETS, people, now)
            session.get_one(TicketCounter, 1).last_number = TICKETS
            _fill_search_index(session)
        analyze()


def ticket_number(position: int) -> str:
    """The number of the ticket with this id."""
    return f"TKT-{position:06d}"


def _add_people(session: Session, now: datetime) -> None:
    session.execute(
        insert(User),
        [
            {
                "email": f"person{n}@example.com",
                "name": f"Person {n}",
                "role": "helpdesk",
                "password_hash": "!",
                "created_at": now,
            }
            for n in range(PEOPLE)
        ],
    )


def _add_clients(session: Session, connection_id: int, now: datetime) -> None:
    words = ("Dental", "Legal", "Logistics", "Foods", "Printing", "Motors", "Care", "Bakery")
    session.execute(
        insert(Client),
        [{"name": f"{words[n % len(words)]} company {n:04d}"} for n in range(CLIENTS)],
    )
    clients = session.execute(select(Client.id, Client.name).order_by(Client.id)).all()[1:]
    session.execute(
        insert(OrganizationMapping),
        [
            {
                "connection_id": connection_id,
                "external_id": str(client.id),
                "name": client.name,
                "client_id": client.id if client.id % 20 else None,
                "created_at": now,
                "updated_at": now,
            }
            for client in clients
        ],
    )
    session.execute(
        insert(Asset),
        [
            {"client_id": client.id, "name": f"HOST-{client.id:05d}", "hostname_key": f"h{n}"}
            for n, client in enumerate(clients)
        ],
    )


def _in_pieces(session: Session, model: Any, make: Callable[[int], dict[str, Any]]) -> None:
    for first in range(1, TICKETS + 1, PIECE):
        session.execute(insert(model), [make(n) for n in range(first, first + PIECE)])


def _ticket_maker(
    session: Session, connection_id: int, now: datetime
) -> Callable[[int], dict[str, Any]]:
    boards = list(session.scalars(select(Board.id).order_by(Board.id)))
    priorities = list(session.scalars(select(Priority.id).order_by(Priority.position)))
    open_ones = list(session.scalars(select(Status.id).where(Status.is_closed.is_(False))))
    closed = session.scalars(select(Status.id).where(Status.is_closed)).first()
    clients = list(session.scalars(select(Client.id).order_by(Client.id)))
    people = list(session.scalars(select(User.id).order_by(User.id)))
    chance = random.Random(4)
    homes = chance.choices(clients[1:], k=HOSTS)

    def make(n: int) -> dict[str, Any]:
        created = now - timedelta(days=DAYS * (1 - n / TICKETS), minutes=chance.randrange(60))
        is_open = n % OPEN_EVERY == 0
        touched = None if is_open and n % 3 == 0 else created + timedelta(minutes=20)
        changed = min(created + timedelta(hours=chance.randrange(1, 400)), now)
        threat, technique = chance.choice(THREATS), chance.choice(TECHNIQUES)
        is_unmapped = n % 33 == 0
        home = homes[n % (IDENTITIES if n % 4 == 0 else HOSTS)]
        return {
            "id": n,
            "number": ticket_number(n),
            "title": f"[Huntress] HIGH - {threat} on HOST-{n % HOSTS:05d}",
            "description": _description(n, threat, technique),
            "client_id": clients[0] if is_unmapped else home,
            "board_id": boards[1] if is_unmapped else chance.choice(boards[::2]),
            "status_id": chance.choice(open_ones) if is_open else closed,
            "priority_id": chance.choices(priorities, weights=(1, 4, 3, 2))[0],
            "assignee_id": None if n % 4 == 0 else chance.choice(people),
            "source": "huntress",
            "connection_id": connection_id,
            "source_reference": str(n),
            "is_unmapped": is_unmapped,
            "created_at": created,
            "updated_at": changed,
            "closed_at": None if is_open else changed,
            "first_touched_at": touched,
            "external_reference": f"PSA-{n}" if n % 3 else None,
            "raised_severity": "critical" if n % 500 == 0 else None,
            **subject_of(n),
            "reported_at": created,
            "untouched_since": None if touched else created,
            **times_of(n, now, created, is_open=is_open),
        }

    return make


def subject_of(n: int) -> dict[str, str]:
    """What the ticket with this id is about: a host, or each fourth time an identity."""
    if n % 4 == 0:
        name, kind = f"person{n % IDENTITIES}@client{n % CLIENTS}.example", "identity"
    else:
        name, kind = f"HOST-{n % HOSTS:05d}", "host"
    return {
        "subject_name": name,
        "subject_key": f"{kind}:{name.lower()}",
        "subject_user": f"user{n % 9_000}",
    }


def _description(n: int, threat: str, technique: str) -> str:
    return (
        f"## Security Incident\n- Severity: high\n- Status: sent\n- Platform: windows\n"
        f"- Indicators: footholds (1), process_detections (2)\n\n## SOC Summary\n{technique} by"
        f" {threat}. Process {n * 7 % 65_521:05x}.exe talked to 10.{n % 251}.{n % 241}.{n % 239};"
        f" the file's hash begins with {n * 2_654_435_761 % 2**32:08x}. The host was isolated;"
        " remove the task, reset the user's password, and look for the same task on other hosts."
        f"\n\n## Affected Host\n- Hostname: HOST-{n % HOSTS:05d}\n- OS: Windows 11\n\n"
        "## Links\n- [View in Huntress portal](https://tallowreed.huntress.io/incident_reports/"
        f"{n})\n"
    )


def _alert_maker(connection_id: int, now: datetime) -> Callable[[int], dict[str, Any]]:
    chance = random.Random(5)
    severities = (None, "low", "high", "critical")
    report = whole_report(now)

    def make(n: int) -> dict[str, Any]:
        created = now - timedelta(days=DAYS * (1 - n / TICKETS))
        is_open = n % OPEN_EVERY == 0 and n % 7 != 0
        return {
            "connection_id": connection_id,
            "external_alert_id": str(n),
            "ticket_id": n,
            "status": "sent" if is_open else "closed",
            "severity": chance.choices(severities, weights=(1, 30, 50, 19))[0],
            "was_closed": not is_open,
            "organization_external_id": str(1 + n % CLIENTS),
            "agent_external_id": str(n % HOSTS),
            "device_name": f"HOST-{n % HOSTS:05d}",
            "triggered_at": created,
            "resolved_at": None if is_open else min(created + timedelta(hours=5), now),
            "processed_at": created,
            "observed_at": created,
            "created_at": created,
            "kinds": chance.choice(KINDS),
            "steps_total": 10,
            "steps_left": n % 11,
            "is_isolated": n % 3 == 0,
            "facts_version": FACTS_VERSION,
            "report_text": report_text_of(n, chance.choice(THREATS)),
            "raw_report": report if n % REPORT_EVERY == REPORT_AT else None,
        }

    return make


def _add_comments(session: Session) -> None:
    """Written by the database itself: reading half a million rows from here takes its time."""
    numbered = " UNION ALL ".join(f"SELECT {n} AS n" for n in range(COMMENTS_EACH))
    bodies = " ".join(f"WHEN {n} THEN '{body}'" for n, body in enumerate(COMMENTS))
    session.execute(
        text(
            "INSERT INTO comments (ticket_id, author_id, kind, is_internal, body, created_at)"
            " SELECT tickets.id, CASE WHEN n > 1 THEN 1 END, 'internal_note', true,"
            f" CASE (tickets.id + n) % {len(COMMENTS)} {bodies} END || ' Reference '"
            " || (tickets.id * 31 + n) || '.', created_at"
            f" FROM tickets CROSS JOIN ({numbered}) AS numbers"
        )
    )


@contextmanager
def _without_triggers(session: Session) -> Iterator[None]:
    if session.get_bind().dialect.name == "sqlite":
        found = session.execute(
            text("SELECT name, sql FROM sqlite_master WHERE type = 'trigger' ORDER BY name")
        ).all()
        for name, _ in found:
            session.execute(text(f"DROP TRIGGER {name}"))
        yield
        for _, sql in found:
            session.connection().exec_driver_sql(sql)
        return
    for switch in ("DISABLE", "ENABLE"):
        for table in ("tickets", "comments", "clients", "alerts", "indicators", "attachments"):
            session.execute(text(f"ALTER TABLE {table} {switch} TRIGGER USER"))
        if switch == "DISABLE":
            yield


def _fill_search_index(session: Session) -> None:
    """What migration 0015 does for the tickets that are there."""
    if session.get_bind().dialect.name == "postgresql":
        session.execute(text("SELECT ticket_search_fill(NULL)"))
        return
    path = Path(__file__).parents[1] / "migrations" / "versions" / "0015_triage_desk.py"
    session.connection().exec_driver_sql(runpy.run_path(str(path))["SQLITE_FILL"])


def analyze() -> None:
    """Let the database count what it holds, and move it out of the log of what was written last.

    PostgreSQL does that by itself after a while; SQLite is told to each night.
    """
    refresh_statistics()
    with db.engine.connect().execution_options(isolation_level="AUTOCOMMIT") as connection:
        if connection.dialect.name == "postgresql":
            connection.execute(text("VACUUM ANALYZE"))
            connection.execute(text("CHECKPOINT"))
    db.session.remove()
    empty_write_ahead_log()
