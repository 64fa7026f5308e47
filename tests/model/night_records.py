"""A night and what it left in the database, as the judge asks for it."""

from collections import defaultdict
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property

from sqlalchemy import select

from tests.model.night import KIND_OF, QUIET_FROM, QUIET_UNTIL, Night
from webapp.domain.notices.bundling import BUNDLE_WINDOW, FLOOD_PAUSE, SentMessage
from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.target_kinds import KINDS
from webapp.models import ClientMute, Comment, Escalation, OutboxRow, Ticket
from webapp.services.notices.choose_rows import FLOOD
from webapp.services.transactions import reading

CALLS = {one.type for one in EVENTS.values() if one.waits}
RAISED = "The priority was raised with the severity."


@dataclass(frozen=True)
class Call:
    """A row that asks one target to take a ticket: from when, and until when, it could be told."""

    row: OutboxRow
    name: str
    due_at: datetime
    until: datetime
    is_critical: bool


@dataclass
class Records:
    """A night and what it left in the database."""

    world: Night
    rows: list[OutboxRow] = field(default_factory=list)
    tickets: dict[int, Ticket] = field(default_factory=dict)
    escalations: dict[int, Escalation] = field(default_factory=dict)
    mutes: list[ClientMute] = field(default_factory=list)
    raised: list[tuple[int, datetime]] = field(default_factory=list)

    def is_muted(self, ticket_id: int | None, moment: datetime) -> bool:
        """Whether the client of a ticket was muted then."""
        return self.mute_of(ticket_id, moment) is not None

    def mute_of(self, ticket_id: int | None, moment: datetime) -> ClientMute | None:
        """The mute that held for a ticket's client then."""
        client_id = self.tickets[ticket_id or 0].client_id
        holds = [m for m in self.mutes if m.client_id == client_id]
        return next((m for m in holds if m.starts_at <= moment < m.until), None)

    def is_critical(self, escalation: Escalation) -> bool:
        """Whether the policy of critical tickets tells it."""
        return escalation.policy_id == self.world.critical_policy

    def name_of(self, row: OutboxRow) -> str:
        return self.world.targets[row.target_id or 0]

    @cached_property
    def messages(self) -> dict[str, list[SentMessage]]:
        """What was sent to each target of tickets, in the order of time."""
        grouped: dict[tuple[str, str | None], list[OutboxRow]] = defaultdict(list)
        for row in self.rows:
            if row.sent_at is not None:
                grouped[self.name_of(row), row.message_key].append(row)
        found: dict[str, list[SentMessage]] = defaultdict(list)
        for (name, _), members in grouped.items():
            at = max(row.sent_at for row in members if row.sent_at is not None)
            is_urgent = any(row.is_urgent for row in members)
            found[name].append(SentMessage(at, is_urgent, any(r.bundle == FLOOD for r in members)))
        return {name: sorted(some, key=lambda one: one.at) for name, some in found.items()}

    def has_room(self, call: Call, moment: datetime, *, is_left: bool = False) -> bool:
        """Whether the target could be sent more at a tick; `is_left`: after all that it was sent.

        It is at its limit if one of its kind's limits is used up, or a flood was told just before.
        """
        before = [
            one
            for one in self.messages.get(call.name, [])
            if one.is_urgent == call.row.is_urgent
            and (one.at < moment or (is_left and one.at == moment))
        ]
        if any(one.is_flood and moment < one.at + FLOOD_PAUSE for one in before):
            return False
        return all(
            sum(one.at > moment - limit.span for one in before) < limit.count
            for limit in KINDS[KIND_OF[call.name]].limits
        )

    @cached_property
    def calls(self) -> list[Call]:
        """Everything that asked a target to take a ticket, in the order of writing."""
        return [self._call(row) for row in self.rows if row.event in CALLS]

    def _call(self, row: OutboxRow) -> Call:
        escalation = self.escalations[row.escalation_id or 0]
        ends = [moment for moment in (row.sent_at, escalation.ended_at) if moment is not None]
        if row.sent_at is not None:
            ends = [row.sent_at]
        assert ends, f"{row.key} was neither sent nor was there a reason: {row.state}, {row.answer}"
        name = self.name_of(row)
        is_machine = KINDS[KIND_OF[name]].is_machine
        due_at = row.created_at
        is_critical = self.is_critical(escalation)
        if not is_machine and not is_critical and QUIET_FROM <= due_at < QUIET_UNTIL:
            due_at = QUIET_UNTIL
        elif not is_machine and place_of(row) == 0:
            due_at += BUNDLE_WINDOW
        client_id = self.tickets[row.ticket_id or 0].client_id
        for mute in self.mutes:  # it waits for the end of a mute that began while it waited
            if mute.client_id == client_id and row.created_at < mute.starts_at < min(ends):
                due_at = due_at if is_machine else max(due_at, mute.until)
        return Call(row, name, due_at, min(ends), is_critical)


def place_of(row: OutboxRow) -> int:
    """The place of the step that wrote a row."""
    return int(row.key.split(":")[3])


def read_records(world: Night) -> Records:
    with reading() as session:
        return Records(
            world,
            rows=list(session.scalars(select(OutboxRow).order_by(OutboxRow.id))),
            tickets={one.id: one for one in session.scalars(select(Ticket))},
            escalations={one.id: one for one in session.scalars(select(Escalation))},
            mutes=list(session.scalars(select(ClientMute))),
            raised=[
                (one.ticket_id, one.created_at)
                for one in session.scalars(select(Comment).where(Comment.body.contains(RAISED)))
            ],
        )
