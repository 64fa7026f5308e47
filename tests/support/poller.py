"""Polling a simulated account: what tests of the poll cycle stand on."""

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from flask import Flask
from sqlalchemy import func, select

from tests.support.fake_clock import FakeClock
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import (
    Alert,
    Board,
    Client,
    Comment,
    Connection,
    InboxRow,
    OrganizationMapping,
    Priority,
    Status,
    Ticket,
)
from webapp.services.polling.outcome import PollOutcome
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading, transaction

API_KEY = "hk_test"
API_SECRET = "hs_test"


class Desk:
    """A connected, routed desk over a simulated account; time stands still between steps."""

    def __init__(self, simulator: Simulator, clock: FakeClock) -> None:
        self.simulator = simulator
        self.account: SimulatedAccount = simulator.account
        self.clock = clock
        self.connection_id = self._connect()

    def _connect(self) -> int:
        now = self.clock.now()
        with transaction() as session:
            boards = {board.name: board.id for board in session.scalars(select(Board))}
            priorities = {one.name: one.id for one in session.scalars(select(Priority))}
            fallback = session.scalars(select(Client)).one()
            connection = Connection(
                name="Test account",
                base_url=self.simulator.base_url,
                api_key=API_KEY,
                api_secret=API_SECRET,
                account_id="1",
                subdomain="acme",
                created_at=now,
                polling_started_at=now,
                board_id=boards["Security"],
                fallback_board_id=boards["Security Triage"],
                fallback_client_id=fallback.id,
                critical_priority_id=priorities["Critical"],
                high_priority_id=priorities["High"],
                low_priority_id=priorities["Low"],
            )
            session.add(connection)
            session.flush()
            return connection.id

    def poll(self, *, sweep: bool = False, minutes: float = 5) -> PollOutcome:
        """Let `minutes` pass and poll."""
        self.clock.advance(minutes=minutes)
        return poll_connection(self.connection_id, trigger="command", sweep=sweep)

    def set(self, **values: object) -> None:
        """Change columns of the connection."""
        with transaction() as session:
            connection = session.get(Connection, self.connection_id)
            for name, value in values.items():
                setattr(connection, name, value)

    def connection(self) -> Connection:
        with reading() as session:
            return session.get_one(Connection, self.connection_id, populate_existing=True)

    def add_client(self, name: str, *, is_active: bool = True) -> int:
        with transaction() as session:
            client = Client(name=name, is_active=is_active)
            session.add(client)
            session.flush()
            return client.id

    def closed_status_id(self) -> int:
        with reading() as session:
            return session.scalars(select(Status.id).where(Status.is_closed)).one()

    def map(self, organization_id: object, client_id: int | None, *, tickets: bool = True) -> None:
        """Map an organization as a person does."""
        with transaction() as session:
            row = session.scalars(
                select(OrganizationMapping).where(
                    OrganizationMapping.connection_id == self.connection_id,
                    OrganizationMapping.external_id == str(organization_id),
                )
            ).one_or_none()
            if row is None:
                now = self.clock.now()
                row = OrganizationMapping(
                    connection_id=self.connection_id,
                    external_id=str(organization_id),
                    name=f"Organization {organization_id}",
                    created_at=now,
                    updated_at=now,
                )
                session.add(row)
            row.client_id = client_id
            row.creates_tickets = tickets
            row.decided_by_person_at = self.clock.now()

    def ticket(self, incident_id: object) -> Ticket | None:
        with reading() as session:
            return session.scalars(
                select(Ticket)
                .where(
                    Ticket.connection_id == self.connection_id,
                    Ticket.source_reference == str(incident_id),
                )
                .execution_options(populate_existing=True)
            ).one_or_none()

    def alert(self, incident_id: object) -> Alert | None:
        with reading() as session:
            return session.scalars(
                select(Alert)
                .where(
                    Alert.connection_id == self.connection_id,
                    Alert.external_alert_id == str(incident_id),
                )
                .execution_options(populate_existing=True)
            ).one_or_none()

    def notes(self, incident_id: object) -> list[str]:
        ticket = self.ticket(incident_id)
        assert ticket is not None
        with reading() as session:
            return list(
                session.scalars(
                    select(Comment.body).where(Comment.ticket_id == ticket.id).order_by(Comment.id)
                )
            )

    def inbox(self) -> list[InboxRow]:
        with reading() as session:
            return list(
                session.scalars(
                    select(InboxRow).order_by(InboxRow.id).execution_options(populate_existing=True)
                )
            )

    def count(self, model: type) -> int:
        with reading() as session:
            return session.scalars(select(func.count()).select_from(model)).one()


@contextmanager
def simulated_desk(
    app: Flask, clock: FakeClock, account: SimulatedAccount, **options: Any
) -> Iterator[Desk]:
    """A desk whose account is served by a simulator of its own, sharing the test's clock."""
    with Simulator(
        account, clock=clock.now, api_key=API_KEY, api_secret=API_SECRET, **options
    ) as simulator:
        allow_host(app, simulator.base_url)
        yield Desk(simulator, clock)


def allow_host(app: Flask, base_url: str) -> None:
    """Add an exception for a simulator on loopback to the app's allowed hosts."""
    from dataclasses import replace

    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, huntress_hosts=(base_url,))
