"""A ticket's state is written by a few services, each with its audit event and timeline entry."""

import ast
from collections.abc import Callable, Iterator

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.desk_data import Desk
from tests.support.fake_clock import FakeClock
from tests.support.source_tree import Module, all_imports, modules
from webapp.models import AuditEvent, Board, Category, Client, Comment, Ticket
from webapp.services.tickets.bulk_change_tickets import bulk_change_tickets, undo_bulk_change
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.tickets.open_ticket import NewTicket, open_ticket
from webapp.services.tickets.reassign_tickets import deactivate_and_reassign
from webapp.services.transactions import reading, transaction

WRITERS = {
    "webapp.services.tickets.ticket_state",  # status with its closed time, and being touched
    "webapp.services.tickets.ticket_fields",  # what a person may set, for change_ticket
    "webapp.services.tickets.change_ticket",
    "webapp.services.tickets.open_ticket",
    "webapp.services.polling.write_incidents",  # polls: new, closed, reopened, raised
    "webapp.services.polling.quarantine_incident",  # polls: what cannot be read
    "webapp.services.polling.reports.follow_severity",  # polls: raised, or marked as raised
    "webapp.services.polling.reports.read_facts",  # what a report is about
    "webapp.services.polling.fill_details",  # polls: texts that lacked details
    "webapp.services.polling.move_tickets",  # off triage, when an organization is mapped
    "webapp.services.tickets.bulk_change_tickets",  # many at once, through change_ticket; and back
    "webapp.services.tickets.reassign_tickets",  # when somebody is deactivated
    "webapp.services.retention.drop_tickets",  # deleted for its age, or with its client
    "webapp.services.notices.tell",  # that nobody was told, because the client is muted
}
ONLY_OF_TICKETS = {
    *("closed_at", "assignee", "assignee_id", "priority", "priority_id", "first_touched_at"),
    *("priority_set_by_person_at", "text_edited_by_person_at", "is_unmapped", "form_token"),
}
ALSO_OF_OTHERS = {"status", "status_id", "board", "board_id", "client", "client_id"}
STATEMENTS = {"insert", "update", "delete"}


def writes(module: Module) -> Iterator[ast.AST]:
    """Where a module writes tickets, as far as its source tells."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Assign | ast.AnnAssign | ast.AugAssign):
            targets = node.targets if isinstance(node, ast.Assign) else [node.target]
            if any(is_ticket_state(target) for one in targets for target in ast.walk(one)):
                yield node
        elif isinstance(node, ast.Call) and writes_tickets(node):
            yield node


def is_ticket_state(target: ast.AST) -> bool:
    if not isinstance(target, ast.Attribute) or not isinstance(target.ctx, ast.Store):
        return False
    owner = ast.unparse(target.value).lower()
    is_self = owner in ("self", "cls")
    return (target.attr in ONLY_OF_TICKETS and not is_self) or (
        target.attr in ALSO_OF_OTHERS and "ticket" in owner
    )


def writes_tickets(call: ast.Call) -> bool:
    """`Ticket(…)`, `insert(Ticket)`, `update(Ticket)`, `setattr(ticket, …)`, query().update()."""
    name = call.func.id if isinstance(call.func, ast.Name) else ""
    first = ast.unparse(call.args[0]) if call.args else ""
    if name == "Ticket" or (name in STATEMENTS and first == "Ticket"):
        return True
    if name == "setattr" and "ticket" in first.lower():
        return True
    is_method = isinstance(call.func, ast.Attribute) and call.func.attr in ("update", "delete")
    return is_method and "query(Ticket" in ast.unparse(call.func)


def test_only_the_named_services_write_tickets() -> None:
    broken = [
        module.where(node)
        for name, module in modules().items()
        if name not in WRITERS
        for node in writes(module)
    ]
    assert not broken


@pytest.mark.parametrize(
    "source",
    [
        "ticket.status = x",
        "one.closed_at = now",
        "row.ticket.board_id = 3",
        "a, ticket.client = b",
        "session.execute(update(Ticket).values(status_id=1))",
        "session.query(Ticket).filter_by(id=1).update({})",
        "setattr(ticket, 'status_id', 2)",
        "session.add(Ticket(title='x'))",
    ],
)
def test_the_check_sees_each_way_of_writing(source: str) -> None:
    example = modules()["webapp.clock"]
    assert list(writes(Module("x", example.path, ast.parse(source), 1)))


def test_the_named_services_exist_and_write() -> None:
    for name in WRITERS - {
        "webapp.services.tickets.change_ticket",
        "webapp.services.polling.fill_details",
    }:
        assert list(writes(modules()[name])), f"{name} need not be on the list"


def test_no_page_can_write_at_all() -> None:
    """Routes have no session and no unit of work that writes."""
    forbidden = {"webapp.extensions.db", "webapp.services.transactions.transaction"}
    broken = [
        f"{module.where(node)} {name}"
        for module in modules().values()
        if module.layer == "web"
        for node, name in all_imports(module)
        if name in forbidden
    ]
    assert not broken


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Desk:
    return desk_data.fill_desk(fake_clock.now(), tickets=8)


def prepare() -> dict[str, int]:
    """Another client, board and category, and an open ticket with nobody on it."""
    with transaction() as session:
        ticket = session.query(Ticket).filter(Ticket.closed_at.is_(None)).first()
        ticket.assignee_id = None
        board = Board(name="Elsewhere")
        client = Client(name="Another")
        category = Category(name="Endpoint", board_id=ticket.board_id)
        session.add_all([board, client, category])
        session.flush()
        return {
            "ticket": ticket.id,
            "board": board.id,
            "client": client.id,
            "category": category.id,
            "priority": 1 if ticket.priority_id != 1 else 2,
        }


CHANGES: dict[str, Callable[[dict[str, int]], TicketChange]] = {
    "close": lambda ids: TicketChange(status_id=4),
    "priority": lambda ids: TicketChange(priority_id=ids["priority"]),
    "assign": lambda ids: TicketChange(sets_assignee=True, assignee_id=1),
    "client": lambda ids: TicketChange(client_id=ids["client"]),
    "board": lambda ids: TicketChange(board_id=ids["board"]),
    "category": lambda ids: TicketChange(sets_category=True, category_id=ids["category"]),
    "title": lambda ids: TicketChange(title="Other words"),
    "description": lambda ids: TicketChange(description="Other words"),
    "reference": lambda ids: TicketChange(external_reference="PSA-1"),
    "link": lambda ids: TicketChange(external_url="https://psa.example/1"),
}


@pytest.mark.parametrize("change", CHANGES.values(), ids=CHANGES)
def test_every_change_of_a_person_is_told_and_audited(
    desk: Desk, change: Callable[[dict[str, int]], TicketChange]
) -> None:
    ids = prepare()
    before = traces(ids["ticket"])
    assert change_ticket(ids["ticket"], change(ids), actor_id=desk.helpdesk_id, seen_at=None)
    assert traces(ids["ticket"]) == (before[0] + 1, before[1] + 1)
    assert last_event().actor_id == desk.helpdesk_id


def test_notes_and_new_tickets_are_told_and_audited(desk: Desk) -> None:
    ids = prepare()
    before = traces(ids["ticket"])
    add_internal_note(ids["ticket"], "hello", author_id=desk.helpdesk_id)
    assert traces(ids["ticket"]) == (before[0] + 1, before[1] + 1)
    wanted = NewTicket("t", "", client_id=1, board_id=1, priority_id=1)
    ticket = open_ticket(wanted, actor_id=desk.helpdesk_id, form_token="t" * 20)
    assert traces(ticket.id) == (1, 1)


def test_bulk_changes_their_undo_and_handing_over_are_told_and_audited(desk: Desk) -> None:
    ids = prepare()
    before = traces(ids["ticket"])
    change = TicketChange(sets_assignee=True, assignee_id=desk.helpdesk_id)
    record = bulk_change_tickets([ids["ticket"]], change, actor_id=desk.admin_id)
    assert traces(ids["ticket"]) == (before[0] + 1, before[1] + 1)
    assert record is not None
    undo_bulk_change(record.id, actor_id=desk.admin_id)
    assert traces(ids["ticket"]) == (before[0] + 2, before[1] + 2)
    change_ticket(ids["ticket"], change, actor_id=desk.admin_id, seen_at=None)
    deactivate_and_reassign(
        desk.helpdesk_id, successor_id=None, actor_id=desk.admin_id, is_confirmed=True
    )
    assert traces(ids["ticket"]) == (before[0] + 4, before[1] + 4)


def traces(ticket_id: int) -> tuple[int, int]:
    """How many entries of the timeline and how many audit events a ticket has."""
    with reading() as session:
        return (
            session.query(Comment).filter_by(ticket_id=ticket_id).count(),
            session.query(AuditEvent)
            .filter_by(subject_type="ticket", subject_id=str(ticket_id))
            .count(),
        )


def last_event() -> AuditEvent:
    with reading() as session:
        return session.query(AuditEvent).order_by(AuditEvent.id.desc()).first()
