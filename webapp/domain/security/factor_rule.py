"""Who needs a second factor, and until when somebody without one may go on."""

from datetime import datetime, timedelta
from enum import StrEnum


class FactorRule(StrEnum):
    """Who has to have a second factor."""

    ADMINS = "admins"
    EVERYBODY = "everybody"
    OPTIONAL = "optional"


class FactorDemand(StrEnum):
    """What is asked of a person: nothing, a second factor by a day, or one at once."""

    NOTHING = "nothing"
    SOON = "soon"
    NOW = "now"


def needs_factor(rule: FactorRule, *, is_admin: bool, is_demo: bool) -> bool:
    """Whether a person has to have a second factor; a demo asks nobody."""
    if is_demo:
        return False
    return rule is FactorRule.EVERYBODY or (rule is FactorRule.ADMINS and is_admin)


def factor_due(now: datetime, grace: timedelta, due_at: datetime | None) -> datetime:
    """Until when (UTC) a person who needs a factor may go on without: what was said first holds."""
    return due_at or now + grace


def judge_demand(now: datetime, *, is_needed: bool, due_at: datetime | None) -> FactorDemand:
    """What is asked of a person now; `due_at` (UTC) is None while they have a factor.

    It is None, too, before they were first asked: that happens when they sign in.
    """
    if not is_needed or due_at is None:
        return FactorDemand.NOTHING
    return FactorDemand.SOON if now < due_at else FactorDemand.NOW
