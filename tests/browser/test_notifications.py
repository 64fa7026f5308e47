"""Setting up notifications in a real browser: a mail server, a Teams channel, a contact method."""

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from flask import Flask
from playwright.sync_api import Page, expect

from tests.browser.pictures import notices
from tests.support.desk_data import ADMIN, HELPDESK, Desk
from tests.support.receivers import provider_rules as rules
from tests.support.receivers.certificates import Certificates
from tests.support.receivers.mail_server import MailReceiver
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.receivers.providers import Providers

OpenPage = Callable[..., Page]
SignIn = Callable[[Page, tuple[str, str]], None]
Check = Callable[[Page], None]
PHONE = {"viewport": {"width": 390, "height": 844}}
PASSWORD = "correct horse"


@pytest.fixture
def receivers(app: Flask, tmp_path: Path) -> Iterator[tuple[MailReceiver, Providers]]:
    """A mail server with STARTTLS and a user, and one that plays Teams; the app may reach both."""
    certificates = Certificates(tmp_path)
    tls = certificates.fitting()
    with (
        MailReceiver(starttls=tls, user="desk", password=PASSWORD) as mail,
        Providers() as teams,
    ):
        allow_outbound(app, mail.origin, teams.origin, ca_file=certificates.ca_file)
        yield mail, teams


def set_up_mail(page: Page, port: int, password: str) -> None:
    """Fill in the form of the mail server, save it, and ask for a test mail."""
    page.get_by_role("textbox", name="Server").fill("127.0.0.1")
    page.get_by_label("Port").fill(str(port))
    page.get_by_label("User (optional)").fill("desk")
    page.get_by_role("textbox", name="Password").fill(password)
    page.get_by_label("Sender").fill("Triagedesk <desk@example.com>")
    page.get_by_role("button", name="Save mail server").click()
    page.get_by_text("The mail server was saved.").wait_for()
    page.get_by_role("button", name="Send a test mail to").click()


@pytest.mark.parametrize(
    "options", [{}, {**PHONE, "java_script_enabled": False}], ids=["wide", "phone without scripts"]
)
def test_a_mail_server_and_a_teams_channel_are_set_up(
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    receivers: tuple[MailReceiver, Providers],
    options: dict[str, object],
) -> None:
    mail, teams = receivers
    page = open_page(**options)
    sign_in(page, ADMIN)
    page.goto("/notifications/settings")
    set_up_mail(page, mail.port, "wrong")
    expect(page.get_by_role("alert")).to_contain_text("does not accept the user name")
    set_up_mail(page, mail.port, PASSWORD)
    expect(page.get_by_text("A test mail to ada@example.com was sent.")).to_be_visible()
    assert mail.sent_to == [["ada@example.com"]]

    page.get_by_role("link", name="Targets", exact=True).click()
    page.get_by_role("link", name="Add a target", exact=True).click()
    page.get_by_role("link", name="Microsoft Teams").click()
    page.get_by_role("textbox", name="Name").fill("SOC channel")
    page.get_by_role("button", name="Add target").click()
    expect(page.get_by_role("alert")).to_contain_text("Workflow address is missing.")
    expect(page.get_by_role("textbox", name="Name")).to_have_value("SOC channel")
    address = f"{teams.origin}{rules.TEAMS_PATH}?sig="
    page.get_by_label("Workflow address").fill(f"{address}wrong")
    page.get_by_role("button", name="Add target").click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_role("alert")).to_contain_text("401")
    page.get_by_label("Workflow address").fill(f"{address}{rules.TEAMS_SIGNATURE}")
    page.get_by_role("button", name="Save", exact=True).click()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test was sent. The answer: 202")).to_be_visible()
    assert rules.TEAMS_SIGNATURE not in page.content()
    page.get_by_role("link", name="Targets", exact=True).click()
    expect(page.get_by_role("row", name="SOC channel")).to_contain_text("Works")


def test_a_contact_method_is_confirmed_on_a_phone(
    desk: Desk, open_page: OpenPage, sign_in: SignIn, receivers: tuple[MailReceiver, Providers]
) -> None:
    mail, _ = receivers
    admin = open_page()
    sign_in(admin, ADMIN)
    admin.goto("/notifications/settings")
    set_up_mail(admin, mail.port, PASSWORD)
    expect(admin.get_by_text("was sent.")).to_be_visible()

    page = open_page(**PHONE)
    sign_in(page, HELPDESK)
    page.goto("/preferences")
    page.get_by_role("link", name="Add a contact method").click()
    page.get_by_role("link", name="Email").click()
    page.get_by_role("textbox", name="Address").fill("bo@phone.example.com")
    page.get_by_role("button", name="Send the code").click()
    page.get_by_text("A code was sent there.").wait_for()
    code = str(mail.mails[-1]["Subject"]).split()[0]
    assert len(code) == 6
    page.get_by_label("The code that was sent there").fill(code)
    page.get_by_role("button", name="Confirm Email").click()
    expect(page.get_by_text("you are reached there from now on")).to_be_visible()
    page.get_by_role("button", name="Send a test").click()
    expect(page.get_by_text("The test was sent.")).to_be_visible()
    assert mail.sent_to[-1] == ["bo@phone.example.com"]


def test_the_example_of_the_subject_follows_what_is_typed(
    desk: Desk, open_page: OpenPage, sign_in: SignIn
) -> None:
    page = open_page()
    sign_in(page, ADMIN)
    page.goto("/notifications/settings")
    page.get_by_label("Subject of mails").fill("")
    page.get_by_label("Subject of mails").press_sequentially("{client}: {number}")
    expect(page.locator("#subject-example")).to_have_text("Corner Bakery: TKT-1042")


@pytest.mark.parametrize(
    ("scheme", "size"),
    [("light", {}), pytest.param("dark", PHONE, marks=pytest.mark.soak)],
    ids=["wide", "phone"],
)
def test_the_pages_are_accessible_and_fit(
    desk: Desk,
    open_page: OpenPage,
    sign_in: SignIn,
    check_accessibility: Check,
    app: Flask,
    scheme: str,
    size: dict[str, object],
) -> None:
    with app.app_context():
        hook = notices.fill()
    page = open_page(color_scheme=scheme, **size)
    sign_in(page, ADMIN)
    for path in (
        "/notifications/targets",
        "/notifications/targets/new",
        "/notifications/targets/new?kind=sms",
        f"/notifications/targets/{hook}",
        "/notifications/outbox",
        "/notifications/mutes",
        "/notifications/settings",
        "/preferences",
        "/preferences/contact-methods/new",
        "/clients/2",
        f"/tickets/{notices.told_ticket(app)}",
    ):
        page.goto(path)
        check_accessibility(page)
        width = page.evaluate("document.documentElement.scrollWidth - window.innerWidth")
        assert width <= 0, f"{path} is {width} px too wide"
