"""Authenticator apps: a first code confirms them, and each code is taken once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pyotp
import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events
from tests.support.security.factors import code_at, require_factors, set_up_app
from tests.support.security.sessions import begin
from webapp.extensions import db
from webapp.models import AuthenticatorApp, User, UserSession
from webapp.services.errors import NotFoundError
from webapp.services.people.factors.authenticator_app import (
    AppCodeError,
    AppSetupError,
    begin_app_setup,
    read_app_setup,
    take_app_code,
)
from webapp.services.people.factors.own_factors import confirm_own_app, remove_own_app
from webapp.services.people.factors.stored_factors import FactorRequiredError, count_factors
from webapp.services.people.sessions import find_session
from webapp.services.transactions import reading, transaction


def take(user_id: int, typed: str) -> bool:
    with transaction() as session:
        return take_app_code(session, user_id, typed)


def factors_of(user_id: int) -> int:
    with reading() as session:
        return count_factors(session, user_id)


@both_databases
def test_an_app_counts_once_its_first_code_was_entered(ada: User) -> None:
    begin_app_setup(ada.id)
    key = read_app_setup(ada.id).key.replace(" ", "")
    assert factors_of(ada.id) == 0
    assert not take(ada.id, code_at(key))
    change = confirm_own_app(ada.id, code_at(key), kept_token=begin(ada.id))
    assert factors_of(ada.id) == 1
    assert len(change.codes) == 10
    with pytest.raises(AppSetupError):
        read_app_setup(ada.id)


def test_the_address_is_what_apps_read(ada: User) -> None:
    begin_app_setup(ada.id)
    setup = read_app_setup(ada.id)
    parsed = pyotp.parse_uri(setup.address)
    assert isinstance(parsed, pyotp.TOTP)
    assert parsed.secret == setup.key.replace(" ", "")
    assert (parsed.issuer, parsed.name) == ("Triagedesk", "ada@example.com")
    assert (parsed.digits, parsed.interval) == (6, 30)
    assert len(parsed.byte_secret()) == 20  # 160 bits, as RFC 4226 (R6) recommends


def test_the_key_is_stored_encrypted(ada: User) -> None:
    key, _ = set_up_app(ada.id)
    stored = db.session.connection().exec_driver_sql("SELECT secret FROM authenticator_apps")
    assert key not in stored.scalar_one()


@pytest.mark.parametrize(("behind", "is_taken"), [(0, True), (1, True), (-1, True), (2, False)])
def test_clocks_may_differ_by_one_step(
    ada: User, fake_clock: FakeClock, behind: int, is_taken: bool
) -> None:
    key, _ = set_up_app(ada.id)
    fake_clock.advance(minutes=10)
    assert take(ada.id, code_at(key, -behind)) is is_taken
    fake_clock.advance(minutes=10)
    assert not take(ada.id, code_at(key, 2))


@both_databases
def test_a_code_is_taken_once(ada: User, fake_clock: FakeClock) -> None:
    key, _ = set_up_app(ada.id)
    assert not take(ada.id, code_at(key)), "the code that confirmed the app"
    fake_clock.advance(seconds=30)
    code = code_at(key)
    assert take(ada.id, code)
    assert not take(ada.id, code)
    fake_clock.advance(seconds=30)
    assert not take(ada.id, code), "it is still within the window"
    assert not take(ada.id, code_at(key, -1))
    assert take(ada.id, code_at(key))


def test_a_code_in_advance_makes_the_ones_before_worthless(
    ada: User, fake_clock: FakeClock
) -> None:
    key, _ = set_up_app(ada.id)
    fake_clock.advance(minutes=5)
    assert take(ada.id, code_at(key, 1))
    assert not take(ada.id, code_at(key))
    assert not take(ada.id, code_at(key, 1))


@both_databases
def test_of_two_requests_with_one_code_one_gets_in(
    app: Flask, ada: User, fake_clock: FakeClock
) -> None:
    key, _ = set_up_app(ada.id)
    for _ in range(5):
        fake_clock.advance(minutes=2)
        code, gate = code_at(key), Barrier(4)

        def _take(code: str = code, gate: Barrier = gate) -> bool:
            with app.app_context():
                gate.wait(20)
                return take(ada.id, code)

        with ThreadPoolExecutor(4) as pool:
            results = [one.result() for one in [pool.submit(_take) for _ in range(4)]]
        assert sorted(results) == [False, False, False, True]


@pytest.mark.parametrize("typed", ["", "abcdef", "12345", "1" * 10_000, "\x00", "\ud800", "٣٣٣٣٣٣"])
def test_whatever_is_typed_is_no_code(ada: User, typed: str) -> None:
    set_up_app(ada.id)
    assert not take(ada.id, typed)


def test_a_wrong_first_code_confirms_nothing(ada: User) -> None:
    begin_app_setup(ada.id)
    key = read_app_setup(ada.id).key.replace(" ", "")
    wrong = f"{(int(code_at(key)) + 1) % 1_000_000:06d}"
    with pytest.raises(AppCodeError) as refused:
        confirm_own_app(ada.id, wrong, kept_token=begin(ada.id))
    assert "sets its clock" in refused.value.fields["code"]
    assert factors_of(ada.id) == 0


def test_setting_up_ends_after_an_hour(ada: User, fake_clock: FakeClock) -> None:
    begin_app_setup(ada.id)
    key = read_app_setup(ada.id).key.replace(" ", "")
    fake_clock.advance(minutes=61)
    with pytest.raises(AppSetupError):
        confirm_own_app(ada.id, code_at(key), kept_token=begin(ada.id))


def test_beginning_again_makes_another_key(ada: User) -> None:
    begin_app_setup(ada.id)
    first = read_app_setup(ada.id).key
    begin_app_setup(ada.id)
    assert read_app_setup(ada.id).key != first
    assert len(all_rows(AuthenticatorApp)) == 1


@both_databases
def test_the_old_app_works_until_the_new_one_is_confirmed(ada: User, fake_clock: FakeClock) -> None:
    old, _ = set_up_app(ada.id)
    begin_app_setup(ada.id)
    new = read_app_setup(ada.id).key.replace(" ", "")
    fake_clock.advance(minutes=2)
    assert take(ada.id, code_at(old))
    confirm_own_app(ada.id, code_at(new), kept_token=begin(ada.id))
    fake_clock.advance(minutes=2)
    assert not take(ada.id, code_at(old))
    assert take(ada.id, code_at(new))
    assert len(all_rows(AuthenticatorApp)) == 1


def test_a_key_that_cannot_be_read_takes_no_code(ada: User, fake_clock: FakeClock) -> None:
    key, _ = set_up_app(ada.id)
    with transaction() as session:
        session.connection().exec_driver_sql("UPDATE authenticator_apps SET secret = 'gone'")
    fake_clock.advance(minutes=2)
    assert not take(ada.id, code_at(key))


@both_databases
def test_a_change_ends_the_other_sessions_and_renews_this_one(ada: User) -> None:
    here, elsewhere = begin(ada.id), begin(ada.id)
    _, change = set_up_app(ada.id, here)
    assert find_session(here) is None, "whoever copied the cookie is left with nothing"
    assert find_session(elsewhere) is None
    assert find_session(change.token) is not None
    removed = remove_own_app(ada.id, kept_token=change.token)
    assert find_session(change.token) is None
    assert find_session(removed.token) is not None
    assert len(all_rows(UserSession, UserSession.revoked_at.is_(None))) == 1


def test_the_last_factor_stays_where_one_is_needed(ada: User, fake_clock: FakeClock) -> None:
    require_factors()
    _, change = set_up_app(ada.id)
    with pytest.raises(FactorRequiredError, match="Add another one first"):
        remove_own_app(ada.id, kept_token=change.token)
    assert factors_of(ada.id) == 1
    assert find_session(change.token) is not None, "nothing else happened either"


def test_changes_are_on_record_without_a_secret(ada: User) -> None:
    key, change = set_up_app(ada.id)
    remove_own_app(ada.id, kept_token=change.token)
    events = [event for event in audit_events() if event.action.startswith("factor.")]
    assert [(one.action, one.after) for one in events] == [
        ("factor.added", {"factor": "app"}),
        ("factor.recovery_codes_made", {"codes": 10}),
        ("factor.removed", {"factor": "app"}),
    ]
    assert {one.actor_id for one in events} == {ada.id}
    for secret in (key, *change.codes, change.token):
        assert secret not in str([(one.before, one.after) for one in audit_events()])


def test_removing_asks_for_an_app_that_is_there(ada: User) -> None:
    with pytest.raises(NotFoundError):
        remove_own_app(ada.id, kept_token=begin(ada.id))
