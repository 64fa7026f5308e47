"""Polling an account that was connected in the browser: names, links, another account's backlog."""

from dataclasses import replace

import pytest

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.polling import add_bulk, ticketed_ids
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Board, Client, Connection, Priority, Ticket
from webapp.services.connections.connect_account import connect_account, disconnect_account
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading


def other_desk(simulator: Simulator, clock: FakeClock, connection: Connection) -> Desk:
    """A desk over a connection that exists already."""
    desk = object.__new__(Desk)
    desk.simulator, desk.account, desk.clock = simulator, simulator.account, clock
    desk.connection_id = connection.id
    return desk


def route(desk: Desk) -> None:
    """Complete the routing as a person would, and start."""
    with reading() as session:
        boards = {board.name: board.id for board in session.query(Board)}
        priorities = {one.name: one.id for one in session.query(Priority)}
        client = session.query(Client).order_by(Client.id).first()
    desk.set(
        board_id=boards["Security"],
        fallback_board_id=boards["Security Triage"],
        fallback_client_id=client.id,
        critical_priority_id=priorities["Critical"],
        high_priority_id=priorities["High"],
        low_priority_id=priorities["Low"],
    )
    desk.set(polling_started_at=desk.clock.now())


@pytest.fixture
def connected(huntress: Simulator, connection: Connection, fake_clock: FakeClock) -> Desk:
    desk = other_desk(huntress, fake_clock, connection)
    route(desk)
    return desk


def test_the_account_is_read_out_of_its_envelope(connected: Desk) -> None:
    """Trap 4: "Connected to undefined", and links to the wrong host."""
    desk = connected
    connection = desk.connection()
    assert connection.account_name == "Acme MSP"
    assert (connection.account_id, connection.subdomain) == ("30911", "acme")
    desk.account.add_incident(now=desk.clock.now(), id=5)
    assert desk.poll().is_success
    assert "(https://acme.huntress.io/incident_reports/5)" in desk.ticket(5).description


def test_disconnecting_and_coming_back_resumes_from_the_cursor(connected: Desk) -> None:
    desk = connected
    add_bulk(desk.account, 2, desk.clock.now())
    desk.poll()
    cursor = desk.connection().cursor
    disconnect_account(desk.connection_id)
    assert desk.poll().skip_reason == "inactive"
    desk.account.add_incident(now=desk.clock.now(), id=50)
    connect_account(
        name="Acme", base_url=desk.simulator.base_url, api_key="hk_demo", api_secret="hs_demo"
    )
    outcome = desk.poll(minutes=60 * 24 * 10)
    assert outcome.run.cursor_before == cursor
    assert ticketed_ids(desk) == ["1", "2", "50"]


def test_another_account_starts_with_a_cursor_of_its_own(
    app, connected: Desk, fake_clock: FakeClock
) -> None:
    """Trap 7: the new account's backlog was skipped with the old account's cursor."""
    desk = connected
    add_bulk(desk.account, 2, desk.clock.now())
    desk.poll()
    disconnect_account(desk.connection_id)
    account = SimulatedAccount(now=fake_clock.now(), account_id=2, name="Other", subdomain="other")
    backlog = add_bulk(account, 3, fake_clock.now(), first_id=1)
    desk.clock.advance(minutes=30)
    with Simulator(account, clock=fake_clock.now) as simulator:
        config = app.extensions["triagedesk_config"]
        hosts = (*config.huntress_hosts, simulator.base_url)
        app.extensions["triagedesk_config"] = replace(config, huntress_hosts=hosts)
        connection = connect_account(
            name="Other", base_url=simulator.base_url, api_key="hk_demo", api_secret="hs_demo"
        )
        assert connection.id != desk.connection_id
        assert connection.cursor is None
        other = other_desk(simulator, fake_clock, connection)
        route(other)
        outcome = poll_connection(connection.id, trigger="manual")
        assert outcome.run.created == len(backlog)
        ticket = other.ticket(1)
        assert "https://other.huntress.io/" in ticket.description
        assert ticket.id != desk.ticket(1).id, "the same incident id in two accounts is two tickets"
    assert desk.count(Ticket) == 5
