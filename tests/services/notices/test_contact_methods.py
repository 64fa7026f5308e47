"""A person's contact method is told nothing until its code is entered."""

import re

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.receivers.outbound_config import allow_outbound
from tests.support.receivers.providers import Providers
from tests.support.rows import all_rows, audit_actions, audit_events, change, fresh
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import Target, User
from webapp.models.user import NO_PASSWORD, ROLE_HELPDESK
from webapp.services.errors import FieldError, NotFoundError, RefusedError
from webapp.services.notices.recipients import find_recipients
from webapp.services.notices.targets.confirm_contact import (
    confirm_contact_method,
    send_code,
    try_contact_method,
)
from webapp.services.notices.targets.contact_methods import (
    MOST_METHODS,
    add_contact_method,
    delete_contact_method,
    list_confirmed,
    read_contact_methods,
)
from webapp.services.notices.targets.destinations import read_destination
from webapp.services.notices.targets.edit_targets import TargetValues, add_target, delete_target
from webapp.services.transactions import reading, transaction

SMS_ACCOUNT = {
    "to": "+14155550199",
    "from": "+14155550100",
    "account": "AC" + "0" * 32,
    "token": "1" * 32,
}


def add_user(name: str = "Carla") -> int:
    with transaction() as session:
        user = User(
            email=f"{name.lower()}@example.com",
            name=name,
            password_hash=NO_PASSWORD,
            role=ROLE_HELPDESK,
            created_at=clock.utcnow(),
        )
        session.add(user)
    return user.id


@pytest.fixture
def carla(app: Flask) -> int:
    return add_user()


def code_in(receiver: HttpReceiver) -> str:
    found = re.search(rb"\d{6}", receiver.requests[-1].body)
    assert found is not None
    return found[0].decode()


def wrong(code: str) -> str:
    return "000000" if code != "000000" else "000001"


def recipients() -> int:
    with reading() as session:
        return len(find_recipients(session, Target.id.is_not(None)))


@both_databases
def test_a_code_confirms_a_method_and_only_then_it_is_told(
    app: Flask, fake_clock: FakeClock, carla: int
) -> None:
    with Providers() as ntfy:
        allow_outbound(app, ntfy.origin)
        method = add_contact_method(carla, Kind.NTFY, {"url": f"{ntfy.origin}/topic"})
        ntfy.behaviour = answer(200, body=b"{}")
        send_code(carla, method.id)
        code = code_in(ntfy)
        assert recipients() == 0
        with pytest.raises(RefusedError, match="Enter the code first"):
            try_contact_method(carla, method.id)
        with pytest.raises(RefusedError, match="4 tries are left"):
            confirm_contact_method(carla, method.id, wrong(code))
        assert code not in (fresh(Target, method.id).code_hash or "")
        confirm_contact_method(carla, method.id, f" {code[:3]} {code[3:]} ")
        assert recipients() == 1
        assert list_confirmed() == {carla: ["ntfy at 127.0.0.1"]}
        change(Target, method.id, paused_at=clock.utcnow(), pause_reason="410")
        try_contact_method(carla, method.id)
    assert fresh(Target, method.id).paused_at is None
    actions = ["added", "confirmed", "resumed"]
    assert audit_actions() == [f"contact_method.{one}" for one in actions]
    assert {one.actor_id for one in audit_events()} == {carla}


def test_a_code_ends_after_five_guesses_and_after_a_quarter_of_an_hour(
    app: Flask, fake_clock: FakeClock, carla: int
) -> None:
    with HttpReceiver() as ntfy:
        allow_outbound(app, ntfy.origin)
        method = add_contact_method(carla, Kind.NTFY, {"url": f"{ntfy.origin}/topic"})
        send_code(carla, method.id)
        code = code_in(ntfy)
        with pytest.raises(RefusedError, match="only seconds ago"):
            send_code(carla, method.id)
        for _ in range(5):
            with pytest.raises(RefusedError, match="not the code"):
                confirm_contact_method(carla, method.id, wrong(code))
        with pytest.raises(RefusedError, match="Too many wrong codes"):
            confirm_contact_method(carla, method.id, code)
        fake_clock.advance(minutes=1)
        send_code(carla, method.id)
        code = code_in(ntfy)
        fake_clock.advance(minutes=16)
        with pytest.raises(RefusedError, match="not valid any more"):
            confirm_contact_method(carla, method.id, code)
    assert fresh(Target, method.id).confirmed_at is None


def test_a_method_belongs_to_its_person_alone(app: Flask, carla: int) -> None:
    method = add_contact_method(carla, Kind.EMAIL, {"to": "carla@example.com"})
    other = add_user("Dan")
    for action in (
        lambda: send_code(other, method.id),
        lambda: confirm_contact_method(other, method.id, "123456"),
        lambda: try_contact_method(other, method.id),
        lambda: delete_contact_method(other, method.id),
    ):
        with pytest.raises(NotFoundError):
            action()
    assert read_contact_methods(other).methods == []
    assert delete_contact_method(carla, method.id) == "Email carla@example.com"
    assert audit_actions()[-1] == "contact_method.deleted"


def test_a_receiver_that_refuses_the_code_says_so(app: Flask, carla: int) -> None:
    with HttpReceiver() as ntfy:
        allow_outbound(app, ntfy.origin)
        ntfy.behaviour = answer(403)
        method = add_contact_method(carla, Kind.NTFY, {"url": f"{ntfy.origin}/topic"})
        with pytest.raises(RefusedError, match="403"):
            send_code(carla, method.id)


@both_databases
def test_a_phone_is_reached_by_the_account_of_a_target_of_the_team(app: Flask, carla: int) -> None:
    known = read_contact_methods(carla)
    assert known.offered == [Kind.EMAIL, Kind.NTFY]
    assert known.lacking == [Kind.PUSHOVER, Kind.SMS]
    with pytest.raises(RefusedError, match="An admin has to add"):
        add_contact_method(carla, Kind.SMS, {"to": "+14155550123"})
    team = add_target(Kind.SMS, TargetValues(name="Night", settings=SMS_ACCOUNT)).target
    assert Kind.SMS in read_contact_methods(carla).offered
    method = add_contact_method(carla, Kind.SMS, {"to": "+14155550123", "token": "mine"})
    assert method.name == "SMS …0123"
    assert fresh(Target, method.id).settings == {"to": "+14155550123", "via": team.id}
    assert fresh(Target, method.id).secrets is None
    config = app.extensions["triagedesk_config"]
    with reading() as session:
        sent_to = read_destination(session, session.get_one(Target, method.id), config)
    assert sent_to.settings == {
        "to": "+14155550123",
        "from": "+14155550100",
        "account": "AC" + "0" * 32,
    }
    assert sent_to.secrets == {"token": "1" * 32}
    with pytest.raises(RefusedError, match="contact methods of people"):
        delete_target(team.id)
    delete_contact_method(carla, method.id)
    delete_target(team.id)


def test_what_cannot_be_reached_is_refused(app: Flask, carla: int) -> None:
    with pytest.raises(FieldError):
        add_contact_method(carla, Kind.EMAIL, {"to": "nobody"})
    with pytest.raises(FieldError):
        add_contact_method(carla, Kind.NTFY, {"url": "https://127.0.0.1/topic"})
    with pytest.raises(RefusedError):
        add_contact_method(carla, Kind.WEBHOOK, {"url": "https://example.com"})
    for number in range(MOST_METHODS):
        add_contact_method(carla, Kind.EMAIL, {"to": f"carla{number}@example.com"})
    change(Target, all_rows(Target)[0].id, user_id=add_user("Dan"))
    with pytest.raises(FieldError, match="already"):
        add_contact_method(carla, Kind.EMAIL, {"to": "carla1@example.com"})
    add_contact_method(carla, Kind.EMAIL, {"to": "one-more@example.com"})
    with pytest.raises(RefusedError, match="delete one first"):
        add_contact_method(carla, Kind.EMAIL, {"to": "too-many@example.com"})
