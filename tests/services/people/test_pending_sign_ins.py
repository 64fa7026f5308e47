"""What waits for a second step is used once, within ten minutes, after five tries at most."""

from concurrent.futures import ThreadPoolExecutor

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import all_rows
from webapp.extensions import db
from webapp.models import PendingSignIn
from webapp.services.people.pending_sign_ins import (
    PendingSignInError,
    begin_pending,
    count_attempt,
    read_pending,
    use_pending,
)
from webapp.services.transactions import transaction

pytestmark = pytest.mark.usefixtures("app", "fake_clock")


def use(token: str | None, purpose: str = "factor") -> PendingSignIn:
    with transaction() as session:
        return use_pending(session, token, purpose)


def test_it_keeps_what_the_browser_must_not_change(fake_clock: FakeClock) -> None:
    token = begin_pending("factor", method="password", challenge="abc")
    found = read_pending(token, "factor")
    assert found is not None
    assert (found.method, found.challenge, found.user_id) == ("password", "abc", None)
    assert token not in found.token_hash
    assert use(token).id == found.id
    assert read_pending(token, "factor") is None
    with pytest.raises(PendingSignInError):
        use(token)


def test_ten_minutes_later_it_is_void_and_cleared_away(fake_clock: FakeClock) -> None:
    token = begin_pending("factor")
    fake_clock.advance(minutes=10)
    with pytest.raises(PendingSignInError):
        use(token)
    with pytest.raises(PendingSignInError):
        count_attempt(token, "factor")
    begin_pending("factor")
    assert len(all_rows(PendingSignIn)) == 1


def test_each_has_one_purpose() -> None:
    token = begin_pending("passkey")
    assert read_pending(token, "factor") is None
    with pytest.raises(PendingSignInError):
        use(token)


@pytest.mark.parametrize("token", [None, "", "x", "x" * 9999, "\ud800"])
def test_what_is_no_token(token: str | None) -> None:
    begin_pending("factor")
    assert read_pending(token, "factor") is None
    with pytest.raises(PendingSignInError):
        use(token)
    with pytest.raises(PendingSignInError):
        count_attempt(token, "factor")


@both_databases
def test_five_tries_and_not_one_more_even_at_once(app: Flask) -> None:
    token = begin_pending("factor")

    def attempt(_number: int) -> bool:
        with app.app_context():
            try:
                count_attempt(token, "factor")
            except PendingSignInError:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(6) as pool:
        assert sum(pool.map(attempt, range(12))) == 5


@both_databases
def test_of_two_at_once_one_uses_it(app: Flask) -> None:
    token = begin_pending("factor")

    def attempt(_number: int) -> bool:
        with app.app_context():
            try:
                use(token)
            except PendingSignInError:
                return False
            finally:
                db.session.remove()
            return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(attempt, range(4))) == 1
