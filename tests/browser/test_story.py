"""The admin's whole story, against a simulated Huntress account: from the first admin to closings.

Once with scripts and once without; then what helpdesk sees of it.
"""

import re
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Locator, Page, expect

from tests.support.databases import make_config
from tests.support.desk_data import ADMIN, HELPDESK, PASSWORD
from webapp import clock
from webapp.config import Config
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Client, PollRun
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import transaction

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
KEY, SECRET = "hk_story", "hs_story"
CONNECTION = "/integrations/huntress/1"
ORGANIZATIONS = f"{CONNECTION}/organizations"


class Account:
    """Five organizations with an open incident each, and a clock that never waits for minutes."""

    def __init__(self) -> None:
        self.rows = SimulatedAccount(now=clock.utcnow(), name="Acme MSP", subdomain="acme")
        self.incidents: dict[str, int] = {}
        for name in ("Northwind Dental", "Globex", "Fabrikam Legal", "Contoso Foods", "Test Lab"):
            organization = self.rows.add_organization(name)
            agent = self.rows.add_agent(organization["id"], hostname=f"{name[:3].upper()}-PC")
            incident = self.rows.add_incident(
                organization_id=organization["id"],
                agent_id=agent["id"],
                severity="critical",
                now=clock.utcnow() - timedelta(hours=3),
            )
            self.incidents[name] = incident["id"]


@pytest.fixture
def account() -> Account:
    return Account()


@pytest.fixture
def simulator(account: Account) -> Iterator[Simulator]:
    with Simulator(account.rows, api_key=KEY, api_secret=SECRET) as simulator:
        yield simulator


@pytest.fixture
def config(tmp_path: Path, database_url: str, simulator: Simulator) -> Config:
    return make_config(tmp_path, database_url, huntress_hosts=(simulator.base_url,))


def run_poll(app: Flask) -> PollRun:
    """What the worker does once it was asked to poll."""
    with app.app_context():
        outcome = poll_connection(1, trigger="manual")
    assert outcome.is_success, outcome.error
    assert outcome.run is not None
    return outcome.run


def set_up(page: Page, token: str) -> None:
    page.goto("/")
    page.get_by_label("Setup token").fill(token)
    page.get_by_label("Your name").fill(ADMIN[1])
    page.get_by_label("E-mail address").fill(ADMIN[0])
    page.get_by_label("Password").fill(PASSWORD)
    page.get_by_role("button", name="Create admin").click()
    expect(page.get_by_role("heading", name="Dashboard", exact=True)).to_be_visible()


def connect(page: Page, url: str) -> None:
    """First with a wrong key, then with the right one."""
    page.get_by_role("link", name="Integrations", exact=True).click()
    page.get_by_role("link", name="Connect", exact=False).first.click()
    page.get_by_text("Advanced", exact=True).click()
    page.get_by_label("Base URL").fill(url)
    page.get_by_label("API key").fill("hk_wrong")
    page.get_by_label("API secret").fill("hs_wrong")
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_role("alert")).to_contain_text("the API key or the secret is wrong")
    expect(page.get_by_label("Base URL")).to_have_value(url)
    page.get_by_label("API key").fill(KEY)
    page.get_by_label("API secret").fill(SECRET)
    page.get_by_role("button", name="Connect", exact=True).click()
    expect(page.get_by_text('Connected to Huntress account "Acme MSP".')).to_be_visible()


def complete_routing(page: Page) -> None:
    paused = page.get_by_text("Incident polling is paused until the routing configuration")
    expect(paused).to_be_visible()
    page.get_by_label("Security board", exact=False).select_option("Security")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_text("Saved, but routing is still incomplete")).to_be_visible()
    expect(page.locator("#connection-1")).to_contain_text(
        "Missing: Fallback client, Fallback (triage) board"
    )
    expect(page.get_by_role("button", name="Poll now")).to_be_disabled()
    page.get_by_label("Fallback client").select_option("Internal (unmapped security)")
    page.get_by_label("Fallback (triage) board").select_option("Security Triage")
    page.get_by_label("Close tickets when Huntress closes the incident").check()
    page.get_by_label("Closed status").select_option("Closed")
    page.get_by_role("button", name="Save routing configuration").click()
    expect(page.get_by_text("Routing configuration saved")).to_be_visible()
    expect(paused).to_have_count(0)


def row(page: Page, name: str) -> Locator:
    return page.get_by_role("row").filter(has=page.get_by_role("rowheader", name=name))


def map_organizations(page: Page) -> None:
    """One is auto-matched, one ambiguous, one gets a new client, one is excluded."""
    page.goto(ORGANIZATIONS)
    expect(row(page, "Northwind Dental")).to_contain_text("Auto-matched")
    expect(row(page, "Globex")).to_contain_text("Ambiguous")
    expect(row(page, "Globex")).to_contain_text("GLOBEX")
    row(page, "Globex").get_by_label("Client of Globex").fill("Globex")
    row(page, "Test Lab").get_by_label("Create tickets").uncheck()
    page.get_by_role("button", name="Save", exact=False).last.click()
    expect(row(page, "Globex")).to_contain_text("Mapped")
    expect(row(page, "Test Lab")).to_contain_text("Excluded")
    row(page, "Fabrikam Legal").get_by_label("Select Fabrikam Legal").check()
    page.get_by_role("button", name="Create clients").click()
    page.get_by_role("button", name="Create and link").click()
    expect(row(page, "Fabrikam Legal")).to_contain_text("Mapped")
    expect(row(page, "Contoso Foods")).to_contain_text("Unmapped → triage")


def preview_and_start(page: Page, *, has_script: bool) -> None:
    page.goto(f"{CONNECTION}/preview")
    if not has_script:
        page.get_by_role("button", name="Look at Huntress").click()
    expect(page.get_by_role("heading", name="4 tickets")).to_contain_text(
        "3 on Security, 1 on Security Triage"
    )
    page.get_by_role("button", name="Start polling").click()
    expect(page).to_have_url(re.compile(f"{CONNECTION}(#.*)?$"))


def tickets(page: Page, query: str = "") -> Locator:
    page.goto(f"/tickets{query}")
    return page.locator("a.ticket-link")


def poll_now(page: Page, app: Flask) -> PollRun:
    """Press the button, let the poll happen, read on the page how it ended."""
    page.goto(CONNECTION)
    page.get_by_role("button", name="Poll now").click()
    expect(page.locator("#connection-1")).to_contain_text("Waiting for a worker")
    run = run_poll(app)
    page.goto(CONNECTION)
    expect(page.locator("#connection-1")).to_contain_text(f"{run.collected} collected")
    return run


def move_off_triage(page: Page) -> None:
    """An organization gets its client, and its open tickets follow it."""
    page.goto(ORGANIZATIONS)
    row(page, "Contoso Foods").get_by_label("Client of Contoso Foods").fill("Northwind Dental")
    page.get_by_role("button", name="Save", exact=False).last.click()
    page.get_by_role("button", name="Move 1 open ticket").click()
    expect(tickets(page, "?triage=1")).to_have_count(0)
    expect(tickets(page)).to_have_count(4)


def unmap(page: Page, name: str) -> None:
    page.goto(ORGANIZATIONS)
    row(page, name).get_by_label(f"Client of {name}").fill("")
    page.get_by_role("button", name="Save", exact=False).last.click()
    expect(row(page, name)).to_contain_text("Unmapped → triage")


@pytest.mark.parametrize("has_script", [True, False], ids=["script", "no-script"])
def test_from_the_first_admin_to_closed_incidents(
    app: Flask, account: Account, simulator: Simulator, open_page: OpenPage, has_script: bool
) -> None:
    with app.app_context():
        token = str(issue_setup_token())
        with transaction() as session:
            session.add_all(map(_client, ("Northwind Dental", "Globex", "GLOBEX")))
    page = open_page(java_script_enabled=has_script)
    set_up(page, token)
    connect(page, simulator.base_url)
    complete_routing(page)
    map_organizations(page)
    preview_and_start(page, has_script=has_script)

    assert run_poll(app).created == 4
    expect(tickets(page)).to_have_count(4)
    expect(tickets(page, "?triage=1")).to_have_count(1)
    move_off_triage(page)
    unmap(page, "Globex")
    assert poll_now(page, app).created == 0
    expect(tickets(page)).to_have_count(4)

    account.rows.close_incident(account.incidents["Fabrikam Legal"], now=clock.utcnow())
    assert poll_now(page, app).closed == 1
    expect(tickets(page)).to_have_count(3)
    tickets(page, "?state=closed").first.click()
    expect(page.get_by_role("heading", level=1)).to_contain_text("Fabrikam Legal")
    expect(page.get_by_text("Closed", exact=True).first).to_be_visible()
    expect(page.locator("li.timeline-row").last).to_contain_text("closed")


def test_what_helpdesk_sees_of_it(desk: object, open_page: OpenPage, sign_in: SignIn) -> None:
    page = open_page()
    sign_in(page, HELPDESK)
    expect(page.locator("#connection-1")).to_contain_text("Connected to")
    expect(page.get_by_role("button", name="Poll now")).to_be_enabled()
    for name in ("Integrations", "Clients", "Users", "Audit log", "Routing", "Disconnect"):
        expect(page.get_by_role("link", name=name)).to_have_count(0)
    for path in ("/integrations", CONNECTION, ORGANIZATIONS, f"{CONNECTION}/preview", "/clients"):
        page.goto(path)
        expect(page.get_by_role("heading", name="This is for admins")).to_be_visible()


def _client(name: str) -> Client:
    return Client(name=name)
