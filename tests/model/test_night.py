"""Random nights against an oracle: who was told what, in time, and never after it was taken."""

import random
import shutil
from collections import Counter
from datetime import timedelta

import pytest
from sqlalchemy import select

from tests.model.model_player import Player
from tests.model.night import Night, night
from tests.support.databases import make_config
from tests.support.fake_clock import FakeClock
from tests.support.poller import simulated_desk
from webapp import clock, create_app
from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import Escalation, OutboxRow, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.transactions import reading

NIGHTS = 6
SOAKED_NIGHTS = 200
CALLS = {one.type for one in EVENTS.values() if one.waits}
SLACK = timedelta(seconds=30)
"""A tick, and what a tick itself takes."""

BUNDLED = timedelta(minutes=2)


def play(player: Player, seed: int) -> None:
    player.played += 1
    folder = player.folder / str(player.played)
    folder.mkdir()
    url = player.template.new_url(folder)
    random.seed(seed)
    fake = FakeClock()
    app = create_app(make_config(folder, url))
    try:
        with app.app_context(), clock.replaced(fake.now, fake.sleep):
            with (
                simulated_desk(app, fake, SimulatedAccount(now=fake.now())) as desk,
                night(desk, seed, is_calm=seed % 3 == 0) as world,
            ):
                is_calm = world.is_calm
                world.play()
                judge(world, is_calm=is_calm)
            db.session.remove()
            db.engine.dispose()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    finally:
        player.template.drop(url)
        shutil.rmtree(folder)


def judge(world: Night, *, is_calm: bool) -> None:
    with reading() as session:
        rows = list(session.scalars(select(OutboxRow).order_by(OutboxRow.id)))
        tickets = {one.id: one for one in session.scalars(select(Ticket))}
        escalations = list(session.scalars(select(Escalation)))
    by_message: dict[str | None, list[OutboxRow]] = {}
    for row in rows:
        by_message.setdefault(row.message_key, []).append(row)
    nobody_is_forgotten(world, rows, tickets, escalations)
    nobody_is_told_after_it_was_taken(world, by_message, {one.id: one for one in escalations})
    nothing_is_told_twice(world, rows)
    floods_are_bounded(world)
    if is_calm:
        everybody_is_told_in_time(rows, escalations)


def nobody_is_forgotten(
    world: Night,
    rows: list[OutboxRow],
    tickets: dict[int, Ticket],
    escalations: list[Escalation],
) -> None:
    """Every critical ticket has arrived somewhere, unless it was taken before it could."""
    reached = {row.ticket_id for row in rows if row.state == OutboxState.SENT}
    called = {one.ticket_id for one in escalations}
    for row in rows:
        assert row.state in (OutboxState.SENT, OutboxState.DROPPED), (row.id, row.state, row.answer)
    for key, ticket in tickets.items():
        if ticket.priority_id == world.desk.connection().low_priority_id:
            continue
        assert key in called, f"nobody was to be told of {ticket.number}"
        assert key in reached or key in world.taken, f"nobody was told of {ticket.number}"


def nobody_is_told_after_it_was_taken(
    world: Night, by_message: dict[str | None, list[OutboxRow]], calls: dict[int, Escalation]
) -> None:
    """Unless something new happened to it then, perhaps at the same moment: its severity rose."""
    for one in world.sent:
        if one.target == "hook":
            continue  # a machine gets every event
        for row in by_message[one.message.key]:
            if row.state != OutboxState.SENT:
                continue  # the message was tried before, and left it out when it arrived
            taken_at = world.taken.get(row.ticket_id or 0)
            call = calls[row.escalation_id or 0]
            is_new = taken_at is not None and (
                call.began_at > taken_at
                or (call.began_at == taken_at and call.ended_at != taken_at)
            )
            if row.event in CALLS and taken_at is not None and not is_new:
                assert one.at <= taken_at, f"{one.target} heard of {row.ticket_id} after that"


def nothing_is_told_twice(world: Night, rows: list[OutboxRow]) -> None:
    """A message arrives once, but for those that were sent and whose process died before noting."""
    assert max(Counter(row.key for row in rows).values(), default=0) <= 1
    arrived = Counter(one.message.key for one in world.sent)
    repeated = sum(count - 1 for count in arrived.values())
    assert repeated <= world.kills, f"{repeated} repeats, {world.kills} kills"
    for (ticket, step, target), count in Counter(
        (row.ticket_id, row.key.rpartition(":")[0], row.target_id) for row in rows
    ).items():
        assert count == 1, f"step {step} of {ticket} told {target} {count} times"


def floods_are_bounded(world: Night) -> None:
    """Urgent messages and others are limited each by themselves."""
    limits = KINDS[Kind.EMAIL].limits
    for name in ("ada-phone", "bob-phone", "chat"):
        times = sorted(
            {one.message.key: one.at for one in world.sent if one.target == name}.values()
        )
        for limit in limits:
            for place, moment in enumerate(times):
                within = [at for at in times[: place + 1] if at > moment - limit.span]
                assert len(within) <= 2 * limit.count, (
                    f"{len(within)} messages to {name} at {moment}"
                )


def everybody_is_told_in_time(rows: list[OutboxRow], escalations: list[Escalation]) -> None:
    """Where nothing failed: at once but for the bundling, and each step when it is due."""
    waits = {0: 0, 1: 10, 2: 20, 3: 30, 4: 40}
    began = {one.id: one.began_at for one in escalations}
    for row in rows:
        if row.event not in CALLS or row.sent_at is None or row.escalation_id is None:
            continue
        place = int(row.key.split(":")[3])
        due = began[row.escalation_id] + timedelta(minutes=waits[place])
        limited = timedelta(minutes=61) if row.target_name != "hook" else timedelta(0)
        assert row.sent_at >= due, f"{row.key} came too early"
        late = row.sent_at - due - BUNDLED - (place + 1) * SLACK
        assert late <= limited, f"{row.key} came {late} too late"


@pytest.mark.parametrize("part", range(3))
def test_random_nights(player: Player, part: int) -> None:
    for seed in range(1 + part, 1 + NIGHTS, 3):
        play(player, seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
def test_two_hundred_nights(player: Player) -> None:
    for seed in range(1_000, 1_000 + SOAKED_NIGHTS):
        play(player, seed)
