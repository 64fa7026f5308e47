"""What signing in does about the password: weak ones are to be changed, old hashes renewed."""

import threading

import pytest
from argon2 import PasswordHasher, extract_parameters
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, audit_actions, change, fresh
from tests.support.security.sessions import sign_in_as
from webapp import clock
from webapp.models import Passkey, User
from webapp.services.people.change_password import change_own_password
from webapp.services.people.password_links import choose_password, make_password_link
from webapp.services.people.password_upkeep import look_after_password
from webapp.services.people.sessions import SignInError
from webapp.services.people.users import (
    UserError,
    add_user,
    hash_password,
    is_outdated,
    is_password,
    set_password,
)

EMAIL, GOOD, WEAK = "ada@example.com", "correct horse", "kJ8#pq2!"
CHEAP = PasswordHasher(time_cost=1, memory_cost=16, parallelism=1)


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    return add_user(email=EMAIL, name="Ada", password=GOOD, role="admin")


@pytest.fixture
def weak(ada: User) -> User:
    """Ada as an earlier version left her, with a password of eight characters."""
    change(User, ada.id, password_hash=hash_password(WEAK))
    return fresh(User, ada.id)


def must_change(user: User) -> bool:
    return fresh(User, user.id).must_change_password


@both_databases
def test_a_weak_password_signs_in_and_has_to_be_changed(weak: User) -> None:
    assert not must_change(weak)
    assert sign_in_as(EMAIL, WEAK, None)[0].must_change_password
    assert must_change(weak)
    assert audit_actions() == ["user.added"], "the password stays as it is"


def test_a_wrong_password_changes_nothing(weak: User) -> None:
    with pytest.raises(SignInError):
        sign_in_as(EMAIL, "wrong", None)
    assert not must_change(weak)


def test_a_good_password_is_left_alone(ada: User) -> None:
    before = fresh(User, ada.id).password_hash
    sign_in_as(EMAIL, GOOD, None)
    assert fresh(User, ada.id).password_hash == before
    assert not must_change(ada)


@pytest.mark.parametrize("way", ["own", "link", "command"])
def test_a_new_password_settles_it(weak: User, way: str) -> None:
    _, token = sign_in_as(EMAIL, WEAK, None)
    if way == "own":
        change_own_password(weak.id, WEAK, GOOD, kept_token=token)
    elif way == "link":
        choose_password(make_password_link(weak.id, actor_id=None).token, GOOD)
    else:
        set_password(weak.id, GOOD)
    assert not must_change(weak)
    sign_in_as(EMAIL, GOOD, None)
    assert not must_change(weak)


@pytest.mark.parametrize(
    ("new", "words"), [(WEAK, "at least 12"), (GOOD, "the password you have"), ("okay?", "12")]
)
def test_a_better_password_is_another_one(ada: User, new: str, words: str) -> None:
    with pytest.raises(UserError, match=words) as refused:
        change_own_password(ada.id, GOOD, new, kept_token="")
    assert set(refused.value.fields) == {"new_password"}


def test_a_second_factor_makes_a_short_password_do(weak: User) -> None:
    sign_in_as(EMAIL, WEAK, None)
    assert must_change(weak)
    key = {"credential_id": "c", "public_key": b"k", "name": "Key", "created_at": clock.utcnow()}
    add(Passkey(user_id=weak.id, **key))
    sign_in_as(EMAIL, WEAK, None)
    assert not must_change(weak)


@both_databases
@pytest.mark.parametrize("password", [GOOD, WEAK])
def test_an_old_hash_is_renewed_when_its_password_is_typed(ada: User, password: str) -> None:
    change(User, ada.id, password_hash=CHEAP.hash(password))
    assert is_outdated(fresh(User, ada.id).password_hash)
    with pytest.raises(SignInError):
        sign_in_as(EMAIL, "wrong", None)
    assert is_outdated(fresh(User, ada.id).password_hash)
    _, token = sign_in_as(EMAIL, password, None)
    renewed = fresh(User, ada.id).password_hash
    assert token
    assert not is_outdated(renewed)
    assert is_password(password, renewed)
    sign_in_as(EMAIL, password, None)
    assert fresh(User, ada.id).password_hash == renewed


def test_new_hashes_cost_what_argon2id_should(ada: User, real_passwords: PasswordHasher) -> None:
    """OWASP's password storage guide asks for 46 MiB and one pass, or 19 MiB and two."""
    cost = extract_parameters(hash_password(GOOD))
    assert cost.type.name == "ID"
    assert (cost.memory_cost, cost.time_cost) >= (19 * 1024, 2)
    assert is_outdated(fresh(User, ada.id).password_hash)
    sign_in_as(EMAIL, GOOD, None)
    assert extract_parameters(fresh(User, ada.id).password_hash) == cost


@both_databases
def test_two_sign_ins_that_renew_at_the_same_moment_both_succeed(app: Flask, ada: User) -> None:
    change(User, ada.id, password_hash=CHEAP.hash(GOOD))
    barrier = threading.Barrier(4)
    outcomes: list[str] = []

    def enter() -> None:
        with app.app_context():
            barrier.wait(30)
            try:
                outcomes.append(sign_in_as(EMAIL, GOOD, None)[0].email)
            except SignInError:
                outcomes.append("refused")

    threads = [threading.Thread(target=enter) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [EMAIL] * 4


def test_a_password_set_meanwhile_is_left_alone(ada: User) -> None:
    change(User, ada.id, password_hash=CHEAP.hash(WEAK))
    seen = fresh(User, ada.id)
    set_password(ada.id, "another good one")
    now = fresh(User, ada.id).password_hash
    assert look_after_password(seen, WEAK) != now
    assert fresh(User, ada.id).password_hash == now
    assert not must_change(ada)
