"""A critical incident at 3 a.m., from the mail on a phone to a ticket that was taken; and a drill.

Everything is real but the time of day: the poll, the steps, the delivery to a mail server with TLS
and a password, the link in the mail. With `TEST_PICTURES` set to a folder, pictures are put there.
"""

import os
import re
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from email.message import EmailMessage
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.support import desk_data
from tests.support.desk_data import ADMIN, HELPDESK
from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import rotate
from tests.support.poller import API_KEY, API_SECRET, Desk
from tests.support.receivers.certificates import Certificates
from tests.support.receivers.mail_server import MailReceiver
from webapp import clock, task_queue
from webapp.domain.notices.target_kinds import Kind
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.jobs import tasks, watcher
from webapp.services.notices.mail_settings import MailValues, save_mail_settings
from webapp.services.notices.offer_policies import OfferChoice, take_offer
from webapp.services.notices.targets.confirm_contact import confirm_contact_method, send_code
from webapp.services.notices.targets.contact_methods import add_contact_method
from webapp.task_queue import QueueStatus

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
BERLIN = ZoneInfo("Europe/Berlin")
PHONE: dict[str, Any] = {
    "viewport": {"width": 390, "height": 844},
    "is_mobile": True,
    "has_touch": True,
}
WELL = QueueStatus(True, has_worker=True, has_scheduler=True)
TAKE = re.compile(r"https?://\S+(/take/\S+)")
HOURS = {"zone": "Europe/Berlin", "begins": "08:00", "ends": "18:00", "weekdays": [0, 1, 2, 3, 4]}


def next_three() -> datetime:
    """The next 3 a.m. in Berlin; browsers and certificates go by the real day."""
    now = datetime.now(BERLIN)
    three = now.replace(hour=3, minute=0, second=0, microsecond=0)
    return three if three > now else three + timedelta(days=1)


class Night:
    """A desk that two people work at, of whom Bo is on call; mails arrive at a real server."""

    def __init__(self, app: Flask, desk: Desk, mail: MailReceiver) -> None:
        self.app, self.desk, self.mail = app, desk, mail
        admin, helpdesk = desk_data.add_people()
        self._set_up(admin.id, helpdesk.id)
        self.mail.mails.clear()
        self.mail.sent_to.clear()

    def _set_up(self, admin_id: int, helpdesk_id: int) -> None:
        save_mail_settings(
            MailValues(
                host="127.0.0.1",
                port=str(self.mail.port),
                user="desk",
                password="secret of the mail server",
                sender="Triagedesk <desk@example.com>",
            )
        )
        for user_id, address in ((admin_id, ADMIN[0]), (helpdesk_id, HELPDESK[0])):
            method = add_contact_method(user_id, Kind.EMAIL, {"to": address})
            send_code(user_id, method.id)
            [code] = re.findall(r"\b\d{6}\b", str(self.mail.mails[-1]["Subject"]))
            confirm_contact_method(user_id, method.id, code)
        rotate(helpdesk_id)
        take_offer(OfferChoice(target_id=None, hours=HOURS))
        assert self.desk.poll(minutes=0).is_success, "what comes later is told as it comes"

    def pass_minutes(self, minutes: float) -> None:
        """Let time pass; whatever has come due then is told and delivered."""
        self.desk.clock.advance(minutes=minutes)
        self.deliver()

    def deliver(self) -> None:
        """What the watcher does where no worker is alive: steps, drills, every target."""
        with self.app.app_context():
            watcher._deliver_everything()

    def mails_to(self, person: tuple[str, str]) -> list[EmailMessage]:
        """The mails that somebody got."""
        pairs = zip(self.mail.mails, self.mail.sent_to, strict=True)
        return [mail for mail, to in pairs if to == [person[0]]]


def words(mail: EmailMessage) -> str:
    body = mail.get_body(("plain",))
    assert body is not None
    return f"{mail['Subject']}\n{body.get_content()}"


def link_in(mail: EmailMessage) -> str:
    found = TAKE.search(words(mail))
    assert found is not None, words(mail)
    return found[1]


@pytest.fixture
def night(app: Flask, url: str, tmp_path: Path) -> Iterator[Night]:
    certificates = Certificates(tmp_path)
    time_of_day = FakeClock(next_three().astimezone(UTC) - timedelta(minutes=5))
    account = SimulatedAccount(now=time_of_day.now(), name="Acme MSP", subdomain="acme")
    with (
        MailReceiver(
            starttls=certificates.fitting(), user="desk", password="secret of the mail server"
        ) as mail,
        clock.replaced(time_of_day.now, time_of_day.sleep),
        Simulator(
            account, clock=time_of_day.now, api_key=API_KEY, api_secret=API_SECRET
        ) as simulator,
    ):
        app.extensions["triagedesk_config"] = replace(
            app.extensions["triagedesk_config"],
            public_url=url,
            huntress_hosts=(simulator.base_url,),
            outbound_hosts=(mail.origin,),
            outbound_ca_file=certificates.ca_file,
        )
        with app.app_context():
            yield Night(app, Desk(simulator, time_of_day), mail)


@pytest.fixture
def look(check_accessibility: Check) -> Callable[[Page, str], None]:
    """Runs axe in both schemes; nothing is cut off at the side; takes pictures if wanted."""

    def _look(page: Page, name: str) -> None:
        for scheme in ("dark", "light"):
            page.emulate_media(color_scheme=scheme)  # type: ignore[arg-type]
            if folder := os.environ.get("TEST_PICTURES"):
                path = Path(folder) / f"three-{name}-{scheme}.png"
                page.screenshot(path=path, full_page=True)
            check_accessibility(page)
            assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), page.url

    return _look


def test_critical_at_three_in_the_morning(
    night: Night, open_page: OpenPage, sign_in: SignIn, look: Callable[[Page, str], None]
) -> None:
    organization = night.desk.account.add_organization("Northwind Dental")
    agent = night.desk.account.add_agent(organization["id"], hostname="NWD-SRV-01")
    night.desk.account.add_incident(
        organization_id=organization["id"],
        agent_id=agent["id"],
        severity="critical",
        summary="Cobalt Strike beacon calls https://c2.example/a every minute.",
        now=night.desk.clock.now(),
    )
    assert night.desk.poll(minutes=5).is_success
    night.deliver()
    [page_of_bo] = night.mails_to(HELPDESK)
    assert "critical" in words(page_of_bo).lower()
    assert "hxxps[:]//c2[.]example/a" in words(page_of_bo)
    assert night.mails_to(ADMIN) == [], "Ada sleeps"
    night.pass_minutes(10)
    night.pass_minutes(10)
    assert len(night.mails_to(HELPDESK)) == 3
    [page_of_ada] = night.mails_to(ADMIN)
    assert link_in(page_of_ada) != link_in(night.mails_to(HELPDESK)[-1]), "links are personal"

    phone = open_page(**PHONE)
    phone.goto(link_in(page_of_bo))
    expect(phone.get_by_text("Northwind Dental").first).to_be_visible()
    expect(phone.get_by_text("NWD-SRV-01").first).to_be_visible()
    expect(phone.get_by_text("Cobalt Strike beacon")).to_be_visible()
    look(phone, "link")
    phone.get_by_role("button", name=f"Take this ticket as {HELPDESK[1]}").tap()
    expect(phone.get_by_text("You have taken this ticket.")).to_be_visible()
    look(phone, "taken")
    phone.goto(link_in(page_of_ada))
    expect(phone.get_by_text(f"{HELPDESK[1]} has taken this ticket already.")).to_be_visible()
    look(phone, "taken-by-another")

    night.pass_minutes(1)
    taken = night.mails_to(ADMIN)[-1]
    assert f"Taken by {HELPDESK[1]}" in words(taken)
    assert taken["References"] or taken["In-Reply-To"], "it joins the thread of the ticket"
    told = len(night.mail.mails)
    for _ in range(3):
        night.pass_minutes(10)
    assert len(night.mail.mails) == told, "nobody is called any more"

    sign_in(phone, HELPDESK)
    phone.goto(link_in(page_of_bo))
    phone.get_by_role("link", name="Open the ticket").tap()
    card = phone.get_by_role("region", name="Who was told")
    expect(card.get_by_role("listitem")).to_have_count(5)
    expect(card).to_contain_text(ADMIN[1])
    expect(card).to_contain_text(HELPDESK[1])
    expect(phone.locator("li.timeline-row").last).to_contain_text(f"Assigned to {HELPDESK[1]}")
    look(phone, "ticket")


def run_job(night: Night, name: str, *, job_id: str | None = None, **values: Any) -> bool:
    """What a worker does with a job."""
    with night.app.app_context():
        tasks.FUNCTIONS[name](**values)
    return True


def test_a_drill_shows_the_seconds_of_each_station(
    night: Night,
    open_page: OpenPage,
    sign_in: SignIn,
    look: Callable[[Page, str], None],
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    jobs: list[tuple[str, dict[str, Any]]] = []
    monkeypatch.setattr(task_queue, "read_queue_status", lambda: WELL)
    monkeypatch.setattr(
        task_queue, "enqueue", lambda name, **values: bool(jobs.append((name, values))) or True
    )
    page = open_page(**PHONE)
    sign_in(page, ADMIN)
    page.goto("/drills")
    expect(page.get_by_text("No drill yet.")).to_be_visible()
    look(page, "drills")
    page.get_by_role("button", name="Start a drill").tap()
    expect(page.get_by_text("The drill has begun").first).to_be_visible()
    expect(page.get_by_role("row", name="Inbox")).to_contain_text("0.0")
    [(name, values)] = jobs
    night.desk.clock.advance(seconds=2)
    run_job(night, name, **values)
    night.pass_minutes(3 / 60)
    night.deliver()  # what was sent is seen in the next round
    page.goto("/drills")
    for station, seconds in (("Plan", "2.0"), ("Policy", "0.0"), ("Delivery", "3.0")):
        expect(page.get_by_role("row", name=station)).to_contain_text(seconds)
    expect(page.get_by_role("row", name="Taken")).to_contain_text("not yet")
    look(page, "drill-running")

    [mail] = night.mails_to(HELPDESK)
    assert str(mail["Subject"]).strip().startswith("DRILL ")
    assert "DRILL" in words(mail).partition("\n")[2]
    phone = open_page(**PHONE)
    phone.goto(link_in(mail))
    expect(phone.get_by_text("DRILL", exact=True).first).to_be_visible()
    look(phone, "drill-link")
    night.desk.clock.advance(seconds=40)
    phone.get_by_role("button", name="Take this ticket").tap()
    expect(phone.get_by_text("You have taken this ticket.")).to_be_visible()

    night.pass_minutes(4 / 60)
    page.goto("/drills")
    expect(page.get_by_text("All reached")).to_be_visible()
    expect(page.get_by_role("row", name="Taken")).to_contain_text("40.0")
    expect(page.get_by_role("row", name="Closed")).to_contain_text("4.0")
    look(page, "drill-done")
    page.get_by_role("link", name=re.compile("TKT-")).first.tap()
    expect(page.get_by_text("DRILL.", exact=True)).to_be_visible()
    expect(page.get_by_role("heading", level=1)).to_contain_text("DRILL")
    look(page, "drill-ticket")
    page.goto("/tickets?state=closed")
    expect(page.get_by_text("DRILL", exact=True).first).to_be_visible()
    phone.reload()
    expect(phone.get_by_text("You have taken this ticket.")).to_be_visible()
    assert all("DRILL" in str(one["Subject"]) for one in night.mail.mails)
