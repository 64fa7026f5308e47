"""What a night has to have led to: who was told, and who was not."""

from collections import Counter, defaultdict
from datetime import datetime

from tests.model.night import CRITICAL_STEPS, HANDOVER_AT, HIGH_STEPS, KIND_OF, METHODS, Night
from tests.model.night_records import CALLS, Records, place_of, read_records
from tests.model.night_times import (
    every_step_is_run_when_it_is_due,
    everybody_is_told_in_time,
    nothing_comes_too_early,
    the_schedule_of_retries_is_kept,
    what_is_held_arrives_in_the_morning,
    what_waits_is_hurried,
)
from webapp.domain.notices.target_kinds import KINDS
from webapp.models import OutboxRow
from webapp.models.outbox import OutboxState


def judge(world: Night, *, is_calm: bool) -> None:
    """Raises AssertionError where something is not as it has to be."""
    records = read_records(world)
    nobody_is_forgotten(records)
    nobody_is_told_after_it_was_taken(records)
    nobody_is_told_of_a_muted_client(records)
    nothing_is_told_twice(records)
    floods_are_bounded(records)
    every_step_is_run_when_it_is_due(records)
    each_step_tells_whom_it_says(records)
    nothing_comes_too_early(records)
    what_is_held_arrives_in_the_morning(records)
    if is_calm:
        everybody_is_told_in_time(records)
    the_schedule_of_retries_is_kept(records)
    what_waits_is_hurried(records)


def nobody_is_forgotten(records: Records) -> None:
    """Every critical ticket has arrived somewhere, unless it was taken before it could."""
    world, rows = records.world, records.rows
    reached = {row.ticket_id for row in rows if row.state == OutboxState.SENT}
    called = {one.ticket_id for one in records.escalations.values()}
    for row in rows:
        assert row.state in (OutboxState.SENT, OutboxState.DROPPED), (row.id, row.state, row.answer)
    untold = {key for key, at in records.raised if records.is_muted(key, at)}
    untold |= {key for key, one in records.tickets.items() if one.is_muted}
    for key, ticket in records.tickets.items():
        if ticket.priority_id == world.desk.connection().low_priority_id:
            continue
        assert key in called or key in untold, f"nobody was to be told of {ticket.number}"
        is_settled = key in reached or key in world.taken or key in untold
        assert is_settled, f"nobody was told of {ticket.number}"


def nobody_is_told_after_it_was_taken(records: Records) -> None:
    """Unless something new happened to it then, perhaps at the same moment: its severity rose."""
    by_message: dict[str | None, list[OutboxRow]] = defaultdict(list)
    for row in records.rows:
        by_message[row.message_key].append(row)
    for one in records.world.sent:
        if one.target == "hook":
            continue  # a machine gets every event
        for row in by_message[one.message.key]:
            if row.state != OutboxState.SENT:
                continue  # the message was tried before, and left it out when it arrived
            taken_at = records.world.taken.get(row.ticket_id or 0)
            call = records.escalations[row.escalation_id or 0]
            is_new = taken_at is not None and (
                call.began_at > taken_at
                or (call.began_at == taken_at and call.ended_at != taken_at)
            )
            if row.event in CALLS and taken_at is not None and not is_new:
                assert one.at <= taken_at, f"{one.target} heard of {row.ticket_id} after that"


def nobody_is_told_of_a_muted_client(records: Records) -> None:
    """Nothing begins or goes on in that hour, and people hear nothing of it."""
    assert records.mutes, "nobody was muted"
    for key, ticket in records.tickets.items():
        mute = records.mute_of(key, ticket.created_at)
        assert ticket.is_muted or mute is None, f"{ticket.number} is not marked"
        began = [one.began_at for one in records.escalations.values() if one.ticket_id == key]
        for moment in began:
            assert mute is None or moment >= mute.until, f"somebody is called to {ticket.number}"
    for row in records.rows:
        if row.event not in CALLS:
            continue
        is_new = records.is_muted(row.ticket_id, row.created_at)
        assert not is_new, f"{row.key} was written of a muted client"
        was_sent = row.sent_at is not None and records.is_muted(row.ticket_id, row.sent_at)
        assert records.name_of(row) == "hook" or not was_sent, f"{row.key} tells of a muted client"


def nothing_is_told_twice(records: Records) -> None:
    """A message arrives once, but for those that were sent and whose process died before noting."""
    kills, rows = len(records.world.killed), records.rows
    assert max(Counter(row.key for row in rows).values(), default=0) <= 1
    arrived = Counter(one.message.key for one in records.world.sent)
    repeated = sum(count - 1 for count in arrived.values())
    assert repeated <= kills, f"{repeated} repeats, {kills} kills"
    for (ticket, step, target), count in Counter(
        (row.ticket_id, row.key.rpartition(":")[0], row.target_id) for row in rows
    ).items():
        assert count == 1, f"step {step} of {ticket} told {target} {count} times"


def floods_are_bounded(records: Records) -> None:
    """Urgent messages and others are limited each by themselves."""
    for name, kind in KIND_OF.items():
        times = sorted(
            {one.message.key: one.at for one in records.world.sent if one.target == name}.values()
        )
        for limit in KINDS[kind].limits:
            for place, moment in enumerate(times):
                within = [at for at in times[: place + 1] if at > moment - limit.span]
                assert len(within) <= 2 * limit.count, (
                    f"{len(within)} messages to {name} at {moment}"
                )


def each_step_tells_whom_it_says(records: Records) -> None:
    """Its targets, and in the first one of a critical ticket whoever was on call at that time."""
    told: dict[tuple[int, int, datetime], set[str]] = defaultdict(set)
    for row in records.rows:
        if row.event in CALLS:
            key = (row.escalation_id or 0, place_of(row), row.created_at)
            told[key].add(records.name_of(row))
    for (escalation_id, place, at), names in told.items():
        is_critical = records.is_critical(records.escalations[escalation_id])
        steps = CRITICAL_STEPS if is_critical else HIGH_STEPS
        wanted = set(steps[min(place, len(steps) - 1)])
        if is_critical and place == 0:
            wanted |= set(METHODS["Ada" if at < HANDOVER_AT else "Bob"])
        assert names == wanted, f"step {place} of {escalation_id} told {names} at {at}"
