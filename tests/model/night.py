"""A night: reports, people, receivers that fail and processes that are killed, on a scaled clock.

Ada is on call until Bob takes over in the middle of it. What is not critical is held until the
quiet hours end in the morning, and one client is muted for an hour. Everything that decides, writes
and delivers is the product's own; only the receivers are played.
"""

import random
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch

from sqlalchemy import event, func, select

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk
from tests.support.receivers.notices_data import add_person, add_policy, add_target
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.extensions import db
from webapp.models import Client, Escalation, OutboxRow, Target, Ticket
from webapp.models.outbox import OutboxState
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.settings import Destination
from webapp.services.errors import ServiceError
from webapp.services.notices import deliver
from webapp.services.notices.escalate import advance_escalations, find_due_targets
from webapp.services.notices.message_settings import MessageValues, save_message_settings
from webapp.services.notices.mute_client import mute_client
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.take_ticket import take_ticket
from webapp.services.transactions import reading

BEGINS_AT = datetime(2026, 6, 9, 22, 0, tzinfo=UTC)
HANDOVER_AT = datetime(2026, 6, 9, 23, 30, tzinfo=UTC)
QUIET_FROM = datetime(2026, 6, 9, 22, 30, tzinfo=UTC)
QUIET_UNTIL = datetime(2026, 6, 10, 3, 0, tzinfo=UTC)
TICK = timedelta(seconds=10)
POLL_EVERY = timedelta(minutes=5)
NIGHT = timedelta(hours=3)
MORNING = timedelta(hours=4)
"""The time in which everything works again, so that whatever waits can arrive."""

MUTED = timedelta(hours=1)
ORGANIZATIONS = (1, 2, 3, 4)
STEP_WAITS = timedelta(minutes=10)
REPEATS = 2
METHODS = {"Ada": ("ada-phone",), "Bob": ("bob-phone", "bob-sms")}
KIND_OF = {
    "ada-phone": Kind.EMAIL,
    "bob-phone": Kind.EMAIL,
    "bob-sms": Kind.SMS,
    "topic": Kind.NTFY,
    "chat": Kind.EMAIL,
    "hook": Kind.WEBHOOK,
}
CRITICAL_STEPS = (("hook",), ("bob-sms", "topic"), ("ada-phone", "bob-sms", "chat"))
"""Whom each step of a critical ticket tells; the first tells whoever is on call besides."""

HIGH_STEPS = (("chat", "hook"),)


class KilledError(BaseException):
    """The process is dead: it runs nothing more, not even its clean-up."""


@dataclass(frozen=True)
class Sent:
    """A message that a receiver got."""

    at: datetime
    target: str
    message: Message


@dataclass
class Outage:
    """A time in which a receiver takes nothing; `until` is None while it goes on."""

    target: str
    since: datetime
    until: datetime | None = None


@dataclass
class Night:
    """One night.

    `sent` is what arrived, `taken` when each ticket was taken, `killed` when processes were.
    `ticks` are those that a worker came to the end of, and `tries` when each row was tried before
    it arrived.
    """

    desk: Desk
    rng: random.Random
    is_calm: bool
    sent: list[Sent] = field(default_factory=list)
    taken: dict[int, datetime] = field(default_factory=dict)
    outages: list[Outage] = field(default_factory=list)
    killed: list[datetime] = field(default_factory=list)
    ticks: list[datetime] = field(default_factory=list)
    tries: dict[int, list[datetime]] = field(default_factory=dict)
    people: dict[str, int] = field(default_factory=dict)
    targets: dict[int, str] = field(default_factory=dict)
    critical_policy: int = 0
    _next_id: int = 0
    _is_new: bool = False
    _dies_in: int | None = None
    _is_dead: bool = False
    _back_at: datetime | None = None

    @property
    def clock(self) -> FakeClock:
        return self.desk.clock

    def prepare(self) -> None:
        """Who there is, and who is told what."""
        for number in ORGANIZATIONS:
            self.desk.map(number, self.desk.add_client(f"Client {number}"))
        self.desk.poll()
        ids: dict[str, int] = {}
        for name in ("Ada", "Bob"):
            self.people[name], ids[f"{name.lower()}-phone"] = add_person(name)
        for name in ("bob-sms", "topic", "chat", "hook"):
            owner = self.people["Bob"] if name == "bob-sms" else None
            ids[name] = add_target(name, KIND_OF[name], user_id=owner)
        self.targets = {key: name for name, key in ids.items()}
        self.critical_policy = add_policy(
            "critical",
            [
                (0 if place == 0 else minutes(STEP_WAITS), [ids[name] for name in names])
                for place, names in enumerate(CRITICAL_STEPS)
            ],
            repeats=REPEATS,
            on_call=(0,),
            severities=("critical",),
            events=("created", "severity_raised", "reopened"),
        )
        add_policy("high", [(0, [ids[name] for name in HIGH_STEPS[0]])], severities=("high",))
        set_rotation(
            RotationValues("daily", 0, f"{HANDOVER_AT:%H:%M}", "UTC", list(self.people.values()))
        )
        save_message_settings(
            MessageValues(quiet_begins=f"{QUIET_FROM:%H:%M}", quiet_ends=f"{QUIET_UNTIL:%H:%M}")
        )

    def play(self) -> None:
        """Play the night, and the calm hours after it."""
        ends_at, polls_at = self.clock.now() + NIGHT, self.clock.now()
        mutes_at = self.clock.now() + self.rng.random() * (NIGHT - MUTED)
        while self.clock.now() < ends_at:
            self._live(self._something)
            if self.clock.now() >= mutes_at and self._live(self._mute):
                mutes_at = ends_at
            if self.clock.now() >= polls_at:
                polls_at = self.clock.now() + POLL_EVERY
                if self._is_new and self._live(lambda: self.desk.poll(minutes=0)):
                    self._is_new = False
            self._tick()
            self._pass(min(polls_at, self.clock.now() + self._some_seconds(60, 360)))
        self.is_calm, self._dies_in = True, None
        self._mend()
        morning = self.clock.now() + MORNING
        for minutes_later in (0, 10, 60):  # whatever the last reports and leases were
            self._tick_until(morning - MORNING + timedelta(minutes=minutes_later))
            self._live(lambda: self.desk.poll(minutes=0))
        self._tick_until(morning)

    def _tick_until(self, moment: datetime) -> None:
        while self.clock.now() < moment:
            self._tick()
            with self._watched(), reading() as session:
                waits = session.scalar(
                    select(func.count()).where(
                        OutboxRow.state == OutboxState.PENDING,
                        OutboxRow.next_try_at <= self.clock.now(),
                    )
                )
            self._pass(self.clock.now() + timedelta(minutes=2 if waits else 30))

    def _pass(self, latest: datetime) -> None:
        """Until something is due, or `latest`; a worker looks every ten seconds."""
        now = self.clock.now()
        with self._watched():
            soonest = min([latest, *due_moments(now)])
        self.clock.advance(seconds=max(1.0, (soonest - now).total_seconds()))
        self.clock.advance(seconds=self.rng.uniform(0, TICK.seconds))

    def _some_seconds(self, least: float, most: float) -> timedelta:
        return timedelta(seconds=self.rng.uniform(least, most))

    def _tick(self) -> None:
        now = self.clock.now()
        if self._live(self._work):
            self.ticks.append(now)
        with self._watched(), reading() as session:
            tried = session.execute(
                select(OutboxRow.id, OutboxRow.attempts).where(
                    OutboxRow.state == OutboxState.PENDING, OutboxRow.attempts > 0
                )
            ).all()
        for key, attempts in tried:
            known = self.tries.setdefault(key, [])
            known += [now] * (attempts - len(known))

    @contextmanager
    def _watched(self) -> Iterator[None]:
        """What is read here is read by us, who do not die."""
        before = self._is_dead, self._dies_in
        self._is_dead, self._dies_in = False, None
        try:
            yield
        finally:
            self._is_dead, self._dies_in = before

    def _live(self, act: Callable[[], Any]) -> bool:
        """Do something as a process that may be killed; returns whether it came to its end.

        Dead processes come back after a while.
        """
        if self._is_dead:
            if self._back_at is not None and self.clock.now() < self._back_at:
                return False
            self._is_dead, self._dies_in = False, None
        try:
            act()
        except KilledError:
            db.session.remove()
            return False
        return True

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
        self._is_new = True
        organization = self.rng.choice(ORGANIZATIONS)
        for _ in range(self.rng.choice([1, 1, 1, 2, 7])):
            self._next_id += 1
            self.desk.account.add_incident(
                organization,
                now=self.clock.now(),
                id=self._next_id,
                severity=self.rng.choice(["critical", "critical", "high", "low"]),
            )

    def _raise(self) -> None:
        if self._next_id:
            self._is_new = True
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
        name = self.rng.choice(list(KIND_OF))
        if not self._is_down(name):
            self.outages.append(Outage(name, self.clock.now()))

    def _mend(self) -> None:
        for one in self.outages:
            one.until = one.until or self.clock.now()

    def _is_down(self, name: str) -> bool:
        return any(one.target == name and one.until is None for one in self.outages)

    def _mute(self) -> None:
        with reading() as session:
            clients = select(Client.id).where(Client.name.startswith("Client "))
            client_id = self.rng.choice(sorted(session.scalars(clients)))
        mute_client(client_id, self.clock.now() + MUTED)

    def breathe(self, *_: object) -> None:
        """Called before every statement, and before and after each message: here one may die."""
        if self._is_dead:
            raise KilledError
        if self._dies_in is not None:
            self._dies_in -= 1
            if self._dies_in <= 0:
                self._dies_in, self._is_dead = None, True
                self.killed.append(self.clock.now())
                raise KilledError

    def send(self, destination: Destination, message: Message) -> str:
        """What the receivers do."""
        self.breathe()
        name = destination.settings.get("to") or destination.settings["url"]
        if self._is_down(name):
            raise DeliveryError(Failure.TRANSIENT, "It is down.")
        self.sent.append(Sent(self.clock.now(), name, message))
        self.breathe()
        return "200 OK"


def minutes(span: timedelta) -> int:
    return span // timedelta(minutes=1)


def due_moments(now: datetime) -> list[datetime]:
    """When something is due after `now`."""
    row, step, target = OutboxRow.next_try_at, Escalation.due_at, Target
    with reading() as session:
        found = [
            session.scalar(
                select(func.min(row)).where(OutboxRow.state == OutboxState.PENDING, row > now)
            ),
            session.scalar(select(func.min(step)).where(Escalation.ended_at.is_(None), step > now)),
            session.scalar(select(func.min(target.lease_until)).where(target.lease_until > now)),
            session.scalar(select(func.min(target.rests_until)).where(target.rests_until > now)),
        ]
    return [moment for moment in found if moment is not None]


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
