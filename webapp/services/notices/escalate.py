"""Going on with escalations: the next step is due, or a ticket was left untouched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.notices.facts import TicketFacts, read_ticket_facts
from webapp.domain.notices.policy import PolicyRule, Rules
from webapp.models import Escalation, OutboxRow, Target
from webapp.models.outbox import OutboxState
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.read_rules import muted_clients, read_rules
from webapp.services.notices.recipients import RecipientBook
from webapp.services.notices.run_steps import Running, occasion_of, run_steps
from webapp.services.notices.untouched import tell_untouched
from webapp.services.notices.write_rows import write_rows
from webapp.services.transactions import reading, transaction

BATCH = 50
"""The most escalations in one transaction, so that a poll need not wait for it for long."""


def advance_escalations(now: datetime) -> int:
    """Run every step that is due at `now` (UTC); return how many escalations went on.

    Each step is run once, whoever calls this at the same time: its escalation is locked, and a row
    of the outbox has a key that names the step.
    """
    tell_untouched(now)
    count = 0
    while True:
        with transaction() as session:
            due = session.scalars(
                select(Escalation)
                .where(Escalation.ended_at.is_(None), Escalation.due_at <= now)
                .order_by(Escalation.due_at, Escalation.id)
                .limit(BATCH)
                .with_for_update(skip_locked=True)
            ).all()
            if due:
                _go_on(session, due, now)
        count += len(due)
        if len(due) < BATCH:
            return count


def find_due_targets(now: datetime) -> list[int]:
    """Return the targets to which something is to be sent at `now` (UTC)."""
    with reading() as session:
        return list(
            session.scalars(
                select(OutboxRow.target_id)
                .join(Target, Target.id == OutboxRow.target_id)
                .where(
                    OutboxRow.state == OutboxState.PENDING,
                    OutboxRow.next_try_at <= now,
                    Target.paused_at.is_(None),
                    (Target.rests_until.is_(None)) | (Target.rests_until <= now),
                    (Target.lease_until.is_(None)) | (Target.lease_until <= now),
                )
                .distinct()
            )
        )


def _go_on(session: Session, due: Sequence[Escalation], now: datetime) -> None:
    """Run the steps that are due; those of muted clients wait until that ends."""
    rules, book, muted = (
        read_rules(session),
        RecipientBook(session, now),
        muted_clients(session, now),
    )
    policies = {policy.id: policy for policy in rules.policies}
    facts = read_facts(session, {one.ticket_id for one in due})
    for one in due:
        fresh = facts.get(one.ticket_id)
        if fresh is None:
            one.due_at = None
            continue
        if fresh.client_id in muted:
            one.due_at = muted[fresh.client_id]
            continue
        told = read_ticket_facts(one.facts)
        fresh = replace(fresh, person=told.person, previous_severity=told.previous_severity)
        policy = policies.get(one.policy_id or 0) or _other_policy(rules, one, fresh, now)
        if policy is None:
            one.due_at = None
            continue
        running = Running(
            policy=policy, event=one.event, facts=fresh, step=one.step, due_at=one.due_at or now
        )
        result = run_steps(running, rules, book, now)
        one.step, one.due_at = result.step, result.due_at
        write_rows(session, result.rows(one.id, now, timedelta(0)), now)


def _other_policy(
    rules: Rules, one: Escalation, facts: TicketFacts, now: datetime
) -> PolicyRule | None:
    """Return the policy that takes over where the one before was deleted or switched off."""
    found = rules.choose(occasion_of(one.event, facts), now)
    if found is None:
        return None
    one.policy_id, one.step = found[0].id, 0
    return found[0]
