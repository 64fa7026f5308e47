"""A new install's first admin, with 300 organizations and no client: how many clicks it takes.

The clicks, the fields typed into and the seconds are printed (`pytest -s`, or a failing test).
"""

import time
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect
from sqlalchemy import select

from tests.support.databases import make_config
from tests.support.desk_data import ADMIN, PASSWORD
from webapp import clock
from webapp.config import Config
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Board, Client, Ticket
from webapp.services.connections import connect_account
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

KEY, SECRET = "hk_saturday", "hs_saturday"
ORGANIZATIONS = 300
INCIDENT_EVERY = 10
MOST_CLICKS = 14
"""A choice from a list is two of them: opening it, and choosing."""


class Hand:
    """Does what a person does with mouse and keyboard, and counts it."""

    def __init__(self) -> None:
        self.clicks = self.fields = 0
        self._began = time.monotonic()

    def click(self, target: Locator) -> None:
        """Click a link, a button or a box."""
        target.click()
        self.clicks += 1

    def choose(self, target: Locator, label: str) -> None:
        """Open a list and choose from it."""
        target.select_option(label)
        self.clicks += 2

    def type(self, target: Locator, text: str) -> None:
        """Fill a field; one gets from field to field by Tab."""
        target.fill(text)
        self.fields += 1

    def words(self) -> str:
        """What it took until now."""
        seconds = time.monotonic() - self._began
        return f"{self.clicks} clicks, {self.fields} fields typed, {seconds:.1f} s"


@pytest.fixture
def account() -> SimulatedAccount:
    """300 organizations, thirty of which have an open incident."""
    rows = SimulatedAccount(now=clock.utcnow(), name="Acme MSP", subdomain="acme")
    for number in range(ORGANIZATIONS):
        organization = rows.add_organization(customer(number))
        if number % INCIDENT_EVERY == 0:
            add_incident(rows, organization["id"])
    return rows


def customer(number: int) -> str:
    return f"Customer {number:03}"


def add_incident(rows: SimulatedAccount, organization_id: int, hours: int = 3) -> None:
    then = clock.utcnow() - timedelta(hours=hours)
    agent = rows.add_agent(organization_id, hostname=f"PC-{organization_id}")
    rows.add_incident(
        organization_id=organization_id, agent_id=agent["id"], severity="high", now=then
    )


@pytest.fixture
def simulator(account: SimulatedAccount, monkeypatch: pytest.MonkeyPatch) -> Iterator[Simulator]:
    """Stands where Huntress's own address does, so that nobody has to type another one."""
    with Simulator(account, api_key=KEY, api_secret=SECRET) as simulator:
        monkeypatch.setattr(connect_account, "DEFAULT_BASE_URL", simulator.base_url)
        yield simulator


@pytest.fixture
def config(tmp_path: Path, database_url: str, simulator: Simulator) -> Config:
    return make_config(tmp_path, database_url, huntress_hosts=(simulator.base_url,))


def become_admin(hand: Hand, page: Page, token: str) -> None:
    page.goto("/")
    hand.type(page.get_by_label("Setup token"), token)
    hand.type(page.get_by_label("Your name"), ADMIN[1])
    hand.type(page.get_by_label("E-mail address"), ADMIN[0])
    hand.type(page.get_by_label("Password"), PASSWORD)
    hand.click(page.get_by_role("button", name="Create admin"))


def connect(hand: Hand, page: Page) -> None:
    hand.click(page.get_by_role("link", name="Connect an account"))
    hand.type(page.get_by_label("API key"), KEY)
    hand.type(page.get_by_label("API secret"), SECRET)
    hand.click(page.get_by_role("button", name="Connect", exact=True))
    expect(page.get_by_text('Connected to Huntress account "Acme MSP".')).to_be_visible()


def route(hand: Hand, page: Page) -> None:
    """Priorities and the only client there is are chosen already."""
    hand.choose(page.get_by_label("Security board", exact=False), "Security")
    hand.choose(page.get_by_label("Fallback (triage) board"), "Security Triage")
    hand.click(page.get_by_role("button", name="Save routing configuration"))
    expect(page.get_by_text("Routing configuration saved")).to_be_visible()


def create_clients(hand: Hand, page: Page) -> None:
    hand.click(page.get_by_role("link", name="Map organizations").first)
    hand.click(page.get_by_role("link", name=f"Create clients for all {ORGANIZATIONS}"))
    hand.click(page.get_by_role("button", name="Create and link"))
    expect(page.get_by_text("300 clients created, 300 organizations linked.")).to_be_visible()


def start(hand: Hand, page: Page) -> None:
    hand.click(page.get_by_role("link", name="Preview and start"))
    expect(page.get_by_role("heading", name="30 tickets")).to_contain_text("30 on Security")
    hand.click(page.get_by_role("button", name="Start polling"))
    expect(page.get_by_text("Polling is started.")).to_be_visible()


def poll(app: Flask) -> None:
    """What the worker does."""
    with app.app_context():
        outcome = poll_connection(1, trigger="command")
    assert outcome.is_success, outcome.error
    assert outcome.run is not None


def clients_and_boards(app: Flask) -> dict[str, str]:
    """The board of each client's tickets."""
    with app.app_context(), reading() as session:
        rows = session.execute(
            select(Client.name, Board.name).select_from(Ticket).join(Client).join(Board)
        ).all()
    assert len(rows) == len(dict(rows)), "one ticket each"
    return dict(rows)


def test_from_nothing_to_started_polling(
    app: Flask, account: SimulatedAccount, open_page: Callable[..., Page]
) -> None:
    with app.app_context():
        token = str(issue_setup_token())
    page = open_page(viewport={"width": 1440, "height": 900})
    hand = Hand()
    become_admin(hand, page, token)
    connect(hand, page)
    route(hand, page)
    create_clients(hand, page)
    start(hand, page)
    print(f"\nFrom the first admin to started polling: {hand.words()}")
    assert hand.clicks <= MOST_CLICKS, hand.words()

    poll(app)
    expected = {customer(number) for number in range(0, ORGANIZATIONS, INCIDENT_EVERY)}
    assert clients_and_boards(app) == dict.fromkeys(expected, "Security")
    late = max(account.organization_rows)  # the one of the last customer
    add_incident(account, late, hours=0)
    poll(app)
    assert clients_and_boards(app) == dict.fromkeys({*expected, customer(299)}, "Security")
    page.goto("/tickets")
    expect(page.locator("a.ticket-link")).to_have_count(31)
