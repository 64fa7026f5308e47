"""Who needs a second factor, and when it is asked for without a way around it."""

from datetime import UTC, datetime, timedelta
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from webapp.domain.security.factor_rule import (
    FactorDemand,
    FactorRule,
    factor_due,
    judge_demand,
    needs_factor,
)

NOW = datetime(2026, 6, 9, 12, tzinfo=UTC)
WEEK = timedelta(days=7)


@pytest.mark.parametrize(("rule", "is_admin"), list(product(FactorRule, [True, False])))
def test_who_needs_one(rule: FactorRule, is_admin: bool) -> None:
    expected = {
        FactorRule.ADMINS: is_admin,
        FactorRule.EVERYBODY: True,
        FactorRule.OPTIONAL: False,
    }
    assert needs_factor(rule, is_admin=is_admin, is_demo=False) is expected[rule]
    assert not needs_factor(rule, is_admin=is_admin, is_demo=True)


def test_the_first_day_that_was_said_holds() -> None:
    assert factor_due(NOW, WEEK, None) == NOW + WEEK
    assert factor_due(NOW, WEEK, NOW - WEEK) == NOW - WEEK
    assert factor_due(NOW, timedelta(0), None) == NOW


def test_nothing_is_asked_of_who_has_one_or_needs_none() -> None:
    assert judge_demand(NOW, is_needed=True, due_at=None) is FactorDemand.NOTHING
    assert judge_demand(NOW, is_needed=False, due_at=NOW - WEEK) is FactorDemand.NOTHING


@given(st.timedeltas(timedelta(microseconds=1), timedelta(days=900)))
def test_the_grace_ends_to_the_microsecond(span: timedelta) -> None:
    assert judge_demand(NOW - span, is_needed=True, due_at=NOW) is FactorDemand.SOON
    assert judge_demand(NOW, is_needed=True, due_at=NOW) is FactorDemand.NOW
    assert judge_demand(NOW + span, is_needed=True, due_at=NOW) is FactorDemand.NOW
