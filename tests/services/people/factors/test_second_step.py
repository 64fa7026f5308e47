"""The second step of signing in: five tries, each factor, and what ends it."""

from collections.abc import Callable

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, change
from tests.support.security.factors import code_at, set_up_app, set_up_passkey
from tests.support.security.sessions import begin
from webapp.models import AuditEvent, PendingSignIn, User
from webapp.services.people.factors.own_factors import remove_own_app
from webapp.services.people.factors.passkey_answers import PasskeyError
from webapp.services.people.factors.passkeys import CopiedPasskeyError, ask_for_any_passkey
from webapp.services.people.factors.reset_factors import reset_factors
from webapp.services.people.factors.second_step import (
    PassedStep,
    WrongFactorError,
    ask_in_second_step,
    begin_second_step,
    pass_with_code,
    pass_with_passkey,
    read_second_step,
    sign_in_with_passkey,
)
from webapp.services.people.pending_sign_ins import PendingSignInError
from webapp.services.people.sessions import Factor, Method, SignInError
from webapp.services.people.users import deactivate_user, set_password
from webapp.services.transactions import transaction


def wait(user: User) -> str:
    """The token of a first step that was taken."""
    token = begin_second_step(user.id, Method.PASSWORD, user.password_hash)
    assert token is not None
    return token


def refusals() -> list[object]:
    return [one.after for one in all_rows(AuditEvent, AuditEvent.action == "session.refused")]


def test_without_a_factor_there_is_no_second_step(ada: User) -> None:
    assert begin_second_step(ada.id, Method.PASSWORD, ada.password_hash) is None
    assert all_rows(PendingSignIn) == []


@both_databases
def test_a_code_of_the_app(ada: User, fake_clock: FakeClock) -> None:
    key, _ = set_up_app(ada.id)
    fake_clock.advance(minutes=1)
    token = wait(ada)
    assert read_second_step(token).ways == (Factor.APP, Factor.RECOVERY_CODE)
    passed = pass_with_code(token, Factor.APP, code_at(key))
    assert passed == PassedStep(ada.id, Method.PASSWORD, Factor.APP)
    with pytest.raises(PendingSignInError):
        pass_with_code(token, Factor.APP, code_at(key, 1))


def test_one_code_does_not_pass_two_waiting_steps(ada: User, fake_clock: FakeClock) -> None:
    key, _ = set_up_app(ada.id)
    fake_clock.advance(minutes=1)
    first, second = wait(ada), wait(ada)
    pass_with_code(first, Factor.APP, code_at(key))
    with pytest.raises(WrongFactorError, match="used already"):
        pass_with_code(second, Factor.APP, code_at(key))


@both_databases
def test_a_recovery_code(ada: User) -> None:
    _, made = set_up_app(ada.id)
    token = wait(ada)
    passed = pass_with_code(token, Factor.RECOVERY_CODE, made.codes[3])
    assert passed == PassedStep(ada.id, Method.PASSWORD, Factor.RECOVERY_CODE, unused_codes=9)
    with pytest.raises(WrongFactorError, match="no recovery code"):
        pass_with_code(wait(ada), Factor.RECOVERY_CODE, made.codes[3])


@both_databases
def test_a_passkey(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    token = wait(ada)
    question = ask_in_second_step(token)
    assert question.options["userVerification"] == "preferred"
    assert len(question.options["allowCredentials"]) == 1
    passkey.flags = 0x01  # beside a password it need not be unlocked
    passkey.handle = None  # old security keys do not say whose they are
    passed = pass_with_passkey(token, question.token, passkey.show(question.options))
    assert passed == PassedStep(ada.id, Method.PASSWORD, Factor.PASSKEY)


def test_a_passkey_of_somebody_else(ada: User, bo: User) -> None:
    set_up_passkey(ada.id)
    of_bo, _ = set_up_passkey(bo.id)
    token = wait(ada)
    question = ask_in_second_step(token)
    with pytest.raises(PasskeyError, match="not known here"):
        pass_with_passkey(token, question.token, of_bo.show(question.options))
    others = ask_in_second_step(wait(bo))
    with pytest.raises(PasskeyError):
        pass_with_passkey(token, others.token, of_bo.show(others.options))


def test_questions_are_not_taken_for_one_another(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id)
    token = wait(ada)
    alone = ask_for_any_passkey()
    with pytest.raises(PasskeyError):
        pass_with_passkey(token, alone.token, passkey.show(alone.options))
    beside = ask_in_second_step(token)
    with pytest.raises(PasskeyError):
        sign_in_with_passkey(beside.token, passkey.show(beside.options))
    with pytest.raises(PasskeyError):
        sign_in_with_passkey(token, passkey.show(beside.options))


def test_a_copied_passkey_is_no_second_step(ada: User) -> None:
    passkey, _ = set_up_passkey(ada.id, count=9)
    token = wait(ada)
    question = ask_in_second_step(token)
    passkey.count = 3
    with pytest.raises(CopiedPasskeyError):
        pass_with_passkey(token, question.token, passkey.show(question.options))
    assert refusals() == [{"reason": "wrong factor", "factor": "passkey"}]


@both_databases
@pytest.mark.parametrize("way", [Factor.APP, Factor.RECOVERY_CODE, Factor.PASSKEY])
def test_after_five_wrong_tries_even_the_right_one_is_refused(
    ada: User, fake_clock: FakeClock, way: Factor
) -> None:
    key, made = set_up_app(ada.id)
    fake_clock.advance(minutes=1)
    token = wait(ada)
    for _ in range(5):
        with pytest.raises(WrongFactorError):
            pass_with_code(token, way, "000000")
    for right, typed in ((Factor.APP, code_at(key)), (Factor.RECOVERY_CODE, made.codes[0])):
        with pytest.raises(PendingSignInError, match="from the beginning"):
            pass_with_code(token, right, typed)
    assert refusals() == [{"reason": "wrong factor", "factor": way}] * 5
    assert pass_with_code(wait(ada), Factor.APP, code_at(key)).user_id == ada.id


def test_a_wrong_try_uses_no_code_up(ada: User, fake_clock: FakeClock) -> None:
    key, made = set_up_app(ada.id)
    fake_clock.advance(minutes=1)
    token = wait(ada)
    with pytest.raises(WrongFactorError):
        pass_with_code(token, Factor.APP, made.codes[0])
    with pytest.raises(WrongFactorError):
        pass_with_code(token, Factor.RECOVERY_CODE, code_at(key))
    assert pass_with_code(token, Factor.APP, code_at(key)).factor is Factor.APP


def test_it_waits_for_ten_minutes(ada: User, fake_clock: FakeClock) -> None:
    key, _ = set_up_app(ada.id)
    token = wait(ada)
    fake_clock.advance(minutes=10)
    with pytest.raises(PendingSignInError):
        pass_with_code(token, Factor.APP, code_at(key))
    for nonsense in (None, "", "x", "x" * 5000):
        with pytest.raises(PendingSignInError):
            read_second_step(nonsense)


@both_databases
@pytest.mark.parametrize(
    "meanwhile",
    [
        lambda user: set_password(user.id, "another tractor melon"),
        lambda user: deactivate_user(user.id),
        lambda user: reset_factors(user.id, "lost", actor_id=None),
        lambda user: remove_own_app(user.id, kept_token=begin(user.id)),
    ],
    ids=["password", "deactivated", "reset", "factor removed"],
)
def test_what_ends_sessions_ends_waiting_steps(
    bo: User, fake_clock: FakeClock, meanwhile: Callable[[User], object]
) -> None:
    key, _ = set_up_app(bo.id)
    fake_clock.advance(minutes=1)
    token = wait(bo)
    meanwhile(bo)
    with pytest.raises(PendingSignInError):
        pass_with_code(token, Factor.APP, code_at(key))


def test_a_password_that_was_changed_while_it_was_checked_begins_nothing(
    ada: User, bo: User
) -> None:
    for person in (ada, bo):
        set_up_app(person.id)
    set_password(ada.id, "another tractor melon")
    with pytest.raises(SignInError):
        begin_second_step(ada.id, Method.PASSWORD, ada.password_hash)
    change(User, bo.id, is_active=False)
    with pytest.raises(SignInError):
        begin_second_step(bo.id, Method.PASSWORD, bo.password_hash)


def test_ways_that_are_lost_are_not_offered(ada: User) -> None:
    set_up_app(ada.id)
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE authenticator_apps SET secret = 'gone'")
        session.connection().exec_driver_sql("DELETE FROM recovery_codes")
    assert read_second_step(wait(ada)).ways == ()
