"""The mail server and what all messages share: checked, audited, never overwritten."""

import json
from dataclasses import replace
from pathlib import Path

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.receivers.certificates import Certificates
from tests.support.receivers.mail_server import MailReceiver
from tests.support.receivers.notices_data import add_target
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.rows import audit_actions, audit_events, fresh
from webapp import clock
from webapp.models import NotificationSettings, Target
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.mail_settings import (
    MailValues,
    mail_version,
    read_mail_values,
    save_mail_settings,
    subject_example,
)
from webapp.services.notices.message_settings import (
    MessageValues,
    as_values,
    message_version,
    read_message_settings,
    save_message_settings,
)
from webapp.services.notices.targets.try_target import send_test_mail

GOOD = MailValues(
    host="smtp.example.com", user="desk", password="hunter2", sender="Desk <desk@example.com>"
)


@both_databases
def test_the_mail_server_is_stored_and_its_password_stays_hidden(app: Flask) -> None:
    assert save_mail_settings(replace(GOOD, subject=read_mail_values().subject))
    assert fresh(NotificationSettings, 1).mail_password == "hunter2"
    assert read_mail_values().password == ""
    assert not save_mail_settings(replace(GOOD, password="")), "nothing changed"
    assert save_mail_settings(replace(GOOD, password="", port="465", security="tls"))
    stored = fresh(NotificationSettings, 1)
    assert (stored.mail_password, stored.mail_port, stored.mail_security) == ("hunter2", 465, "tls")
    events = audit_events()
    assert [one.action for one in events] == ["notification_settings.changed"] * 2
    assert events[0].after["mail_password"] == "changed"
    assert "hunter2" not in json.dumps([[one.before, one.after] for one in events])


def test_without_a_user_there_is_no_password(app: Flask) -> None:
    save_mail_settings(GOOD)
    assert save_mail_settings(replace(GOOD, user="", password=""))
    assert fresh(NotificationSettings, 1).mail_password is None


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("host", ""),
        ("host", "https://smtp.example.com"),
        ("host", "127.0.0.1"),
        ("host", "mailserver"),
        ("port", "0"),
        ("port", "65536"),
        ("port", "٤٦٥"),
        ("security", "ssl"),
        ("sender", "desk"),
        ("password", ""),
        ("subject", "[{number}] {titel}"),
        ("subject", "[{number] {title}"),
        ("subject", "x" * 201),
    ],
)
def test_what_cannot_be_right_is_refused_at_its_field(app: Flask, field: str, wrong: str) -> None:
    with pytest.raises(FieldError) as refused:
        save_mail_settings(replace(GOOD, **{field: wrong}))
    assert set(refused.value.fields) == {field}
    assert fresh(NotificationSettings, 1).mail_host is None


def test_a_stored_password_is_not_sent_to_another_server(app: Flask) -> None:
    save_mail_settings(GOOD)
    with pytest.raises(FieldError) as refused:
        save_mail_settings(replace(GOOD, host="smtp.example.net", password=""))
    assert "Enter it again" in refused.value.fields["password"]


def test_the_example_shows_what_a_subject_becomes(app: Flask) -> None:
    assert subject_example("{client_reference} {number}: {severity}") == "C-204 TKT-1042: Critical"
    assert subject_example("").startswith("[TKT-1042] Critical: ")


@both_databases
def test_mail_targets_that_were_refused_are_tried_again_with_a_new_server(app: Flask) -> None:
    save_mail_settings(GOOD)
    now = clock.utcnow()
    refused = add_target("soc@example.com", paused_at=now, pause_reason="535")
    save_mail_settings(replace(GOOD, password="better"))
    assert fresh(Target, refused).paused_at is None
    assert audit_actions()[-1] == "target.resumed"


def test_a_test_mail_says_what_the_server_answers(app: Flask, tmp_path: Path) -> None:
    with pytest.raises(RefusedError, match="No mail server is set up"):
        send_test_mail("ada@example.com")
    certificates = Certificates(tmp_path)
    tls = certificates.fitting()
    with MailReceiver(starttls=tls, user="desk", password="right") as server:
        allow_outbound(app, server.origin, ca_file=certificates.ca_file)
        values = replace(GOOD, host="127.0.0.1", port=str(server.port), password="wrong")
        save_mail_settings(values)
        with pytest.raises(RefusedError, match="user name or the password") as refused:
            send_test_mail("ada@example.com")
        assert "wrong" not in str(refused.value)
        save_mail_settings(replace(values, password="right"))
        assert send_test_mail("ada@example.com").startswith("250")
    [mail] = server.mails
    assert mail["Subject"] == "Test message from Triagedesk"
    assert server.sent_to == [["ada@example.com"]]


MESSAGES = MessageValues(
    time_zone="Berlin",
    quiet_begins="22:00",
    quiet_ends="7:00",
    holidays="2026-12-26\n2026-12-25 2026-12-25",
    daily_summary_at="07:30",
    weekly_summary_on="0",
)


@both_databases
def test_quiet_hours_holidays_and_summaries_are_stored(app: Flask) -> None:
    assert save_message_settings(MESSAGES)
    assert not save_message_settings(MESSAGES), "nothing changed"
    stored = read_message_settings()
    assert stored.quiet_hours == {
        "zone": "Europe/Berlin",
        "begins": "22:00",
        "ends": "07:00",
        "weekdays": [0, 1, 2, 3, 4, 5, 6],
        "skips_holidays": False,
    }
    assert stored.holidays == ["2026-12-25", "2026-12-26"]
    assert (stored.daily_summary_at, stored.weekly_summary_on) == ("07:30", 0)
    assert save_message_settings(as_values(stored)) is False
    assert save_message_settings(MessageValues())
    stored = read_message_settings()
    assert (stored.quiet_hours, stored.holidays, stored.weekly_summary_on) == (None, [], None)


@pytest.mark.parametrize(
    ("field", "wrong"),
    [
        ("time_zone", "Nowhere/City"),
        ("quiet_ends", ""),
        ("quiet_begins", "25:00"),
        ("quiet_ends", "22:00"),
        ("holidays", "Christmas"),
        ("daily_summary_at", "noon"),
        ("weekly_summary_on", "7"),
    ],
)
def test_settings_that_cannot_be_are_refused_at_their_field(
    app: Flask, field: str, wrong: str
) -> None:
    with pytest.raises(FieldError) as refused:
        save_message_settings(replace(MESSAGES, **{field: wrong}))
    assert set(refused.value.fields) == {field}


def test_two_admins_do_not_overwrite_each_other(app: Flask) -> None:
    seen = message_version(read_message_settings())
    seen_mail = mail_version(read_message_settings())
    save_message_settings(MESSAGES)
    save_mail_settings(GOOD, seen=seen_mail)
    with pytest.raises(EditConflictError) as refused:
        save_message_settings(replace(MESSAGES, quiet_begins="21:00"), seen=seen)
    assert refused.value.current["quiet_begins"] == "22:00"
    with pytest.raises(EditConflictError) as refused:
        save_mail_settings(replace(GOOD, sender="other@example.com"), seen=seen_mail)
    assert refused.value.current["sender"] == "Desk <desk@example.com>"
