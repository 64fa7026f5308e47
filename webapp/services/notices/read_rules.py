"""Reading what decides who is told: policies, quiet hours, holidays, muted clients."""

import logging
from datetime import date, datetime
from typing import Any

from sqlalchemy import ColumnElement, Row, literal, select, true
from sqlalchemy.orm import Session, joinedload

from webapp.domain.notices.hours import Hours, HoursError, read_holidays, read_hours
from webapp.domain.notices.policy import PolicyError, PolicyRule, Rules, StepRule, read_conditions
from webapp.models import ClientMute, NotificationSettings, Policy, PolicyStep, Target

log = logging.getLogger(__name__)


def read_rules(session: Session) -> Rules:
    """Return the enabled policies in order, with quiet hours and holidays, in one statement.

    Steps that tell everybody name the targets of their whole policy.
    """
    return read_rules_with(session)[0]


def read_rules_with(
    session: Session, *facts: ColumnElement[bool]
) -> tuple[Rules, Row[*tuple[Any, ...]]]:
    """`read_rules`, and a row that holds `facts`, which depend on no policy."""
    steps = joinedload(Policy.steps)
    settings = NotificationSettings
    once = select(literal(1).label("one"), *facts).subquery()
    rows = session.execute(
        select(Policy, settings.quiet_hours, settings.holidays, *once.c)
        .select_from(once.outerjoin(settings, true()).outerjoin(Policy, Policy.is_enabled))
        .order_by(Policy.position, Policy.id)
        .options(steps.joinedload(PolicyStep.targets).load_only(Target.id))
    )
    found = rows.unique(lambda row: row[0] and row[0].id).all()
    stored = [row.Policy for row in found if row.Policy is not None]
    policies = [rule.with_team() for policy in stored if (rule := as_rule(policy)) is not None]
    first = found[0]
    rules = Rules(
        policies=tuple(policies),
        quiet_hours=_quiet_hours(first.quiet_hours),
        holidays=_holidays(first.holidays or []),
    )
    return rules, first


def read_quiet_hours(session: Session) -> Hours | None:
    """Return the hours in which only criticals are told at once; None where none are set."""
    return _quiet_hours(session.scalar(select(NotificationSettings.quiet_hours)))


def as_rule(policy: Policy) -> PolicyRule | None:
    """Return a stored policy as data; None where its conditions cannot be read any more."""
    try:
        conditions = read_conditions(policy.conditions)
    except (PolicyError, TypeError, ValueError, AttributeError):
        log.error("Policy %s (%s) cannot be read and is left out", policy.id, policy.name)
        return None
    steps = tuple(
        StepRule(
            after_minutes=step.after_minutes,
            target_ids=tuple(target.id for target in step.targets),
            tells_on_call=step.tells_on_call,
            tells_everybody=step.tells_everybody,
        )
        for step in policy.steps
    )
    return PolicyRule(
        id=policy.id,
        name=policy.name,
        conditions=conditions,
        steps=steps,
        repeats=policy.repeats,
    )


def muted_clients(session: Session, now: datetime) -> dict[int, datetime]:
    """Return the clients that are muted at `now` (UTC), each with the end of that."""
    rows = session.execute(
        select(ClientMute.client_id, ClientMute.until).where(
            ClientMute.starts_at <= now, ClientMute.until > now, ClientMute.ended_at.is_(None)
        )
    )
    return {row.client_id: row.until for row in rows}


def _quiet_hours(values: dict[str, Any] | None) -> Hours | None:
    try:
        return read_hours(values)
    except HoursError as error:
        log.error("The quiet hours cannot be read: %s", error)
        return None


def _holidays(values: list[str]) -> frozenset[date]:
    try:
        return read_holidays(values)
    except HoursError as error:
        log.error("The holidays cannot be read: %s", error)
        return frozenset()
