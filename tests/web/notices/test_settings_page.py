"""The page of the mail server, quiet hours and summaries."""

from pathlib import Path

from flask import Flask

from tests.support.receivers.certificates import Certificates
from tests.support.receivers.mail_server import MailReceiver
from tests.support.receivers.outbound_config import allow_outbound
from tests.web.pages import Browser

PAGE = "/notifications/settings"
MAIL = f"{PAGE}/mail"
MESSAGES = f"{PAGE}/messages"
GOOD = {
    "host": "smtp.example.com",
    "user": "desk",
    "password": "hunter2",
    "sender": "Desk <desk@example.com>",
}


def test_a_refused_form_comes_back_without_the_password(admin: Browser) -> None:
    sent = admin.post(MAIL, {**GOOD, "subject": "{titel}"}, on=PAGE)
    page = admin.page_of(sent, status=400)
    assert "{titel} means nothing here" in page.text
    assert page.form(MAIL)["host"] == "smtp.example.com"
    assert "hunter2" not in page.response.text


def test_the_mail_server_is_saved_and_tried(app: Flask, admin: Browser, tmp_path: Path) -> None:
    certificates = Certificates(tmp_path)
    with MailReceiver(tls=certificates.fitting(), user="desk", password="hunter2") as server:
        allow_outbound(app, server.origin, ca_file=certificates.ca_file)
        typed = {**GOOD, "host": "127.0.0.1", "port": str(server.port), "security": "tls"}
        assert admin.post(MAIL, {**typed, "password": "wrong"}, on=PAGE).status_code == 303
        page = admin.get(PAGE)
        assert "The mail server was saved." in page.text
        assert "Stored, and not shown again." in page.text
        admin.post(f"{PAGE}/test-mail", on=PAGE)
        assert "does not accept the user name or the password" in admin.get(PAGE).text
        admin.post(MAIL, typed, on=PAGE)
        admin.post(f"{PAGE}/test-mail", on=PAGE)
        assert "A test mail to ada@example.com was sent. The answer: 250" in admin.get(PAGE).text
    assert server.sent_to == [["ada@example.com"]]
    assert "hunter2" not in admin.get(PAGE).response.text


def test_the_example_follows_the_template(admin: Browser) -> None:
    part = admin.fragment(f"{PAGE}/subject", query_string={"subject": "{number} <b> {client}"})
    assert part.text == "TKT-1042 <b> Corner Bakery"
    assert "Example: [TKT-1042] Critical:" in admin.get(PAGE).text


def test_quiet_hours_are_saved_and_refused_at_their_field(admin: Browser) -> None:
    typed = {"time_zone": "Berlin", "quiet_begins": "22:00", "quiet_ends": "07:00"}
    assert admin.post(MESSAGES, typed, on=PAGE).status_code == 303
    form = admin.get(PAGE).form(MESSAGES)
    assert (form["time_zone"], form["quiet_begins"]) == ("Europe/Berlin", "22:00")
    sent = admin.post(MESSAGES, {"holidays": "Christmas"}, on=PAGE)
    page = admin.page_of(sent, status=400)
    assert "A holiday is written as 2026-12-25" in page.text
    assert page.form(MESSAGES)["holidays"].strip() == "Christmas"


def test_two_admins_do_not_overwrite_each_other(admin: Browser) -> None:
    fields = admin.get(PAGE).form(MAIL)
    admin.client.post(MAIL, data={**fields, **GOOD})
    sent = admin.client.post(MAIL, data={**fields, **GOOD, "user": "other"})
    page = admin.page_of(sent, status=409)
    assert "User (optional) is now: desk" in page.text
    assert page.form(MAIL)["user"] == "other"
