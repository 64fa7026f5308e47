"""Two minutes of real processes, of which one is killed every ten seconds while reports come in.

The clock is a fast one: what people are told in forty minutes is told in these two.
"""

import json
import random
import re
import time
from collections import defaultdict
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import dataclass, field
from typing import Any

import psutil
import pytest
from sqlalchemy import func, select

from tests.faults.conftest import BuildWorld
from tests.faults.scaled import VARIABLE
from tests.faults.world import World
from tests.support.fake_clock import scaled_now
from tests.support.receivers.http_receiver import HttpReceiver, Received
from tests.support.receivers.notices_data import add_person, add_policy, add_target
from tests.support.waiting import wait_until
from webapp import clock
from webapp.domain.notices.target_kinds import Kind
from webapp.models import OutboxRow, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.transactions import reading, transaction

pytestmark = [pytest.mark.soak, pytest.mark.timeout(900)]

SEED = 7
FACTOR = 20
RESTLESS_SECONDS, KILL_EVERY, REPORT_EVERY, TAKE_EVERY = 120, 10, 4, 11
CALM_SECONDS = 240
ON_THE_WIRE_SECONDS = 5
"""What left just before a ticket was taken has arrived after this time."""

PARTS = ("worker", "watch", "scheduler", "valkey")


class Arrivals(list[Received]):
    """Requests, and when each of them came."""

    def __init__(self) -> None:
        super().__init__()
        self.timed: list[tuple[float, Received]] = []

    def append(self, one: Received) -> None:
        self.timed.append((time.monotonic(), one))
        super().append(one)


@dataclass
class Restless:
    """What happens in these minutes."""

    world: World
    arrivals: Arrivals
    rng: random.Random
    person_id: int = 0
    ids: set[str] = field(default_factory=set)
    taken: dict[str, float] = field(default_factory=dict)
    kills: int = 0

    def prepare(self, origin: str) -> None:
        """A webhook and a channel hear of every ticket; the channel again where nobody acts."""
        self.world.settle()
        self.person_id, _ = add_person("Ada")
        hook = add_target(f"{origin}/hook", Kind.WEBHOOK)
        channel = add_target("channel", Kind.NTFY)
        with transaction() as session:
            session.get_one(Target, channel).secrets = json.dumps({"url": f"{origin}/channel"})
        add_policy("all", [(0, [hook, channel]), (10, [channel])], repeats=1)

    def live(self) -> None:
        """Reports, takings and killings, each in its rhythm."""
        begins = time.monotonic()
        due = {self.report: 0.0, self.take: 7.0, self.kill: 5.0}
        rhythm = {self.report: REPORT_EVERY, self.take: TAKE_EVERY, self.kill: KILL_EVERY}
        while (passed := time.monotonic() - begins) < RESTLESS_SECONDS:
            for act, at in due.items():
                if at <= passed:
                    due[act] = passed + rhythm[act]
                    act()
            time.sleep(0.2)

    def report(self) -> None:
        """One report or several, of one organization, and a request for a poll."""
        organization = self.rng.randint(1, 4)
        for _ in range(self.rng.choice((1, 1, 2))):
            row = self.world.account.add_incident(
                organization, now=self.world.now(), severity="critical"
            )
            self.ids.add(str(row["id"]))
        self.world.desk.set(poll_requested_at=self.world.now())

    def take(self) -> None:
        """Ada takes a ticket that nobody has."""
        with reading() as session:
            free = select(Ticket.id, Ticket.number).where(Ticket.assignee_id.is_(None))
            tickets = session.execute(free.order_by(Ticket.id)).all()
        if tickets:
            ticket = self.rng.choice(tickets)
            change = TicketChange(sets_assignee=True, assignee_id=self.person_id)
            change_ticket(ticket.id, change, actor_id=self.person_id, seen_at=None)
            self.taken[ticket.number] = time.monotonic()

    def kill(self) -> None:
        """SIGKILL to a part; the supervisor starts it again."""
        part = self.rng.choice(PARTS)
        for process in self.world.up.family()[1:]:
            with suppress(psutil.Error):
                words = process.cmdline()
                if part in words or (part == "valkey" and "valkey-server" in " ".join(words)):
                    process.kill()
                    self.kills += 1
                    return

    def is_calm(self) -> bool:
        """Whether all incidents have tickets, all steps were run, and nothing waits."""
        with reading() as session:
            count = select(func.count()).select_from(OutboxRow)
            waiting = session.scalar(count.where(OutboxRow.state == OutboxState.PENDING))
            last_step = select(OutboxRow.ticket_id).where(OutboxRow.key.like("step:%:%:2:%"))
            ran = set(session.scalars(last_step))
            open_ones = set(session.scalars(select(Ticket.id).where(Ticket.assignee_id.is_(None))))
        has_all = self.world.is_complete(sorted(self.ids))  # type: ignore[arg-type]
        return has_all and waiting == 0 and open_ones <= ran

    def events(self, name: str) -> Iterator[tuple[str, Any]]:
        """The webhook's events of a type: the key of the message, and the ticket."""
        for one in self.arrivals:
            if one.path == "/hook" and one.json["type"] == name:
                yield one.headers["webhook-id"], one.json["data"]


@pytest.fixture
def restless(build_world: BuildWorld) -> Iterator[Restless]:
    start = time.time()
    with HttpReceiver() as receiver:
        receiver.requests = arrivals = Arrivals()
        world = build_world(
            module="tests.faults.scaled",
            now=scaled_now(start, FACTOR),
            TRIAGEDESK_OUTBOUND_HOSTS=receiver.origin,
            **{VARIABLE: f"{start}:{FACTOR}"},
        )
        with world.app.app_context(), clock.replaced(world.now, time.sleep):
            restless = Restless(world, arrivals, random.Random(SEED))
            restless.prepare(receiver.origin)
            yield restless


def test_two_restless_minutes(restless: Restless) -> None:
    restless.live()
    assert wait_until(restless.is_calm, CALM_SECONDS), restless.world.up.output[-5000:]
    assert restless.kills > 5
    assert restless.taken
    assert restless.world.lost_and_doubled(sorted(restless.ids)) == (0, 0)  # type: ignore[arg-type]
    every_report_was_told_by_one_message(restless)
    nobody_was_told_after_it_was_taken(restless)


def every_report_was_told_by_one_message(restless: Restless) -> None:
    """Only a process that was killed before it noted that has sent a message again."""
    keys: dict[str, list[str]] = defaultdict(list)
    for key, data in restless.events("ticket.created"):
        keys[data["incident_id"]].append(key)
    assert set(keys) == restless.ids
    assert all(len(set(some)) == 1 for some in keys.values()), "told by two messages"
    repeated = sum(len(some) - 1 for some in keys.values())
    assert repeated <= restless.kills, f"{repeated} repeats, {restless.kills} kills"


def nobody_was_told_after_it_was_taken(restless: Restless) -> None:
    """But for what was on the wire."""
    named = 0
    for at, one in restless.arrivals.timed:
        if one.path == "/hook":
            continue
        title = str(one.json.get("title", "")) + str(one.json.get("message", ""))
        for number in re.findall(r"TKT-\d+", title):
            named += 1
            taken_at = restless.taken.get(number, float("inf"))
            is_call = not title.startswith("Taken")
            assert not is_call or at < taken_at + ON_THE_WIRE_SECONDS, f"{number}: {title}"
    assert named, "the channel was told of no ticket by its number"
