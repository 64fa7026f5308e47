"""Signing in: sessions are rows, last 14 days, and can be ended."""

import time
from datetime import timedelta

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from tests.support.security.sessions import sign_in_as
from webapp.extensions import read_only
from webapp.models import User, UserSession
from webapp.services.people.own_sessions import end_all_sessions
from webapp.services.people.sessions import (
    SignInError,
    find_session,
    sign_out,
)
from webapp.services.people.tokens import hash_cookie
from webapp.services.people.users import add_user, deactivate_user, is_password, set_password

EMAIL, PASSWORD = "ada@example.com", "correct horse"


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    return add_user(email=EMAIL, name="Ada", password=PASSWORD, role="admin")


@both_databases
def test_sign_in_begins_a_session(ada: User, fake_clock: FakeClock) -> None:
    user, token = sign_in_as(" ADA@example.com", PASSWORD, "Browser/1.0 " + "x" * 500)
    assert user.id == ada.id
    [row] = all_rows(UserSession)
    assert row.token_hash == hash_cookie(token)
    assert token not in row.token_hash
    assert row.expires_at == fake_clock.now() + timedelta(days=14)
    assert row.user_agent is not None
    assert len(row.user_agent) == 255
    found = find_session(token)
    assert found is not None
    assert found.user.email == EMAIL


def test_tokens_are_long_and_never_the_same(ada: User) -> None:
    tokens = {sign_in_as(EMAIL, PASSWORD, None)[1] for _ in range(3)}
    assert len(tokens) == 3
    assert all(len(token) >= 43 for token in tokens)


@both_databases
@pytest.mark.parametrize(
    ("email", "password"),
    [
        (EMAIL, "wrong horse"),
        (EMAIL, ""),
        (EMAIL, "x" * 9999),
        ("nobody@example.com", PASSWORD),
        ("", ""),
        ("\x00", "\x00"),
        ("\ud800@example.com", "\ud800"),
    ],
)
def test_wrong_credentials(ada: User, email: str, password: str) -> None:
    with pytest.raises(SignInError, match="address or the password is wrong"):
        sign_in_as(email, password, None)
    assert all_rows(UserSession) == []


@pytest.mark.usefixtures("real_passwords")
def test_somebody_unknown_takes_as_long_as_a_wrong_password(ada: User) -> None:
    def seconds(email: str) -> float:
        started = time.perf_counter()
        with pytest.raises(SignInError):
            sign_in_as(email, "wrong", None)
        return time.perf_counter() - started

    known = min(seconds(EMAIL) for _ in range(3))
    unknown = min(seconds("nobody@example.com") for _ in range(3))
    assert unknown > known / 5


def test_a_session_ends_after_fourteen_days(ada: User, fake_clock: FakeClock) -> None:
    _, token = sign_in_as(EMAIL, PASSWORD, None)
    fake_clock.advance(days=13, hours=23)
    assert find_session(token) is not None
    fake_clock.advance(hours=1)
    assert find_session(token) is None


def test_expired_sessions_are_cleared_away(ada: User, fake_clock: FakeClock) -> None:
    sign_in_as(EMAIL, PASSWORD, None)
    fake_clock.advance(days=14, seconds=1)
    _, token = sign_in_as(EMAIL, PASSWORD, None)
    [row] = all_rows(UserSession)
    assert row.token_hash == hash_cookie(token)


def test_signing_out_ends_one_session(ada: User) -> None:
    _, first = sign_in_as(EMAIL, PASSWORD, None)
    _, second = sign_in_as(EMAIL, PASSWORD, None)
    sign_out(first)
    sign_out(first)
    sign_out("what nobody was given")
    assert find_session(first) is None
    assert find_session(second) is not None


def test_revoking_ends_all_of_a_user(ada: User) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password=PASSWORD, role="helpdesk")
    tokens = [sign_in_as(EMAIL, PASSWORD, None)[1] for _ in range(2)]
    _, other = sign_in_as(bob.email, PASSWORD, None)
    end_all_sessions(ada.id)
    assert [find_session(token) for token in tokens] == [None, None]
    assert find_session(other) is not None


@pytest.mark.parametrize("token", ["", "x", "\ud800", "🔑" * 100, "a\x00b"])
def test_what_is_no_token(ada: User, token: str) -> None:
    assert find_session(token) is None


def test_finding_a_session_only_reads(ada: User) -> None:
    _, token = sign_in_as(EMAIL, PASSWORD, None)
    with read_only():
        assert find_session(token) is not None


@both_databases
@pytest.mark.parametrize("meanwhile", ["password", "deactivated"])
def test_no_session_begins_behind_a_change_that_ends_them_all(
    ada: User, monkeypatch: pytest.MonkeyPatch, meanwhile: str
) -> None:
    bo = add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="admin")

    def checked_slowly(password: str, password_hash: str) -> bool:
        is_right = is_password(password, password_hash)
        if meanwhile == "password":
            set_password(bo.id, "another password")
        else:
            deactivate_user(bo.id)
        return is_right

    monkeypatch.setattr("webapp.services.people.sign_in.is_password", checked_slowly)
    with pytest.raises(SignInError):
        sign_in_as("bo@example.com", PASSWORD, None)
    assert all_rows(UserSession) == []
