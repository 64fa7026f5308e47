"""A night: reports, people, receivers that fail and processes that are killed, on a scaled clock.

Everything that decides, writes and delivers is the product's own; only the receivers are played.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import event, func, select

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.receivers.notices_data import add_person, add_policy, add_target
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import db
from webapp.models import Escalation, OutboxRow, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination
from webapp.services.errors import ServiceError
from webapp.services.notices import deliver
from webapp.services.notices.escalate import advance_escalations, find_due_targets
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.take_ticket import take_ticket
from webapp.services.transactions import reading

TICK = timedelta(seconds=10)
POLL_EVERY = timedelta(minutes=5)
NIGHT = timedelta(hours=4)
MORNING = timedelta(hours=4)
"""The time in which everything works again, so that whatever waits can arrive."""


class KilledError(BaseException):
    """The process is dead: it runs nothing more, not even its clean-up."""


@dataclass(frozen=True)
class Sent:
    """A message that a receiver got."""

    at: datetime
    target: str
    message: Message


@dataclass
class Night:
    """One night. `sent` is what arrived, `taken` when each ticket was taken, `kills` how many."""

    desk: Desk
    rng: random.Random
    is_calm: bool
    sent: list[Sent] = field(default_factory=list)
    taken: dict[int, datetime] = field(default_factory=dict)
    down: dict[str, datetime] = field(default_factory=dict)
    kills: int = 0
    people: dict[str, int] = field(default_factory=dict)
    _next_id: int = 0
    _dies_in: int | None = None
    _is_dead: bool = False
    _back_at: datetime | None = None

    @property
    def clock(self) -> FakeClock:
        return self.desk.clock

    def prepare(self) -> None:
        """Who there is, and who is told what."""
        self.desk.poll()
        ada, ada_phone = add_person("Ada")
        bob, bob_phone = add_person("Bob")
        self.people = {"Ada": ada, "Bob": bob}
        chat, hook = add_target("chat"), add_target("hook", Kind.WEBHOOK)
        add_policy(
            "critical",
            [(0, [ada_phone, hook]), (10, [bob_phone]), (10, [ada_phone, bob_phone, chat])],
            repeats=2,
            severities=("critical",),
            events=("created", "severity_raised", "reopened"),
        )
        add_policy("high", [(0, [chat, hook])], severities=("high",))

    def play(self) -> None:
        """Play the night, and the calm hours after it."""
        ends_at, polls_at = self.clock.now() + NIGHT, self.clock.now()
        while self.clock.now() < ends_at:
            self._live(self._something)
            if self.clock.now() >= polls_at:
                polls_at = self.clock.now() + POLL_EVERY
                self._live(lambda: self.desk.poll(minutes=0))
            self._live(self._work)
            self.clock.advance(seconds=self._pause(polls_at))
        self.is_calm, self._dies_in = True, None
        self.down.clear()
        morning = self.clock.now() + MORNING
        while self.clock.now() < morning:
            self._live(lambda: self.desk.poll(minutes=0))
            for _ in range(4):
                self._live(self._work)
                self.clock.advance(minutes=15)

    def _pause(self, polls_at: datetime) -> float:
        """Until the next poll, or the next thing that is due; a worker looks every ten seconds."""
        now = self.clock.now()
        wanted = [polls_at, now + timedelta(seconds=self.rng.uniform(30, 240))]
        with suppress(KilledError):
            wanted += [moment for moment in due_moments() if moment is not None]
        soonest = min((moment for moment in wanted if moment > now), default=now)
        return max(1.0, (soonest - now).total_seconds()) + self.rng.uniform(0, TICK.seconds)

    def _live(self, act: Callable[[], Any]) -> None:
        """Do something as a process that may be killed; dead processes come back after a while."""
        if self._is_dead:
            if self._back_at is not None and self.clock.now() < self._back_at:
                return
            self._is_dead, self._dies_in = False, None
        try:
            act()
        except KilledError:
            db.session.remove()

    def _work(self) -> None:
        """What a worker does at a tick."""
        advance_escalations(self.clock.now())
        due = find_due_targets(self.clock.now())
        self.rng.shuffle(due)
        for target_id in due:
            deliver.deliver_target(target_id)

    def _something(self) -> None:
        act = self.rng.choice(
            [self._report, self._report, self._take, self._wait]
            + ([] if self.is_calm else [self._kill, self._break, self._mend, self._raise])
        )
        act()

    def _wait(self) -> None:
        """Nothing happens."""

    def _report(self) -> None:
        organization = self.rng.randint(1, 4)
        for _ in range(self.rng.choice([1, 1, 1, 2, 8])):
            self._next_id += 1
            self.desk.account.add_incident(
                organization,
                now=self.clock.now(),
                id=self._next_id,
                severity=self.rng.choice(["critical", "critical", "high", "low"]),
            )

    def _raise(self) -> None:
        if self._next_id:
            number = self.rng.randint(1, self._next_id)
            self.desk.account.update_incident(number, now=self.clock.now(), severity="critical")

    def _take(self) -> None:
        with reading() as session:
            ids = session.scalars(
                select(Ticket.id).where(
                    Ticket.assignee_id.is_(None), Ticket.first_touched_at.is_(None)
                )
            ).all()
        if not ids:
            return
        ticket_id, name = self.rng.choice(list(ids)), self.rng.choice(sorted(self.people))
        way = self.rng.choice(["assign", "note", "link"])
        if way == "link" and not self._take_by_link(ticket_id):
            way = "assign"
        if way == "assign":
            change = TicketChange(sets_assignee=True, assignee_id=self.people[name])
            change_ticket(ticket_id, change, actor_id=self.people[name], seen_at=None)
        elif way == "note":
            add_internal_note(ticket_id, "On it.", author_id=self.people[name])
        self.taken.setdefault(ticket_id, self.clock.now())

    def _take_by_link(self, ticket_id: int) -> bool:
        for one in reversed(self.sent):
            links = [link.url for link in one.message.links if "/take/" in link.url]
            if one.message.subject == f"ticket:{ticket_id}" and links:
                try:
                    take_ticket(links[0].rpartition("/")[2])
                except ServiceError:
                    return False
                return True
        return False

    def _kill(self) -> None:
        self._dies_in = self.rng.randint(1, 60)
        self._back_at = self.clock.now() + timedelta(seconds=self.rng.uniform(1, 120))

    def _break(self) -> None:
        self.down[self.rng.choice(["ada-phone", "bob-phone", "chat", "hook"])] = self.clock.now()

    def _mend(self) -> None:
        self.down.clear()

    def breathe(self, *_: object) -> None:
        """Called before every statement, and before and after each message: here one may die."""
        if self._is_dead:
            raise KilledError
        if self._dies_in is not None:
            self._dies_in -= 1
            if self._dies_in <= 0:
                self._dies_in, self._is_dead = None, True
                self.kills += 1
                raise KilledError

    def send(self, destination: Destination, message: Message) -> str:
        """What the receivers do."""
        self.breathe()
        name = destination.settings.get("to") or destination.settings["url"]
        if name in self.down:
            raise DeliveryError(Failure.TRANSIENT, "It is down.")
        self.sent.append(Sent(self.clock.now(), name, message))
        self.breathe()
        return "200 OK"


def due_moments() -> list[datetime | None]:
    """When something is due next."""
    with reading() as session:
        return [
            session.scalar(
                select(func.min(OutboxRow.next_try_at)).where(
                    OutboxRow.state == OutboxState.PENDING
                )
            ),
            session.scalar(
                select(func.min(Escalation.due_at)).where(Escalation.ended_at.is_(None))
            ),
            session.scalar(select(func.min(Target.lease_until))),
            session.scalar(select(func.min(Target.rests_until))),
        ]


@contextmanager
def night(desk: Desk, seed: int, *, is_calm: bool) -> Iterator[Night]:
    """A night over an empty desk, in which processes may be killed."""
    world = Night(desk, random.Random(seed), is_calm)
    world.prepare()

    def before_statement(*_: object) -> None:
        world.breathe()

    engine = db.engine
    event.listen(engine, "before_cursor_execute", before_statement)
    try:
        with patch.object(deliver, "send", world.send):
            yield world
    finally:
        event.remove(engine, "before_cursor_execute", before_statement)
