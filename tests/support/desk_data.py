"""A desk with believable tickets, written straight into the database: for pages and pictures.

The incidents are those of the simulated demo account, so the same `now` gives the same desk.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.incident import CLOSED_STATUSES, Incident, parse_incident, raw_text
from webapp.domain.portal_link import build_portal_url
from webapp.domain.ticket_text import (
    TicketContext,
    build_body,
    build_creation_note,
    build_title,
    parse_agent,
)
from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.rows import Row
from webapp.models import (
    Alert,
    ApiExchange,
    Board,
    Client,
    Comment,
    Connection,
    OrganizationMapping,
    PollRun,
    Priority,
    Status,
    Ticket,
    User,
)
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.people.users import hash_password
from webapp.services.polling.reports.read_facts import alert_facts, subject_facts
from webapp.services.tickets.indicators.write_indicators import write_indicators
from webapp.services.tickets.ticket_state import set_ticket_status
from webapp.services.transactions import reading, transaction

Named = TypeVar("Named", Board, Priority, Status)

ADMIN = ("ada@example.com", "Ada Okafor")
HELPDESK = ("bo@example.com", "Bo Lindqvist")
PASSWORD = "correct horse battery"
SUBDOMAIN = "tallowreed"
UNMAPPED_EVERY = 5
NOTE = (
    "Called the office manager. The machine is off the network and stays there until it has been"
    " reimaged.\n\n- user signed out everywhere\n- password changed\n- **no** other host talked to"
    " `185.220.101.34`"
)


@dataclass(frozen=True)
class Desk:
    """What was seeded."""

    connection_id: int
    admin_id: int
    helpdesk_id: int


@cache
def password_hash() -> str:
    """The hash of PASSWORD; hashing takes time on purpose, so it is done once."""
    return hash_password(PASSWORD)


@cache
def demo_account(now: datetime) -> SimulatedAccount:
    """The simulated account as of `now`; nobody changes it."""
    return SimulatedAccount.demo(now=now)


def add_people() -> tuple[User, User]:
    """An admin and a helpdesk person, both with PASSWORD."""
    with transaction() as session:
        admin, helpdesk = (
            User(
                email=email,
                name=name,
                role=role,
                password_hash=password_hash(),
                created_at=clock.utcnow(),
            )
            for (email, name), role in ((ADMIN, "admin"), (HELPDESK, "helpdesk"))
        )
        session.add_all([admin, helpdesk])
    return admin, helpdesk


def add_connection(
    now: datetime, *, name: str = "Tallow & Reed Managed IT", **values: object
) -> int:
    """A healthy, routed connection; `values` replace columns."""
    with transaction() as session:
        boards = _ids(session, Board)
        priorities = _ids(session, Priority)
        defaults: dict[str, object] = {
            "name": name,
            "account_name": name,
            "base_url": "https://api.huntress.io",
            "api_key": "hk_seeded",
            "api_secret": "hs_seeded",
            "account_id": str(values.get("account_id", 30_911)),
            "subdomain": SUBDOMAIN,
            "created_at": now - timedelta(days=20),
            "connected_at": now - timedelta(days=20),
            "polling_started_at": now - timedelta(days=20),
            "last_poll_started_at": now - timedelta(minutes=2),
            "last_success_at": now - timedelta(minutes=2),
            "board_id": boards["Security"],
            "fallback_board_id": boards["Security Triage"],
            "fallback_client_id": session.scalars(select(Client.id).order_by(Client.id)).first(),
            "critical_priority_id": priorities["Critical"],
            "high_priority_id": priorities["High"],
            "low_priority_id": priorities["Low"],
        }
        connection = Connection(**{**defaults, **values})
        session.add(connection)
        session.flush()
        return connection.id


def add_run(connection_id: int, now: datetime, **values: object) -> int:
    """A completed poll of two minutes ago; `values` replace columns."""
    defaults: dict[str, object] = {
        "connection_id": connection_id,
        "trigger": "schedule",
        "state": "completed",
        "started_at": now - timedelta(minutes=2, seconds=4),
        "updated_at": now - timedelta(minutes=2),
        "finished_at": now - timedelta(minutes=2),
        "collected": 12,
        "created": 9,
        "noted": 3,
        "api_calls": 4,
    }
    with transaction() as session:
        run = PollRun(**{**defaults, **values})
        session.add(run)
        session.flush()
        return run.id


def fill_desk(now: datetime, *, tickets: int = 90) -> Desk:
    """People, a connection, mapped and unmapped organizations, tickets with timelines."""
    admin, helpdesk = add_people()
    connection_id = fill_tickets(now, tickets=tickets)
    return Desk(connection_id, admin.id, helpdesk.id)


def fill_open_desk(now: datetime, *, tickets: int) -> Desk:
    """As fill_desk does, with all tickets open."""
    desk = fill_desk(now, tickets=tickets)
    with transaction() as session:
        open_status = session.query(Status).filter_by(is_default=True).one()
        for ticket in session.query(Ticket):
            ticket.status, ticket.closed_at = open_status, None
    return desk


def fill_tickets(now: datetime, *, tickets: int) -> int:
    """A connection with tickets for the people there are; returns its id."""
    with reading() as session:
        people = list(session.scalars(select(User).order_by(User.id)))
    connection_id = add_connection(now)
    add_run(connection_id, now)
    account = demo_account(now)
    organizations = {str(row["id"]): row for row in account.organization_rows.values()}
    agents = {str(row["id"]): row for row in account.agent_rows.values()}
    reports = sorted(account.incident_rows.values(), key=lambda row: str(row["sent_at"]))[-tickets:]
    with transaction() as session:
        clients = _add_organizations(session, connection_id, organizations, now)
        for slot in range(7):
            _add_call(session, connection_id, slot, now)
        writer = _Writer(session, connection_id, clients, organizations, agents, now)
        writer.write(reports, people)
    return connection_id


class _Writer:
    """Writes tickets the way the poller would have, and some work of people on top."""

    def __init__(
        self,
        session: Session,
        connection_id: int,
        clients: dict[str, Client],
        organizations: dict[str, Row],
        agents: dict[str, Row],
        now: datetime,
    ) -> None:
        self.session = session
        self.connection_id = connection_id
        self.clients = clients
        self.organizations = organizations
        self.agents = agents
        self.now = now
        self.boards = _rows(session, Board)
        self.priorities = _rows(session, Priority)
        self.statuses = _rows(session, Status)
        self.fallback = session.scalars(select(Client).order_by(Client.id)).first()

    def write(self, reports: list[Row], people: list[User]) -> None:
        numbers = take_ticket_numbers(self.session, len(reports))
        incidents = [parse_incident(report) for report in reports]
        tickets = [
            self._ticket(incident, number)
            for incident, number in zip(incidents, numbers, strict=True)
        ]
        self.session.add_all(tickets)
        self.session.flush()
        rows = zip(reports, incidents, tickets, strict=True)
        for count, (report, incident, ticket) in enumerate(rows, 1):
            created = ticket.created_at
            self._note(ticket, build_creation_note(incident), created)
            self._alert(report, incident, ticket)
            write_indicators(self.session, {ticket.id: incident}, are_new=True)
            if incident.status in CLOSED_STATUSES:
                self._close(ticket, incident.closed_at or created + timedelta(hours=3), people[0])
            elif count % 3 == 0:
                self._work(ticket, people[count % len(people)], created)

    def _ticket(self, incident: Incident, number: str) -> Ticket:
        created = incident.sent_at or self.now - timedelta(hours=1)
        client = self.clients.get(incident.organization_id or "")
        organization = self.organizations.get(incident.organization_id or "", {})
        agent_row = self.agents.get(incident.agent_id or "")
        context = TicketContext(
            portal_url=build_portal_url(SUBDOMAIN, incident.id or ""),
            organization_name=str(organization.get("name") or "") or None,
            agent=parse_agent(agent_row, incident.agent_id or "") if agent_row else None,
            is_unmapped=client is None,
        )
        names = {"critical": "Critical", "high": "High", "low": "Low"}
        return Ticket(
            number=number,
            title=build_title(incident, is_unmapped=client is None),
            description=build_body(incident, context),
            client=client or self.fallback,
            board=self.boards["Security" if client else "Security Triage"],
            status=self.statuses["Open"],
            priority=self.priorities[names.get(incident.severity_word or "", "High")],
            source="huntress",
            connection_id=self.connection_id,
            source_reference=incident.id,
            is_unmapped=client is None,
            **subject_facts(incident, self._hostname(incident)),
            created_at=created,
            updated_at=created,
        )

    def _alert(self, report: Row, incident: Incident, ticket: Ticket) -> None:
        self.session.add(
            Alert(
                connection_id=self.connection_id,
                external_alert_id=incident.id,
                ticket_id=ticket.id,
                status=incident.status,
                severity=incident.severity_word,
                message=incident.subject,
                organization_external_id=incident.organization_id,
                raw_report=raw_text(report),
                agent_external_id=incident.agent_id,
                device_name=self._hostname(incident),
                **alert_facts(incident),
                triggered_at=ticket.created_at,
                observed_at=ticket.created_at,
                created_at=ticket.created_at,
            )
        )

    def _hostname(self, incident: Incident) -> str | None:
        agent = self.agents.get(incident.agent_id or "")
        return str(agent["hostname"]) if agent and agent.get("hostname") else None

    def _note(
        self,
        ticket: Ticket,
        body: str,
        time: datetime,
        author: User | None = None,
        kind: str = "internal_note",
    ) -> None:
        self.session.add(
            Comment(
                ticket_id=ticket.id,
                author_id=author.id if author else None,
                body=body,
                kind=kind,
                created_at=time,
            )
        )

    def _work(self, ticket: Ticket, person: User, created: datetime) -> None:
        start = min(created + timedelta(minutes=14), self.now - timedelta(minutes=3))
        ticket.assignee_id = person.id
        ticket.first_touched_at, ticket.untouched_since = start, None
        set_ticket_status(ticket, self.statuses["In progress"], now=start)
        words = f"Status changed from Open to In progress. Assigned to {person.name}."
        self._note(ticket, words, start, person, "change")
        ticket.updated_at = start + timedelta(minutes=2)
        self._note(ticket, NOTE, ticket.updated_at, person)

    def _close(self, ticket: Ticket, time: datetime, person: User) -> None:
        ticket.first_touched_at, ticket.untouched_since = time, None
        ticket.assignee_id = person.id
        set_ticket_status(ticket, self.statuses["Closed"], now=time)
        self._note(ticket, "Status changed from Open to Closed.", time, person, "change")


def _add_organizations(
    session: Session, connection_id: int, organizations: dict[str, Row], now: datetime
) -> dict[str, Client]:
    """Every organization has a client of its name, except each fifth one."""
    clients = {
        external_id: Client(name=str(row["name"]))
        for position, (external_id, row) in enumerate(organizations.items())
        if position % UNMAPPED_EVERY != UNMAPPED_EVERY - 1
    }
    session.add_all(clients.values())
    session.flush()
    session.add_all(
        OrganizationMapping(
            connection_id=connection_id,
            external_id=external_id,
            name=str(row["name"]),
            client_id=clients[external_id].id if external_id in clients else None,
            created_at=now,
            updated_at=now,
        )
        for external_id, row in organizations.items()
    )
    return clients


def _add_call(session: Session, connection_id: int, slot: int, now: datetime) -> None:
    session.add(
        ApiExchange(
            connection_id=connection_id,
            slot=slot,
            reserved_at=now - timedelta(seconds=20),
            finished_at=now - timedelta(seconds=19),
            method="GET",
            path="/v1/incident_reports",
            status=200,
        )
    )


def _rows(session: Session, model: type[Named]) -> dict[str, Named]:
    return {row.name: row for row in session.scalars(select(model))}


def _ids(session: Session, model: type[Named]) -> dict[str, int]:
    return {name: row.id for name, row in _rows(session, model).items()}
