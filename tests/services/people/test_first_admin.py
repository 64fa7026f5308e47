"""The one-time token of a new install."""

import threading
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_actions
from tests.support.security.sessions import sign_in_as
from webapp.models import SetupToken, User
from webapp.services.errors import ServiceError
from webapp.services.people.first_admin import (
    SetupClosedError,
    SetupTokenError,
    create_first_admin,
    is_setup_open,
    issue_setup_token,
)
from webapp.services.people.users import UserError, add_user

PASSWORD = "correct horse"


def _issue() -> str:
    token = issue_setup_token()
    assert token is not None
    return token


@both_databases
def test_the_first_admin(app: Flask) -> None:
    assert is_setup_open()
    token = _issue()
    ada = create_first_admin(token, "Ada@example.com", "Ada", PASSWORD)
    assert (ada.email, ada.role) == ("ada@example.com", "admin")
    assert not is_setup_open()
    assert all_rows(SetupToken) == []
    assert audit_actions() == ["user.added"]
    sign_in_as("ada@example.com", PASSWORD, None)


def test_the_token_has_128_bits_and_is_stored_hashed(app: Flask) -> None:
    token = _issue()
    assert len(token) == 26
    assert set(token) <= set("abcdefghijklmnopqrstuvwxyz234567")
    [row] = all_rows(SetupToken)
    assert token not in row.token_hash
    assert _issue() != token


def test_it_may_be_typed_in_capitals_and_with_spaces(app: Flask) -> None:
    token = _issue()
    typed = f" {token[:13].upper()} {token[13:]}\n"
    assert create_first_admin(typed, "ada@example.com", "Ada", PASSWORD).is_admin


def test_a_wrong_token(app: Flask) -> None:
    _issue()
    for token in ("", "a" * 26):
        with pytest.raises(SetupTokenError, match="wrong or older than 24 hours"):
            create_first_admin(token, "ada@example.com", "Ada", PASSWORD)
    assert all_rows(User) == []


def test_a_token_lasts_a_day(app: Flask, fake_clock: FakeClock) -> None:
    token = _issue()
    fake_clock.advance(hours=24)
    with pytest.raises(SetupTokenError):
        create_first_admin(token, "ada@example.com", "Ada", PASSWORD)
    _issue()
    assert [row.expires_at for row in all_rows(SetupToken)] == [
        fake_clock.now() + timedelta(hours=24)
    ]


def test_each_start_may_issue_another_and_all_are_gone_with_the_first_user(app: Flask) -> None:
    first, second = _issue(), _issue()
    create_first_admin(first, "ada@example.com", "Ada", PASSWORD)
    assert issue_setup_token() is None
    with pytest.raises(SetupClosedError):
        create_first_admin(second, "eve@example.com", "Eve", PASSWORD)
    assert len(all_rows(User)) == 1


def test_a_user_from_the_command_line_closes_setup_too(app: Flask) -> None:
    token = _issue()
    add_user(email="ada@example.com", name="Ada", password=PASSWORD, role="admin")
    with pytest.raises(SetupClosedError):
        create_first_admin(token, "eve@example.com", "Eve", PASSWORD)
    assert issue_setup_token() is None
    assert all_rows(SetupToken) == []


def test_the_token_survives_a_mistake(app: Flask) -> None:
    token = _issue()
    with pytest.raises(UserError):
        create_first_admin(token, "ada@example.com", "Ada", "short")
    assert create_first_admin(token, "ada@example.com", "Ada", PASSWORD).is_admin


@both_databases
def test_two_people_with_a_token_do_not_both_become_first(app: Flask) -> None:
    token = _issue()
    barrier = threading.Barrier(2)
    refusals: list[ServiceError] = []

    def create(name: str) -> None:
        with app.app_context():
            barrier.wait(30)
            try:
                create_first_admin(token, f"{name}@example.com", name, PASSWORD)
            except (SetupClosedError, SetupTokenError) as error:
                refusals.append(error)

    threads = [threading.Thread(target=create, args=(name,)) for name in ("ada", "eve")]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(all_rows(User)) == 1
    assert len(refusals) == 1
