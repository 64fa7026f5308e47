"""The checklists of a ticket, and the runbooks that can be attached to it."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from itertools import groupby

from sqlalchemy import and_, select

from webapp.domain.runbooks.runbook_text import Prose, RunbookStep, parse_runbook, steps_of
from webapp.models import Runbook, Ticket, TicketRunbook, TicketStep, User
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_row
from webapp.services.tickets.runbooks.work_checklist import NO_CHECKLIST, TICKET_IS_GONE
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class DoneStep:
    """Who ticked a step, and when (UTC)."""

    at: datetime
    by: str


@dataclass(frozen=True, slots=True)
class ShownBlock:
    """A text or a step of a checklist; one of the two is None, and `done` is of the step."""

    prose: Prose | None = None
    step: RunbookStep | None = None
    done: DoneStep | None = None


@dataclass(frozen=True, slots=True)
class ShownGroup:
    """A text, or steps that follow each other without text between them."""

    prose: str = ""
    steps: Sequence[ShownBlock] = ()


@dataclass(frozen=True, slots=True)
class Checklist:
    """A runbook on a ticket, as it was when it was attached."""

    id: int
    ticket_id: int
    name: str
    version: int
    attached_at: datetime
    blocks: Sequence[ShownBlock]

    @property
    def total(self) -> int:
        """How many steps there are."""
        return sum(block.step is not None for block in self.blocks)

    @property
    def done(self) -> int:
        """How many of them are done."""
        return sum(block.done is not None for block in self.blocks)

    @property
    def groups(self) -> list[ShownGroup]:
        """Texts and lists of steps, in their order."""
        found: list[ShownGroup] = []
        for is_step, blocks in groupby(self.blocks, lambda block: block.step is not None):
            if is_step:
                found.append(ShownGroup(steps=list(blocks)))
            else:
                found += [ShownGroup(prose=one.prose.text) for one in blocks if one.prose]
        return found

    def block(self, position: int) -> ShownBlock:
        """The step at `position`."""
        return next(one for one in self.blocks if one.step and one.step.position == position)


@dataclass(frozen=True, slots=True)
class AttachableRunbook:
    """An active runbook, and whether the ticket has it already."""

    id: int
    name: str
    steps: int
    is_attached: bool


def read_checklists(ticket_id: int) -> list[Checklist]:
    """The ticket's checklists in the order in which they came, in one statement."""
    query = (
        select(TicketRunbook, TicketStep, User.name)
        .outerjoin(TicketStep, TicketStep.ticket_runbook_id == TicketRunbook.id)
        .outerjoin(User, User.id == TicketStep.done_by_id)
        .where(TicketRunbook.ticket_id == ticket_id)
        .order_by(TicketRunbook.id)
        .execution_options(populate_existing=True)
    )
    rows: dict[int, TicketRunbook] = {}
    done: dict[int, dict[int, DoneStep]] = {}
    with reading() as session:
        for checklist, step, name in session.execute(query):
            rows[checklist.id] = checklist
            ticks = done.setdefault(checklist.id, {})
            if step is not None:
                ticks[step.position] = DoneStep(step.done_at, name)
    return [_as_checklist(row, done[row.id]) for row in rows.values()]


def read_attachable(ticket_id: int) -> tuple[Ticket, list[AttachableRunbook]]:
    """The ticket, and all active runbooks in their order; raises NotFoundError."""
    with reading() as session:
        ticket = get_row(session, Ticket, ticket_id, TICKET_IS_GONE)
        is_its = and_(TicketRunbook.runbook_id == Runbook.id, TicketRunbook.ticket_id == ticket_id)
        found = session.execute(
            select(Runbook, TicketRunbook.id.label("checklist_id"))
            .outerjoin(TicketRunbook, is_its)
            .where(Runbook.is_active)
            .order_by(Runbook.position, Runbook.id)
        )
        return ticket, [
            AttachableRunbook(one.id, one.name, len(steps_of(one.body)), checklist_id is not None)
            for one, checklist_id in found
        ]


def find_checklist(ticket_id: int, checklist_id: int) -> Checklist:
    """One checklist of a ticket; raises NotFoundError."""
    for checklist in read_checklists(ticket_id):
        if checklist.id == checklist_id:
            return checklist
    raise NotFoundError(NO_CHECKLIST)


def _as_checklist(row: TicketRunbook, done: dict[int, DoneStep]) -> Checklist:
    blocks = [
        ShownBlock(step=block, done=done.get(block.position))
        if isinstance(block, RunbookStep)
        else ShownBlock(prose=block)
        for block in parse_runbook(row.body)
    ]
    return Checklist(row.id, row.ticket_id, row.name, row.version, row.attached_at, blocks)
