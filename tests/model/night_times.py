"""When somebody has to be told in a night.

The times that are required follow from the events, the policies of the night and the limits of the
kinds; they are asked for at the ticks that a worker came to the end of.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import datetime, timedelta

from tests.model.night import CRITICAL_STEPS, QUIET_UNTIL, REPEATS, STEP_WAITS
from tests.model.night_records import CALLS, Call, Records, place_of
from webapp.domain.notices.bundling import FLOOD_PAUSE
from webapp.domain.notices.retry import delay_after
from webapp.models import Escalation
from webapp.services.notices.deliver import LEASE, LONGEST_REST

SLACK = timedelta(seconds=30)
"""A tick, and what a tick itself takes."""

AFTER_TROUBLE = LONGEST_REST + FLOOD_PAUSE


def every_step_is_run_when_it_is_due(records: Records) -> None:
    """By the first tick that a worker came to the end of, once the client is not muted."""
    ran: dict[tuple[int, int], datetime] = {}
    for row in records.rows:
        if row.event in CALLS:
            ran.setdefault((row.escalation_id or 0, place_of(row)), row.created_at)
    for key, one in records.escalations.items():
        assert ran.get((key, 0)) == one.began_at, f"the first step of {key} was not run at once"
        if not records.is_critical(one):
            continue
        for place in range(1, len(CRITICAL_STEPS) + REPEATS):
            due_at = ran[key, place - 1] + STEP_WAITS
            at = next(tick for tick in records.world.ticks if _may_run(records, one, due_at, tick))
            if one.ended_at is not None and one.ended_at <= at:
                break
            assert (key, place) in ran, f"step {place} of {key} was due at {due_at}"
            assert due_at <= ran[key, place] <= at, f"step {place} of {key} at {ran[key, place]}"


def _may_run(records: Records, one: Escalation, due_at: datetime, tick: datetime) -> bool:
    return tick >= due_at and not records.is_muted(one.ticket_id, tick)


def nothing_comes_too_early(records: Records) -> None:
    """No call of a step before it; none that is held before the morning."""
    for call in records.calls:
        if call.row.sent_at is not None:
            held = call.due_at if call.due_at == QUIET_UNTIL else call.row.created_at
            assert call.row.sent_at >= held, f"{call.row.key} came too early"


def what_is_held_arrives_in_the_morning(records: Records) -> None:
    """The receivers are up for long by then."""
    for call in records.calls:
        if call.due_at == QUIET_UNTIL:
            late = _missed(records, call, QUIET_UNTIL, call.until)
            assert late is None, f"{call.row.key} was held longer than the quiet hours: {late}"


def everybody_is_told_in_time(records: Records) -> None:
    """Where nothing failed: at once but for the bundling, unless the target is at its limit."""
    for call in records.calls:
        late = _missed(records, call, call.due_at, call.until)
        assert late is None, f"{call.row.key} could have been told at {late}, not {call.until}"
        is_limited = not all(
            records.has_room(call, tick)
            for tick in records.world.ticks
            if call.row.created_at <= tick < call.until
        )
        waited = call.until - call.due_at
        assert is_limited or waited <= SLACK, f"{call.row.key} came {waited} too late"


def _missed(
    records: Records, call: Call, since: datetime, until: datetime, *, is_left: bool = False
) -> datetime | None:
    """The first tick in a time at which a call could have been told, and was not."""
    return next(
        (
            tick
            for tick in records.world.ticks
            if since <= tick < until and records.has_room(call, tick, is_left=is_left)
        ),
        None,
    )


def _well_times(records: Records, call: Call) -> Iterator[tuple[datetime, datetime]]:
    """The times until a call was settled in which its receiver was up and no process was killed.

    The lease of a process that was killed runs out before.
    """
    world = records.world
    troubles = [(at, at + LEASE) for at in world.killed]
    troubles += [
        (one.since, one.until or call.until) for one in world.outages if one.target == call.name
    ]
    start = call.row.created_at
    for begins, ends in sorted(troubles):
        if start < begins:
            yield start, min(begins, call.until)
        start = max(start, ends)
        if start >= call.until:
            return
    yield start, call.until


def the_schedule_of_retries_is_kept(records: Records) -> None:
    """A critical call arrives, at the latest, when its retry is due and its receiver is up."""
    waiting: dict[tuple[int | None, str], list[Call]] = defaultdict(list)
    for call in records.calls:
        if not call.is_critical:
            continue
        before = waiting[call.row.ticket_id, call.name]
        earlier = [one.until for one in before if one.row.id in records.world.tries]
        before.append(call)
        for start, end in _well_times(records, call):
            tries = [at for at in records.world.tries.get(call.row.id, []) if at < end]
            due_at = call.due_at
            if tries:
                due_at = max(due_at, tries[-1] + delay_after(len(tries)))
            since = max([start, due_at, *(earlier if not tries else [])]) + AFTER_TROUBLE
            late = _missed(records, call, since, end, is_left=True)
            assert late is None, f"{call.row.key} was due again at {due_at}, and not told at {late}"


def what_waits_is_hurried(records: Records) -> None:
    """A critical call that was tried arrives soon after a later one of its ticket is due there.

    So it does once something else arrives: its receiver is up again.
    """
    by_ticket: dict[tuple[int | None, str], list[Call]] = defaultdict(list)
    for call in records.calls:
        by_ticket[call.row.ticket_id, call.name].append(call)
    for call in records.calls:
        if not call.is_critical:
            continue
        later = [
            one.due_at
            for one in by_ticket[call.row.ticket_id, call.name]
            if one.row.id > call.row.id
        ]
        sent = [one.at for one in records.messages.get(call.name, [])]
        for start, end in _well_times(records, call):
            signs = [max(start, due_at) for due_at in later if due_at < end]
            signs += [at for at in sent if start <= at < end]
            since = max(min(signs, default=end), call.due_at) + AFTER_TROUBLE
            late = _missed(records, call, since, end, is_left=True)
            assert late is None, f"{call.row.key} could go on at {since}: not told at {late}"
