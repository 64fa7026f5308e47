"""Telling that something happened to tickets, in the transaction in which it happens."""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from sqlalchemy import insert, select, update
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.notices.compose import BACKFILL, REQUEST
from webapp.domain.notices.events import CREATED, EVENTS, QUARANTINED
from webapp.domain.notices.facts import TicketFacts
from webapp.domain.notices.message import Stage
from webapp.domain.notices.policy import PolicyRule, Rules
from webapp.models import Comment, Escalation, OutboxRow, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.notices.read_facts import read_facts
from webapp.services.notices.read_rules import muted_clients, read_rules
from webapp.services.notices.recipients import RecipientBook
from webapp.services.notices.run_steps import Running, StepRunner, StepsRun, occasion_of
from webapp.services.notices.settle import replace_escalations
from webapp.services.notices.wake import wake_after_commit
from webapp.services.notices.write_rows import NewRow, hurry_earlier, write_rows
from webapp.services.transactions import NO_SYNC

LATEST_RELEASE = timedelta(minutes=30)
"""A summary of a first poll is sent after this time, even if the poll never ends."""

_MUTED_NOTE = "The client is muted: nobody was told of this ticket."


@dataclass(frozen=True, slots=True, kw_only=True)
class Happening:
    """An event (of EVENTS) of a ticket; `person` is who did it, None for Huntress or nobody.

    One that `is_once` is not told if the policy that it falls to has told it of this ticket before,
    or with `once_since` since that time (UTC).
    With `summary` (BACKFILL or REQUEST) people get one summary of all such events, and no step
    follows.
    """

    event: str
    ticket_id: int
    previous_severity: str | None = None
    person: str | None = None
    is_once: bool = False
    once_since: datetime | None = None
    summary: str | None = None


def tell(
    session: Session,
    happenings: Sequence[Happening],
    *,
    window: timedelta = timedelta(0),
    told_already: Collection[tuple[int, int]] = (),
    only_policy: int | None = None,
) -> None:
    """Write what is to be told of `happenings`, in the caller's transaction.

    The first policy that fits an event decides. Tickets of muted clients are marked, and nobody is
    told of them. `window` is for how long messages to people wait for others of the same
    organization (see `release_messages`). `told_already` are pairs of a ticket and a target that is
    told of it in another way. With `only_policy`, events that fall to another policy are not told.
    """
    if not happenings:
        return
    rules, now = read_rules(session), clock.utcnow()
    muted = muted_clients(session, now)
    if not rules.policies and not muted:
        return
    facts = read_facts(session, {one.ticket_id for one in happenings})
    _mark_muted(session, happenings, facts, muted, now)
    known = _told_before(session, happenings)
    chosen = [
        one
        for happening in happenings
        if (one := _choose(rules, happening, facts, now)) is not None
        and one.facts.client_id not in muted
        and only_policy in (None, one.policy.id)
        and not (happening.is_once and (happening.ticket_id, one.policy.id) in known)
    ]
    book = RecipientBook(session, now)
    rows = _summary_rows([one for one in chosen if one.summary], book, now)
    rows += _begin(session, [one for one in chosen if not one.summary], rules, book, now, window)
    skipped = set(told_already)
    rows = [row for row in rows if (row.ticket_id, row.recipient.target_id) not in skipped]
    write_rows(session, rows, now)
    known_tickets = {one.facts.ticket_id for one in chosen if not one.is_new_ticket}
    hurry_earlier(session, (row for row in rows if row.ticket_id in known_tickets), now)


def release_messages(session: Session, connection_id: int, now: datetime) -> None:
    """Let messages of this connection go that wait for others: no more will come for a while.

    A poll calls this at its end.
    """
    waiting = (
        OutboxRow.state == OutboxState.PENDING,
        OutboxRow.attempts == 0,
        OutboxRow.due_at > now,
        OutboxRow.due_at <= now + LATEST_RELEASE,
        OutboxRow.bundle.startswith(f"page:{connection_id}:")
        | (OutboxRow.bundle == f"{BACKFILL}:{connection_id}"),
    )
    targets = session.scalars(
        update(OutboxRow)
        .where(*waiting)
        .values(due_at=now, next_try_at=now)
        .returning(OutboxRow.target_id),
        execution_options=NO_SYNC,
    )
    wake_after_commit(session, {key for key in targets if key is not None})


def _told_before(session: Session, happenings: Sequence[Happening]) -> set[tuple[int, int | None]]:
    """Return tickets and policies of events that are told once, and were by that policy."""
    once = {one.ticket_id for one in happenings if one.is_once}
    if not once:
        return set()
    events = {one.event for one in happenings if one.is_once}
    since = {one.ticket_id: one.once_since for one in happenings if one.once_since is not None}
    told = select(Escalation.ticket_id, Escalation.policy_id, Escalation.began_at).where(
        Escalation.ticket_id.in_(once), Escalation.event.in_(events)
    )
    return {
        (ticket_id, policy_id)
        for ticket_id, policy_id, began_at in session.execute(told)
        if ticket_id not in since or began_at >= since[ticket_id]
    }


@dataclass(frozen=True, slots=True)
class _Chosen:
    """A happening that `policy` takes, as the event that it takes it as."""

    policy: PolicyRule
    event: str
    facts: TicketFacts
    summary: str | None
    is_new_ticket: bool


def _choose(
    rules: Rules, one: Happening, facts: Mapping[int, TicketFacts], now: datetime
) -> _Chosen | None:
    known = facts.get(one.ticket_id)
    if known is None:
        return None
    found = rules.choose(occasion_of(one.event, known), now)
    if found is None:
        return None
    if one.previous_severity or one.person:
        known = replace(known, previous_severity=one.previous_severity, person=one.person)
    return _Chosen(*found, known, one.summary, one.event == CREATED and not one.is_once)


def _begin(
    session: Session,
    chosen: Sequence[_Chosen],
    rules: Rules,
    book: RecipientBook,
    now: datetime,
    window: timedelta,
) -> list[NewRow]:
    """Begin an escalation for each event, and return the rows of the steps that are due at once."""
    runner = StepRunner(rules, book, now)
    results = {
        (one.facts.ticket_id, one.event): runner.run(
            Running(
                policy=one.policy,
                event=one.event,
                facts=one.facts,
                step=0,
                due_at=now + _first(one.policy, one.event),
            )
        )
        for one in chosen
        if one.policy.steps
    }
    if not results:
        return []
    replaced = {one.facts.ticket_id for one in chosen if _replaces(one)}
    replace_escalations(session, replaced, now)
    written = session.execute(
        insert(Escalation).returning(Escalation.id, Escalation.ticket_id, Escalation.event),
        [_values(one, now) for one in results.values()],
        execution_options={"render_nulls": True},  # so that it is one statement
    )
    return [
        row
        for key, ticket_id, event in written
        for row in results[ticket_id, event].rows(key, now, window)
    ]


def _replaces(one: _Chosen) -> bool:
    """Whether what was told of the ticket before is not waited for any more."""
    return EVENTS[one.event].stage is Stage.BEGINS and not one.is_new_ticket


def _first(policy: PolicyRule, event: str) -> timedelta:
    """How long to wait before the first step; what nobody has to take is told at once."""
    minutes = policy.steps[0].after_minutes if EVENTS[event].waits else 0
    return timedelta(minutes=minutes)


def _values(result: StepsRun, now: datetime) -> dict[str, object]:
    one = result.running
    return {
        "ticket_id": one.facts.ticket_id,
        "policy_id": one.policy.id,
        "event": one.event,
        "person": one.facts.person,
        "previous_severity": one.facts.previous_severity,
        "began_at": now,
        "step": result.step,
        "due_at": result.due_at,
        "ended_at": None if EVENTS[one.event].waits else now,
    }


def _summary_rows(chosen: Sequence[_Chosen], book: RecipientBook, now: datetime) -> list[NewRow]:
    """Return rows for whom the policies' first steps tell; a webhook gets each of them at once."""
    return [
        NewRow(
            key=f"{one.summary}:{one.event}:{one.facts.ticket_id}",
            recipient=recipient,
            event=EVENTS[one.event].type,
            facts=one.facts.as_json(),
            due_at=now if recipient.takes_all or one.summary == REQUEST else now + LATEST_RELEASE,
            ticket_id=one.facts.ticket_id,
            is_urgent=occasion_of(one.event, one.facts).is_critical,
            bundle=None if recipient.takes_all else f"{one.summary}:{one.facts.connection_id}",
        )
        for one in chosen
        if one.policy.steps
        for recipient in book.of(one.policy.steps[0])
    ]


def _mark_muted(
    session: Session,
    happenings: Iterable[Happening],
    facts: Mapping[int, TicketFacts],
    muted: Collection[int],
    now: datetime,
) -> None:
    """Mark new tickets of muted clients, and say so in their timeline."""
    ids = sorted(
        {
            one.ticket_id
            for one in happenings
            if one.event in (CREATED, QUARANTINED)
            and one.ticket_id in facts
            and facts[one.ticket_id].client_id in muted
        }
    )
    if not ids:
        return
    session.execute(
        update(Ticket).where(Ticket.id.in_(ids)).values(is_muted=True), execution_options=NO_SYNC
    )
    session.execute(
        insert(Comment),
        [{"ticket_id": key, "body": _MUTED_NOTE, "created_at": now} for key in ids],
    )
