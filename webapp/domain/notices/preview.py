"""What policies would have sent: the past month, run through them in one's head.

The rules are those of the real chain (`policy.Rules`). Left out are limits of targets: a flood is
counted message by message, and nothing is said of messages that would have failed.
"""

from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, time, timedelta, tzinfo

from webapp.domain.notices.bundling import BUNDLE_WINDOW
from webapp.domain.notices.events import CLOSED, EVENTS, UNTOUCHED
from webapp.domain.notices.message import Stage
from webapp.domain.notices.policy import Occasion, PolicyRule, Rules, StepRule

NIGHT_BEGINS, NIGHT_ENDS = time(22), time(7)


@dataclass(frozen=True, slots=True)
class Happened:
    """An event of a ticket, and what policies were asked about it. Times are aware.

    What a connection's first poll found is told in one summary, when that poll ended.
    """

    at: datetime
    occasion: Occasion
    first_poll_ended_at: datetime | None = None


@dataclass(frozen=True, slots=True)
class Settled:
    """Somebody took the ticket then, or it was closed."""

    at: datetime
    is_closed: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class TicketHistory:
    """What happened to one ticket; `origin` names its connection and organization.

    `waits_as` is what policies about untouched tickets are asked, None where nobody ever waited.
    """

    ticket_id: int
    origin: tuple[object, object]
    created_at: datetime
    happened: Sequence[Happened] = ()
    settled: Sequence[Settled] = ()
    waits_as: Occasion | None = None


@dataclass(frozen=True, slots=True)
class Addressee:
    """A target; a machine gets every event singly, and some follow a ticket to its end.

    One that `takes_all` gets it whatever the hours, and instead of a summary.
    """

    key: int
    label: str
    is_machine: bool = False
    takes_all: bool = False
    follows_to_end: bool = False


Audience = Callable[[StepRule], Sequence[Addressee]]
"""Whom a step tells; paused targets are left out."""


@dataclass(frozen=True, slots=True)
class Sent:
    """One message that would have left at `at`."""

    at: datetime
    addressee: Addressee


@dataclass(slots=True)
class Count:
    """Messages of a target by day, and at night (22:00 to 07:00)."""

    day: int = 0
    night: int = 0

    @property
    def total(self) -> int:
        """All of them."""
        return self.day + self.night


@dataclass(frozen=True, slots=True)
class Forecast:
    """What would have been sent, by the name of the target; the busiest first."""

    by_target: Mapping[str, Count]

    @property
    def total(self) -> int:
        """All messages."""
        return sum(count.total for count in self.by_target.values())

    @property
    def night(self) -> int:
        """Those between 22:00 and 07:00."""
        return sum(count.night for count in self.by_target.values())

    @property
    def words(self) -> str:
        """Return for instance `41 messages: 3 at night`."""
        noun = "message" if self.total == 1 else "messages"
        return f"{self.total:,} {noun}: {self.night:,} at night" if self.total else "no message"


@dataclass(frozen=True, slots=True)
class _Row:
    """A row that the outbox would have held until `due_at`; rows of a bundle become a message."""

    addressee: Addressee
    due_at: datetime
    bundle: tuple[object, ...] | None


def forecast(
    histories: Iterable[TicketHistory],
    rules: Rules,
    audience: Audience,
    zone: tzinfo,
    *,
    until: datetime,
) -> Forecast:
    """Return what `rules` would have sent until `until`, by day and by night in `zone`."""
    counts: dict[str, Count] = {}
    for sent in simulate(histories, rules, audience, until=until):
        count = counts.setdefault(sent.addressee.label, Count())
        at = sent.at.astimezone(zone).time()
        if at >= NIGHT_BEGINS or at < NIGHT_ENDS:
            count.night += 1
        else:
            count.day += 1
    busiest = sorted(counts.items(), key=lambda item: (-item[1].total, item[0]))
    return Forecast(dict(busiest))


def simulate(
    histories: Iterable[TicketHistory], rules: Rules, audience: Audience, *, until: datetime
) -> list[Sent]:
    """Return the messages that `rules` would have sent until `until`, in their order."""
    rows = [
        row
        for history in histories
        for row in _Ticket(history, rules, audience, until).run()
        if row.due_at <= until
    ]
    return sorted(_bundled(rows), key=lambda sent: (sent.at, sent.addressee.key))


def _bundled(rows: Sequence[_Row]) -> Iterator[Sent]:
    """Rows of a bundle that are due within its window are one message."""
    ends: dict[tuple[object, ...], datetime] = {}
    for row in sorted(rows, key=lambda row: row.due_at):
        if row.bundle is None:
            yield Sent(row.due_at, row.addressee)
            continue
        key = (row.addressee.key, *row.bundle)
        if key not in ends or row.due_at > ends[key]:
            ends[key] = row.due_at + BUNDLE_WINDOW
            yield Sent(row.due_at, row.addressee)


@dataclass
class _Ticket:
    """One ticket on its way through the policies."""

    history: TicketHistory
    rules: Rules
    audience: Audience
    until: datetime
    _told: list[_Row] = field(default_factory=list)
    _followers: dict[int, Addressee] = field(default_factory=dict)

    def run(self) -> Iterator[_Row]:
        """Return the rows that became due; `_told` are those of which somebody is still waited."""
        moments: list[tuple[datetime, int, Happened | Settled]] = [
            *((one.at, 0, one) for one in self.history.settled),
            *((one.at, 1, one) for one in (*self.history.happened, *self._untouched())),
        ]
        moments.sort(key=lambda moment: moment[:2])
        already: set[int] = set()
        for place, (_at, _, one) in enumerate(moments):
            if isinstance(one, Settled):
                settled = list(self._settle(one))
                already = {row.addressee.key for row in settled} if one.is_closed else set()
                yield from settled
                continue
            rows = self._tell(one, self._end_of_waiting(moments[place + 1 :]))
            skips = already if one.occasion.event == CLOSED else set()
            yield from (row for row in rows if row.addressee.key not in skips)

    def _untouched(self) -> Iterator[Happened]:
        """When the ticket became untouched by a policy that takes it: the first one, once."""
        asked = self.history.waits_as
        if asked is None:
            return
        first_settled = min((one.at for one in self.history.settled), default=self.until)
        for policy in self.rules.policies:
            minutes = policy.conditions.untouched_minutes
            if UNTOUCHED not in policy.conditions.events or not minutes:
                continue
            at = self.history.created_at + timedelta(minutes=minutes)
            chosen = self.rules.choose(asked, at) if at < first_settled else None
            if chosen is not None and chosen[0] is policy:
                yield Happened(at, asked)
                return

    def _end_of_waiting(
        self, later: Sequence[tuple[datetime, int, Happened | Settled]]
    ) -> datetime:
        """When an escalation that begins now ends: taken, closed, or told anew in its place."""
        for at, _, one in later:
            if isinstance(one, Settled) or self._replaces(one):
                return at
        return self.until

    def _replaces(self, one: Happened) -> bool:
        chosen = self.rules.choose(one.occasion, one.at)
        if chosen is None or not chosen[0].steps or one.first_poll_ended_at is not None:
            return False
        return EVENTS[chosen[1]].stage is Stage.BEGINS

    def _tell(self, one: Happened, end: datetime) -> list[_Row]:
        chosen = self.rules.choose(one.occasion, one.at)
        if chosen is None or not chosen[0].steps:
            return []
        policy, event = chosen
        if (ended_at := one.first_poll_ended_at) is not None:
            return [
                _Row(
                    addressee,
                    one.at if addressee.takes_all else ended_at,
                    None if addressee.takes_all else ("first poll", self.history.origin[0]),
                )
                for addressee in self.audience(policy.steps[0])
            ]
        rows = list(self._steps(policy, event, one, end))
        if EVENTS[event].waits:
            self._told += rows
            self._followers |= {
                row.addressee.key: row.addressee for row in rows if row.addressee.follows_to_end
            }
        return rows

    def _steps(
        self, policy: PolicyRule, event: str, one: Happened, end: datetime
    ) -> Iterator[_Row]:
        """The rows of all steps that were due before `end`, as the chain writes them."""
        is_critical, waits = one.occasion.is_critical, EVENTS[event].waits
        due_at = one.at + timedelta(minutes=policy.steps[0].after_minutes)
        told_once: set[int] = set()
        for place in range(len(policy.steps) + policy.repeats):
            step = policy.step(place)
            is_in_time = due_at < end if waits else due_at == one.at
            if step is None or not (is_in_time or due_at == one.at):
                return
            told_at = self.rules.released_at(policy, is_critical=is_critical, now=due_at)
            addressees = self.audience(step)
            for addressee in addressees:
                if addressee.key in told_once:
                    continue
                at = due_at if addressee.takes_all else told_at
                told_once |= {addressee.key} if addressee.takes_all else set()
                if at < end or at == one.at or not waits:
                    bundle = self._bundle(place, due_at, told_at)
                    yield _Row(addressee, at, None if addressee.is_machine else bundle)
            following = policy.step(place + 1)
            if addressees and following is not None:
                due_at = told_at + timedelta(minutes=following.after_minutes)

    def _bundle(self, place: int, due_at: datetime, told_at: datetime) -> tuple[object, ...]:
        if told_at > due_at:
            return ("held", told_at)
        return ("page", self.history.origin, place)

    def _settle(self, one: Settled) -> Iterator[_Row]:
        """Whoever was told hears that the ticket was taken, or closed."""
        waiting = {row.addressee.key: row.addressee for row in self._told if row.due_at <= one.at}
        if one.is_closed:
            waiting |= self._followers
        self._told = []
        bundle = ("closed" if one.is_closed else "taken", one.at)
        for addressee in waiting.values():
            yield _Row(addressee, one.at, None if addressee.is_machine else bundle)
