"""Ten codes, shown once, each taken once."""

from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows, audit_events
from tests.support.security.factors import set_up_app, set_up_passkey
from tests.support.security.sessions import begin
from webapp.models import RecoveryCode, User
from webapp.services.people.factors.own_factors import (
    make_own_codes,
    remove_own_app,
    remove_own_passkey,
)
from webapp.services.people.factors.read_factors import read_own_factors
from webapp.services.people.factors.recovery_codes import take_recovery_code
from webapp.services.people.factors.stored_factors import NoFactorError
from webapp.services.transactions import transaction


def take(user_id: int, typed: str) -> bool:
    with transaction() as session:
        return take_recovery_code(session, user_id, typed)


@both_databases
def test_each_of_ten_codes_is_taken_once(ada: User) -> None:
    _, change = set_up_app(ada.id)
    assert len(set(change.codes)) == 10
    for left, code in zip(range(9, -1, -1), change.codes, strict=True):
        assert take(ada.id, code.upper().replace("-", " "))
        assert not take(ada.id, code)
        own = read_own_factors(ada.id)
        assert own.unused_codes == left
        assert own.needs_new_codes == (left <= 3)
    used = [one.after for one in audit_events() if one.action == "factor.recovery_code_used"]
    assert used == [{"unused": left} for left in range(9, -1, -1)]


def test_only_hashes_are_stored(ada: User) -> None:
    _, change = set_up_app(ada.id)
    stored = {row.code_hash for row in all_rows(RecoveryCode)}
    assert len(stored) == 10
    assert all(len(one) == 64 for one in stored)
    assert not stored & {*change.codes, *(code.replace("-", "") for code in change.codes)}


def test_codes_are_of_one_person(ada: User, bo: User) -> None:
    _, of_ada = set_up_app(ada.id)
    set_up_app(bo.id)
    assert not take(bo.id, of_ada.codes[0])
    assert take(ada.id, of_ada.codes[0])


@both_databases
def test_new_codes_make_the_old_ones_void(ada: User) -> None:
    _, first = set_up_app(ada.id)
    second = make_own_codes(ada.id, kept_token=first.token)
    assert len(second.codes) == 10
    assert not take(ada.id, first.codes[0])
    assert take(ada.id, second.codes[0])


def test_a_second_factor_more_brings_no_new_codes(ada: User) -> None:
    set_up_app(ada.id)
    _, change = set_up_passkey(ada.id)
    assert change.codes == []


def test_codes_need_a_factor_and_go_with_the_last_one(ada: User, fake_clock: FakeClock) -> None:
    with pytest.raises(NoFactorError):
        make_own_codes(ada.id, kept_token=begin(ada.id))
    _, change = set_up_app(ada.id)
    _, change = set_up_passkey(ada.id, change.token)
    change = remove_own_app(ada.id, kept_token=change.token)
    assert len(all_rows(RecoveryCode)) == 10
    passkey = read_own_factors(ada.id).passkeys[0]
    remove_own_passkey(ada.id, passkey.id, kept_token=change.token)
    assert all_rows(RecoveryCode) == []


@both_databases
def test_of_two_requests_with_one_code_one_gets_in(app: Flask, ada: User) -> None:
    _, change = set_up_app(ada.id)
    for code in change.codes[:5]:
        gate = Barrier(4)

        def _take(code: str = code, gate: Barrier = gate) -> bool:
            with app.app_context():
                gate.wait(20)
                return take(ada.id, code)

        with ThreadPoolExecutor(4) as pool:
            results = [one.result() for one in [pool.submit(_take) for _ in range(4)]]
        assert sorted(results) == [False, False, False, True]
