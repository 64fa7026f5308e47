"""Running the steps of escalations: the rows of a step, and when the next one is due."""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.domain.notices.compose import HELD, PAGE
from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.policy import Occasion, PolicyRule, Rules, next_due
from webapp.services.notices.recipients import Recipient, RecipientBook
from webapp.services.notices.write_rows import NewRow


@dataclass(frozen=True, slots=True, kw_only=True)
class Running:
    """An escalation at one of its steps."""

    id: int
    policy: PolicyRule
    event: str
    facts: TicketFacts
    step: int
    due_at: datetime


@dataclass(frozen=True, slots=True)
class StepsRun:
    """What running the due steps of an escalation leads to: rows, and the step that is next."""

    rows: tuple[NewRow, ...]
    step: int
    due_at: datetime | None


def occasion_of(event: str, facts: TicketFacts) -> Occasion:
    """Return what a policy is asked about."""
    return Occasion(
        event=event,
        severity=facts.severity,
        board_id=facts.board_id,
        client_id=facts.client_id,
        is_unmapped=facts.is_unmapped,
    )


def run_steps(
    running: Running,
    rules: Rules,
    book: RecipientBook,
    now: datetime,
    *,
    window: timedelta = timedelta(0),
) -> StepsRun:
    """Run the steps of `running` that are due at `now` (UTC), and say which is next.

    A step that reaches nobody is not waited for: the next one is run at once. `window` is for how
    long people's messages wait for others of the same organization.
    """
    rows: list[NewRow] = []
    place, due_at = running.step, running.due_at
    is_critical = occasion_of(running.event, running.facts).is_critical
    told_at = rules.released_at(running.policy, is_critical=is_critical, now=now)
    while (step := running.policy.step(place)) is not None and due_at <= now:
        recipients = book.of(step)
        held_until = told_at if told_at > now else None
        rows += _rows(running, place, recipients, held_until=held_until, now=now, window=window)
        place += 1
        is_reached = any(not one.is_paused for one in recipients)
        following = next_due(running.policy, place, told_at) if is_reached else now
        if following is None:
            break
        due_at = following
    waits = EVENTS[running.event].waits and running.policy.step(place) is not None
    return StepsRun(tuple(rows), place, due_at if waits else None)


def _rows(
    running: Running,
    place: int,
    recipients: Iterable[Recipient],
    *,
    held_until: datetime | None,
    now: datetime,
    window: timedelta,
) -> Iterator[NewRow]:
    facts = running.facts
    organization = facts.organization_key or f"client-{facts.client_id}"
    bundle = f"{PAGE}:{facts.connection_id}:{organization}:{place}"
    if held_until is not None:
        bundle = f"{HELD}:{held_until.isoformat()}"
    for recipient in recipients:
        due_at = now if recipient.is_machine else held_until or now + window
        yield NewRow(
            key=f"step:{running.id}:{place}",
            recipient=recipient,
            event=EVENTS[running.event].type,
            facts=facts.as_json(),
            due_at=due_at,
            ticket_id=facts.ticket_id,
            escalation_id=running.id,
            is_urgent=occasion_of(running.event, facts).is_critical,
            bundle=bundle,
        )
