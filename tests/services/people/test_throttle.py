"""Guesses are counted before they are checked, for an account and for an address."""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from webapp.domain.security.throttle import Counted
from webapp.extensions import db
from webapp.models import AuditEvent, Device, SignInThrottle, User
from webapp.services.people.password_links import choose_password, make_password_link
from webapp.services.people.sessions import Browser, begin_session
from webapp.services.people.throttle import (
    AttemptKey,
    ThrottledError,
    address_key,
    factor_key,
    release_attempt,
    reserve_attempt,
    session_key,
    sign_in_keys,
)
from webapp.services.people.users import add_user, find_user, set_password

EMAIL = "ada@example.com"
HOME = "203.0.113.7"
PASSWORD = "a long enough horse"
CHOSEN = "another battery of staples"


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    return add_user(email=EMAIL, name="Ada", password=PASSWORD, role="admin")


def tries_let_through(keys: Sequence[AttemptKey], times: int) -> int:
    let_through = 0
    for _ in range(times):
        try:
            reserve_attempt(keys)
        except ThrottledError:
            continue
        let_through += 1
    return let_through


@pytest.mark.parametrize("hidden", [*"\u200e\ufeff\x00\u202e\ud800\x7f", "\u2028 ", "\t"])
def test_who_is_looked_up_as_the_same_person_is_counted_as_the_same(ada: User, hidden: str) -> None:
    inside = f" {EMAIL[:3]}{hidden.strip()}{EMAIL[3:]}{hidden}".upper()
    assert find_user(inside).id == ada.id
    assert sign_in_keys(inside, HOME, None) == sign_in_keys(EMAIL, HOME, None)


@both_databases
def test_of_many_guesses_at_once_only_the_free_ones_are_checked(app: Flask, ada: User) -> None:
    keys = sign_in_keys(EMAIL, HOME, None)

    def guess(_number: int) -> bool:
        with app.app_context():
            try:
                reserve_attempt(keys)
            except ThrottledError:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(8) as pool:
        assert sum(pool.map(guess, range(24))) == 5
    assert sorted(row.failures for row in all_rows(SignInThrottle)) == [5, 5]


def test_a_wait_is_told_in_seconds_and_in_words(ada: User, fake_clock: FakeClock) -> None:
    keys = [session_key("abc")]
    tries_let_through(keys, 5)
    with pytest.raises(ThrottledError, match="Wait 30 seconds, then go on") as caught:
        reserve_attempt(keys)
    assert caught.value.retry_after == 30
    fake_clock.advance(seconds=29.5)
    with pytest.raises(ThrottledError, match="Wait a second"):
        reserve_attempt(keys)
    fake_clock.advance(seconds=1)
    reserve_attempt(keys)
    with pytest.raises(ThrottledError, match="Wait a minute"):
        reserve_attempt(keys)
    fake_clock.advance(minutes=1)
    reserve_attempt(keys)
    with pytest.raises(ThrottledError, match="Wait 2 minutes"):
        reserve_attempt(keys)


def test_success_clears_the_account(ada: User) -> None:
    keys = sign_in_keys(EMAIL, HOME, None)
    assert tries_let_through(keys, 4) == 4
    reserve_attempt(keys)
    release_attempt(keys)
    [row] = all_rows(SignInThrottle)
    assert (row.key, row.failures) == (f"address:{HOME}", 4)
    release_attempt(keys)


def test_nobody_can_tell_an_account_from_none_and_nothing_typed_is_stored(ada: User) -> None:
    for typed in (EMAIL, "my secret password"):
        assert tries_let_through(sign_in_keys(typed, None, None), 7) == 5
    stored = " ".join(row.key for row in all_rows(SignInThrottle))
    assert EMAIL not in stored
    assert "secret" not in stored


def test_a_known_browser_has_a_count_of_its_own(ada: User) -> None:
    known = begin_session(ada.id, Browser(address=HOME)).device_token
    tries_let_through(sign_in_keys(EMAIL, "198.51.100.1", None), 99)
    keys = sign_in_keys(EMAIL, "198.51.100.1", known)
    [device] = all_rows(Device)
    assert keys == [AttemptKey(Counted.DEVICE, device.reference)]
    assert tries_let_through(keys, 20) == 10


def test_a_right_password_takes_nothing_back_from_the_second_factor(ada: User) -> None:
    known = begin_session(ada.id, Browser(address=HOME)).device_token
    for device in (None, known):
        factor, password = factor_key(ada.id, device), sign_in_keys(EMAIL, HOME, device)
        assert tries_let_through([factor], 4) == 4
        reserve_attempt(password)
        release_attempt(password)
        assert tries_let_through([factor], 4) == 1
    assert factor_key(ada.id, known) != factor_key(ada.id)


@both_databases
@pytest.mark.parametrize("way", ["link", "command"])
def test_guesses_at_a_password_are_forgotten_with_it(ada: User, way: str) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password=PASSWORD, role="admin")
    known, strange = (begin_session(who.id, Browser()).device_token for who in (ada, bob))
    forgotten = [*sign_in_keys(EMAIL, HOME, None)[:1], *sign_in_keys(EMAIL, HOME, known)]
    kept = [address_key(HOME), factor_key(ada.id), *sign_in_keys(bob.email, HOME, strange)]
    for key in (*forgotten, *kept):
        tries_let_through([key], 20)
    if way == "command":
        set_password(ada.id, CHOSEN)
    else:
        choose_password(make_password_link(ada.id, actor_id=bob.id).token, CHOSEN)
    assert {row.key for row in all_rows(SignInThrottle)} == {key.stored for key in kept}
    for key in forgotten:
        reserve_attempt([key])


@pytest.mark.parametrize("token", ["", "x", "x" * 5000, "\ud800"])
def test_what_is_no_device_of_the_account_is_a_stranger(ada: User, token: str) -> None:
    bob = add_user(email="bob@example.com", name="Bob", password=PASSWORD, role="admin")
    strange = begin_session(bob.id, Browser()).device_token
    for shown in (token, strange):
        kinds = [key.kind for key in sign_in_keys(EMAIL, HOME, shown)]
        assert kinds == [Counted.ACCOUNT, Counted.ADDRESS]


def test_an_ipv6_network_is_one_address() -> None:
    assert address_key("2001:db8:1:2::1") == address_key("2001:db8:1:2:ffff::9")
    assert address_key("2001:db8:1:2::1") != address_key("2001:db8:1:3::1")
    assert address_key(None).name == "unknown"


def test_a_wait_that_begins_is_on_record_without_what_was_typed(ada: User) -> None:
    tries_let_through(sign_in_keys(EMAIL, HOME, None), 20)
    tries_let_through([factor_key(ada.id)], 20)
    events = [event for event in all_rows(AuditEvent) if event.action == "session.throttled"]
    assert [(event.subject_type, event.subject_id) for event in events] == [
        ("account", None),
        ("factor", str(ada.id)),
    ]
    assert all(event.after and event.after["failures"] == 5 for event in events)
