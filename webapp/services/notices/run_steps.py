"""Running the steps of escalations: the rows of a step, and when the next one is due."""

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from webapp.domain.notices.compose import HELD, PAGE
from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.policy import Occasion, PolicyRule, Rules, next_due
from webapp.services.notices.recipients import Recipient, RecipientBook
from webapp.services.notices.write_rows import NewRow

TRIED_AGAIN_AFTER = timedelta(minutes=5)
"""The wait of a last step that reached nobody."""

NEVER = datetime.max.replace(tzinfo=UTC)


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An escalation at one of its steps."""

    policy: PolicyRule
    event: str
    facts: TicketFacts
    step: int
    due_at: datetime

    @property
    def occasion(self) -> Occasion:
        """What its policy was asked about."""
        return occasion_of(self.event, self.facts)


@dataclass(frozen=True, slots=True)
class _Run:
    """A step that was run: its place, whom it tells, and until when people are not told of it."""

    place: int
    recipients: tuple[Recipient, ...]
    held_until: datetime | None


_Progress = tuple[tuple[_Run, ...], int, datetime | None]
"""The steps that were run, the one that is next, and when it is due; None for never."""


@dataclass(frozen=True, slots=True)
class StepsRun:
    """What running the due steps of an escalation leads to, and the step that is next."""

    running: Running
    runs: tuple[_Run, ...]
    step: int
    due_at: datetime | None

    def rows(self, escalation_id: int, now: datetime, window: timedelta) -> Iterator[NewRow]:
        """The rows of the outbox; `window` is for how long people's messages wait for others."""
        facts, event = self.running.facts, EVENTS[self.running.event].type
        values, is_critical = facts.as_json(), self.running.occasion.is_critical
        organization = facts.organization_key or f"client-{facts.client_id}"
        for run in self.runs:
            bundle = f"{PAGE}:{facts.connection_id}:{organization}:{run.place}"
            if run.held_until is not None:
                bundle = f"{HELD}:{run.held_until.isoformat()}"
            for recipient in run.recipients:
                if recipient.is_paused and run is not self.runs[0]:
                    continue  # what waits there already says it
                place = 0 if recipient.takes_all else run.place  # it gets an event once
                yield NewRow(
                    key=f"step:{escalation_id}:{self.running.policy.id}:{place}",
                    recipient=recipient,
                    event=event,
                    facts=values,
                    due_at=_due_at(recipient, run.held_until, now, window),
                    ticket_id=facts.ticket_id,
                    escalation_id=escalation_id,
                    is_urgent=is_critical,
                    bundle=None if recipient.is_machine else bundle,
                )


def _due_at(
    recipient: Recipient, held_until: datetime | None, now: datetime, window: timedelta
) -> datetime:
    if recipient.takes_all:
        return now
    if held_until is not None:
        return held_until
    return now if recipient.is_machine else now + window


def occasion_of(event: str, facts: TicketFacts) -> Occasion:
    """Return what a policy is asked about."""
    return Occasion(
        event=event,
        severity=facts.severity,
        board_id=facts.board_id,
        client_id=facts.client_id,
        is_unmapped=facts.is_unmapped,
    )


class StepRunner:
    """Runs the steps that are due at `now` (UTC).

    Escalations that are alike in policy, event, place and urgency are worked out once.
    """

    def __init__(self, rules: Rules, book: RecipientBook, now: datetime) -> None:
        self._rules, self._book, self._now = rules, book, now
        self._known: dict[tuple[object, ...], _Progress] = {}

    def run(self, running: Running) -> StepsRun:
        """Run the steps of `running` that are due, and say which is next.

        A step that reaches nobody is not waited for: the next one is run at once. The last one is
        run again and again until it reaches somebody.
        """
        policy, is_critical = running.policy, running.occasion.is_critical
        alike = (policy.id, running.event, running.step, running.due_at, is_critical)
        if alike not in self._known:
            self._known[alike] = self._work_out(running, is_critical=is_critical)
        return StepsRun(running, *self._known[alike])

    def _work_out(self, running: Running, *, is_critical: bool) -> _Progress:
        policy, now = running.policy, self._now
        runs: list[_Run] = []
        place, due_at = running.step, running.due_at
        told_at = self._rules.released_at(policy, is_critical=is_critical, now=now)
        while (step := policy.step(place)) is not None and due_at <= now:
            recipients = self._book.of(step, told_at)
            runs.append(_Run(place, recipients, told_at if told_at > now else None))
            if any(not one.is_paused for one in recipients):
                place += 1
                due_at = next_due(policy, place, told_at) or NEVER
            elif place < len(policy.steps) - 1:
                place += 1
            else:
                due_at = told_at + max(timedelta(minutes=step.after_minutes), TRIED_AGAIN_AFTER)
        waits = EVENTS[running.event].waits and policy.step(place) is not None
        return tuple(runs), place, due_at if waits else None
