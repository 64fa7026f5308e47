"""Going on with escalations: the next step is due, or a ticket was left untouched."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.policy import PolicyRule, Rules
from webapp.models import Escalation, OutboxRow, Target, User
from webapp.models.outbox import OutboxState
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.read_rules import muted_clients, read_rules
from webapp.services.notices.recipients import RecipientBook
from webapp.services.notices.run_steps import Running, StepRunner, occasion_of
from webapp.services.notices.silence.untold import (
    TRIED_AGAIN_AFTER,
    Untold,
    attempted,
    find_untold,
    note_told,
    note_untold,
)
from webapp.services.notices.silence.untouched import tell_untouched
from webapp.services.notices.write_rows import hurry_earlier, write_rows
from webapp.services.restored import are_messages_free
from webapp.services.transactions import reading, transaction

BATCH = 50
"""The most escalations in one transaction, so that a poll need not wait for it for long."""


def advance_escalations(now: datetime) -> int:
    """Run every step that is due at `now` (UTC); return how many escalations went on.

    None goes on while a restore holds messages.

    Each step is run once, whoever calls this at the same time: its escalation is locked, and a row
    of the outbox has a key that names the step.
    """
    tell_untouched(now)
    count = 0
    while True:
        with transaction() as session:
            due = session.scalars(
                select(Escalation)
                .where(Escalation.ended_at.is_(None), Escalation.due_at <= now, are_messages_free())
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
                .outerjoin(User, User.id == Target.user_id)
                .where(
                    OutboxRow.state == OutboxState.PENDING,
                    OutboxRow.next_try_at <= now,
                    are_messages_free(),
                    Target.paused_at.is_(None),
                    (Target.user_id.is_(None)) | User.may_work,
                    (Target.rests_until.is_(None)) | (Target.rests_until <= now),
                    (Target.lease_until.is_(None)) | (Target.lease_until <= now),
                )
                .distinct()
            )
        )


def _go_on(session: Session, due: Sequence[Escalation], now: datetime) -> None:
    """Run the steps that are due; one that fails keeps no other, and is tried again later."""
    run = _Run(session, now, [one.ticket_id for one in due])
    known = find_untold(session, [one.id for one in due])
    for one in due:
        key, untold = one.id, Untold(one.event, one.ticket_id, one.id)
        with attempted(session, f"A step of escalation {key}") as attempt:
            run.go_on(one)
            if key in known:
                note_told(session, key)
        if attempt.error is not None:
            one.due_at = now + TRIED_AGAIN_AFTER
            if key not in known:
                with attempted(session, "Noting what was not told"):
                    note_untold(session, [untold], attempt.error, now)


class _Run:
    """Runs due steps with what they have in common, which is read once for a transaction."""

    def __init__(self, session: Session, now: datetime, ticket_ids: Sequence[int]) -> None:
        self._session = session
        self._now = now
        self._rules = read_rules(session)
        self._runner = StepRunner(self._rules, RecipientBook(session, now), now)
        self._muted = muted_clients(session, now)
        self._policies = {policy.id: policy for policy in self._rules.policies}
        self._facts = read_facts(session, set(ticket_ids))

    def go_on(self, one: Escalation) -> None:
        """Run the steps of an escalation that are due; a muted client's wait until that ends."""
        facts = self._facts.get(one.ticket_id)
        if facts is not None and facts.client_id in self._muted:
            one.due_at = self._muted[facts.client_id]
            return
        policy = None if facts is None else self._policy_of(one, facts)
        if facts is None or policy is None:
            one.due_at = None
            return
        facts = replace(facts, person=one.person, previous_severity=one.previous_severity)
        due_at = one.due_at or self._now
        running = Running(policy=policy, event=one.event, facts=facts, step=one.step, due_at=due_at)
        result = self._runner.run(running)
        one.step, one.due_at = result.step, result.due_at
        rows = list(result.rows(one.id, self._now, timedelta(0)))
        write_rows(self._session, rows, self._now)
        hurry_earlier(self._session, rows, self._now)

    def _policy_of(self, one: Escalation, facts: TicketFacts) -> PolicyRule | None:
        known = self._policies.get(one.policy_id or 0)
        return known or _other_policy(self._rules, one, facts, self._now)


def _other_policy(
    rules: Rules, one: Escalation, facts: TicketFacts, now: datetime
) -> PolicyRule | None:
    """Return the policy that takes over where the one before was deleted or switched off."""
    found = rules.choose(occasion_of(one.event, facts), now)
    if found is None:
        return None
    one.policy_id, one.step = found[0].id, 0
    return found[0]
