"""Who is asked for a second factor, from when on, and what ends it."""

from datetime import timedelta

import pytest

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import fresh
from tests.support.security.factors import require_factors, set_up_app
from webapp.config import FactorRule
from webapp.domain.security.factor_rule import FactorDemand
from webapp.models import User
from webapp.services.people.factors.demand import ask_for_factor, demand_of
from webapp.services.people.factors.own_factors import remove_own_app
from webapp.services.people.users import set_role


def demand(user: User) -> FactorDemand:
    return demand_of(fresh(User, user.id))[0]


@both_databases
def test_the_grace_begins_when_it_is_first_asked_for(ada: User, fake_clock: FakeClock) -> None:
    require_factors()
    assert demand(ada) is FactorDemand.NOTHING
    ask_for_factor(ada.id)
    first = fake_clock.now() + timedelta(days=7)
    assert demand_of(fresh(User, ada.id)) == (FactorDemand.SOON, first)
    fake_clock.advance(days=6)
    ask_for_factor(ada.id)
    assert fresh(User, ada.id).factor_due_at == first, "signing in again gives no new grace"
    fake_clock.advance(days=1)
    assert demand(ada) is FactorDemand.NOW


@pytest.mark.parametrize(
    ("rule", "of_ada", "of_bo"),
    [
        (FactorRule.ADMINS, FactorDemand.SOON, FactorDemand.NOTHING),
        (FactorRule.EVERYBODY, FactorDemand.SOON, FactorDemand.SOON),
        (FactorRule.OPTIONAL, FactorDemand.NOTHING, FactorDemand.NOTHING),
    ],
)
def test_who_is_asked(
    ada: User, bo: User, rule: FactorRule, of_ada: FactorDemand, of_bo: FactorDemand
) -> None:
    require_factors(rule)
    for person in (ada, bo):
        ask_for_factor(person.id)
    assert (demand(ada), demand(bo)) == (of_ada, of_bo)


def test_no_grace_at_all(ada: User) -> None:
    require_factors(grace=timedelta(0))
    ask_for_factor(ada.id)
    assert demand(ada) is FactorDemand.NOW


def test_a_demo_asks_nobody(ada: User) -> None:
    require_factors(FactorRule.EVERYBODY, timedelta(0), is_demo=True)
    ask_for_factor(ada.id)
    assert demand(ada) is FactorDemand.NOTHING


def test_a_setting_that_is_taken_back_asks_nobody(ada: User) -> None:
    require_factors(grace=timedelta(0))
    ask_for_factor(ada.id)
    require_factors(FactorRule.OPTIONAL)
    assert demand_of(fresh(User, ada.id)) == (FactorDemand.NOTHING, None)


@both_databases
def test_a_factor_ends_it(ada: User, fake_clock: FakeClock) -> None:
    require_factors()
    ask_for_factor(ada.id)
    fake_clock.advance(days=8)
    set_up_app(ada.id)
    assert demand(ada) is FactorDemand.NOTHING
    ask_for_factor(ada.id)
    assert fresh(User, ada.id).factor_due_at is None


def test_a_factor_that_was_optional_and_is_gone_is_asked_for_anew(
    ada: User, fake_clock: FakeClock
) -> None:
    _, change = set_up_app(ada.id)
    remove_own_app(ada.id, kept_token=change.token)
    require_factors()
    ask_for_factor(ada.id)
    assert fresh(User, ada.id).factor_due_at == fake_clock.now() + timedelta(days=7)


@both_databases
def test_who_becomes_an_admin_has_the_whole_grace(
    ada: User, bo: User, fake_clock: FakeClock
) -> None:
    require_factors()
    ask_for_factor(bo.id)
    assert fresh(User, bo.id).factor_due_at is None
    fake_clock.advance(days=30)
    set_role(bo.id, "admin")
    assert fresh(User, bo.id).factor_due_at == fake_clock.now() + timedelta(days=7)
    set_role(bo.id, "helpdesk")
    assert fresh(User, bo.id).factor_due_at is None
    set_up_app(bo.id)
    set_role(bo.id, "admin")
    assert demand(bo) is FactorDemand.NOTHING
