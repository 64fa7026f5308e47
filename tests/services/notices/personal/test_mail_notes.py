"""People hear by mail what happened to their accounts."""

from collections.abc import Iterator

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.receivers.mail_server import MailReceiver
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.rows import all_rows
from webapp.models import SecurityNote
from webapp.services.notices.mail_settings import MailValues, save_mail_settings
from webapp.services.notices.personal.mail_notes import MOST_ATTEMPTS, mail_security_notes
from webapp.services.people.edit_user import UserEdit, edit_user
from webapp.services.people.security_notes import mail_person, tell_person, unseen_notes
from webapp.services.people.users import add_user
from webapp.services.transactions import transaction


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> int:
    return add_user(email="ada@example.com", name="Ada", password="a long horse", role="admin").id


@pytest.fixture
def server(app: Flask) -> Iterator[MailReceiver]:
    with MailReceiver() as receiver:
        allow_outbound(app, receiver.origin)
        port = str(receiver.port)
        sender = "Desk <desk@example.com>"
        save_mail_settings(MailValues(host="127.0.0.1", port=port, security="none", sender=sender))
        yield receiver


def note(user_id: int, sentence: str = "Somebody signed in.", *, shown: bool = False) -> None:
    with transaction() as session:
        add = tell_person if shown else mail_person
        add(session, user_id, subject="New sign-in", sentence=sentence)


@both_databases
def test_each_is_mailed_once(ada: int, server: MailReceiver, fake_clock: FakeClock) -> None:
    note(ada, "One.")
    note(ada, "Two.", shown=True)
    assert mail_security_notes(fake_clock.now()) == 2
    assert [mail["Subject"] for mail in server.mails] == ["New sign-in"] * 2
    assert server.sent_to == [["ada@example.com"]] * 2
    assert "One." in server.mails[0].as_string()
    assert mail_security_notes(fake_clock.now()) == 0
    assert [one.sentence for one in unseen_notes(ada)] == ["Two."]


@both_databases
def test_an_address_that_was_changed_is_told_to_the_one_before(
    ada: int, server: MailReceiver, fake_clock: FakeClock
) -> None:
    edit_user(ada, UserEdit("Ada L", email="ADA@example.com"), actor_id=ada)
    assert all_rows(SecurityNote) == []
    edit_user(ada, UserEdit("Ada L", email="mallory@example.org"), actor_id=ada)
    assert mail_security_notes(fake_clock.now()) == 1
    assert server.sent_to == [["ada@example.com"]]
    [told] = unseen_notes(ada)
    assert "it was ada@example.com. Was it not you?" in told.sentence


def test_what_fails_is_tried_again_more_and_more_rarely(
    ada: int, server: MailReceiver, fake_clock: FakeClock
) -> None:
    server.replies["RCPT"] = "451 later"
    note(ada)
    tried = []
    for minute in range(12 * 60):
        before = all_rows(SecurityNote)[0].mail_attempts
        mail_security_notes(fake_clock.now())
        if all_rows(SecurityNote)[0].mail_attempts > before:
            tried.append(minute)
        fake_clock.advance(minutes=1)
    assert tried == [0, 2, 6, 14, 30, 62, 126, 254]
    assert len(tried) == MOST_ATTEMPTS
    assert server.mails == []


def test_what_arrives_at_the_second_try_is_sent_once(
    ada: int, server: MailReceiver, fake_clock: FakeClock
) -> None:
    server.replies["DATA"] = "451 later"
    note(ada)
    assert mail_security_notes(fake_clock.now()) == 0
    server.replies.clear()
    fake_clock.advance(minutes=2)
    assert mail_security_notes(fake_clock.now()) == 1
    fake_clock.advance(hours=9)
    assert mail_security_notes(fake_clock.now()) == 0
    assert len(server.mails) == 1


def test_an_address_that_is_refused_for_good_is_not_tried_again(
    ada: int, server: MailReceiver, fake_clock: FakeClock
) -> None:
    server.replies["RCPT"] = "550 5.1.1 no such user"
    note(ada)
    mail_security_notes(fake_clock.now())
    assert all_rows(SecurityNote)[0].next_mail_at is None


def test_without_a_mail_server_nothing_waits_for_one(ada: int, fake_clock: FakeClock) -> None:
    note(ada, shown=True)
    assert mail_security_notes(fake_clock.now()) == 0
    assert all_rows(SecurityNote)[0].next_mail_at is None
    assert len(unseen_notes(ada)) == 1
