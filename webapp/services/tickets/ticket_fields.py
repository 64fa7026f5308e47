"""The rules for what a person may set a ticket's fields to, one for each field.

A `change_…` rule changes a loaded ticket inside the caller's transaction. It returns a sentence for
the timeline, or None if nothing changes. It raises FieldError for a choice that cannot be taken.
"""

from datetime import datetime
from typing import TypeVar
from urllib.parse import urlsplit

from sqlalchemy.orm import Session

from webapp.domain.markdown_text import escape_line
from webapp.domain.ticket_text import TITLE_LENGTH
from webapp.domain.triage.close_reasons import CloseReason
from webapp.domain.triage.subjects import SUBJECT_NAME_LENGTH, typed_subject
from webapp.domain.untrusted import clean_line, clean_text
from webapp.extensions import Base
from webapp.models import Board, Category, Client, Priority, Status, Ticket, User
from webapp.models.columns import NAME_LENGTH
from webapp.models.ticket import SOURCE_MANUAL, URL_LENGTH
from webapp.services.errors import FieldError
from webapp.services.lookups import LARGEST_ID
from webapp.services.tickets.ticket_state import hold_status, set_ticket_status

Row = TypeVar("Row", bound=Base)

DESCRIPTION_LENGTH = 50_000

NO_STATUS = "Choose one of the statuses."
NO_PRIORITY = "Choose one of the priorities."
NO_ASSIGNEE = "Choose somebody who can still sign in."
NO_BOARD = "Choose a board that is in use."
NO_CLIENT = "Choose a client that is in use."
NO_CATEGORY = "Choose a category of the ticket's board."


def change_status(
    session: Session,
    ticket: Ticket,
    status_id: int,
    now: datetime,
    reason: CloseReason | None = None,
) -> str | None:
    """Set the ticket's status and, with it, the closed time and the reason; see ticket_state."""
    if status_id == ticket.status_id:
        return None
    status = hold_status(session, Status.id == status_id) if 0 < status_id <= LARGEST_ID else None
    if status is None:
        raise FieldError({"status_id": NO_STATUS})
    previous = ticket.status.name
    set_ticket_status(ticket, status, now=now, reason=reason)
    return f"Status changed from {escape_line(previous)} to {escape_line(status.name)}."


def change_priority(
    session: Session, ticket: Ticket, priority_id: int, now: datetime
) -> str | None:
    """Set the ticket's priority and mark it as a person's choice, so that polls leave it."""
    if priority_id == ticket.priority_id:
        return None
    priority = choose_priority(session, priority_id)
    previous = ticket.priority.name
    ticket.priority = priority
    ticket.priority_id = priority.id
    ticket.priority_set_by_person_at = now
    ticket.raised_severity = None
    return f"Priority changed from {escape_line(previous)} to {escape_line(priority.name)}."


def keep_priority(ticket: Ticket) -> str | None:
    """Take off the mark that the severity rose above the priority, which stays as it is."""
    if ticket.raised_severity is None:
        return None
    severity, ticket.raised_severity = ticket.raised_severity, None
    kept = escape_line(ticket.priority.name)
    return f"Priority {kept} was kept, although the severity rose to {escape_line(severity)}."


def change_assignee(session: Session, ticket: Ticket, assignee_id: int | None) -> str | None:
    """Assign the ticket to a user who can sign in, or to nobody (None)."""
    if assignee_id == ticket.assignee_id:
        return None
    if assignee_id is None:
        ticket.assignee = None
        ticket.assignee_id = None
        return "The ticket is no longer assigned to anybody."
    user = choose_assignee(session, assignee_id)
    ticket.assignee = user
    ticket.assignee_id = user.id
    return f"Assigned to {escape_line(user.name)}."


def change_client(session: Session, ticket: Ticket, client_id: int) -> str | None:
    """Move the ticket to another client; it no longer counts as unmapped then."""
    if client_id == ticket.client_id:
        return None
    client = choose_client(session, client_id)
    previous = ticket.client.name
    ticket.client = client
    ticket.client_id = client.id
    ticket.is_unmapped = False
    return f"Client changed from {escape_line(previous)} to {escape_line(client.name)}."


def change_board(session: Session, ticket: Ticket, board_id: int) -> str | None:
    """Move the ticket to another board; a category of the old board is cleared."""
    if board_id == ticket.board_id:
        return None
    board = choose_board(session, board_id)
    previous = ticket.board.name
    ticket.board = board
    ticket.board_id = board.id
    moved = f"Moved from board {escape_line(previous)} to {escape_line(board.name)}."
    if ticket.category is None or ticket.category.board_id == board.id:
        return moved
    cleared = escape_line(category_words(ticket) or "")
    _set_category(ticket, None, None)
    return f"{moved} Category {cleared} was cleared: it is not of that board."


def change_category(session: Session, ticket: Ticket, category_id: int | None) -> str | None:
    """Set a category or subcategory of the ticket's board; a subcategory sets its category too."""
    if category_id == (ticket.subcategory_id or ticket.category_id):
        return None
    previous = category_words(ticket)
    if category_id is None:
        _set_category(ticket, None, None)
        return f"Category {escape_line(previous or '')} was removed."
    _set_category(ticket, *choose_category(session, ticket.board_id, category_id))
    words = escape_line(category_words(ticket) or "")
    return f"Category set to {words}." if previous is None else f"Category changed to {words}."


def change_title(ticket: Ticket, text: str) -> str | None:
    """Set the ticket's title, which has one line."""
    title = read_title(text)
    if title == ticket.title:
        return None
    previous, ticket.title = ticket.title, title
    return f"Title changed from “{escape_line(previous)}” to “{escape_line(title)}”."


def change_description(ticket: Ticket, text: str) -> str | None:
    """Set the ticket's description, which is Markdown."""
    description = read_description(text)
    if description == clean_text(ticket.description):
        return None
    ticket.description = description
    return "The description was edited."


def change_reference(ticket: Ticket, text: str) -> str | None:
    """Set the ticket's number in the PSA; an empty text removes it."""
    reference = read_reference(text)
    if reference == ticket.external_reference:
        return None
    ticket.external_reference = reference
    if reference is None:
        return "The PSA reference was removed."
    return f"PSA reference set to {escape_line(reference)}."


def change_url(ticket: Ticket, text: str) -> str | None:
    """Set the ticket's address in the PSA; an empty text removes it."""
    url = read_url(text)
    if url == ticket.external_url:
        return None
    ticket.external_url = url
    return "The PSA link was removed." if url is None else "The PSA link was set."


def change_host(ticket: Ticket, text: str) -> str | None:
    """Set the host or identity that a ticket made by hand is about; an empty text removes it."""
    name = read_host(text)
    if name == ticket.subject_name:
        return None
    if ticket.source != SOURCE_MANUAL:
        raise FieldError({"host": "The report says which host or identity this is about."})
    set_host(ticket, name)
    return "The host was removed." if name is None else f"Host set to {escape_line(name)}."


def set_host(ticket: Ticket, name: str | None) -> None:
    """Set what a ticket is about to what a person typed; an address is an identity."""
    subject = typed_subject(name)
    ticket.subject_name, ticket.subject_key = subject.name, subject.key


def choose_client(session: Session, client_id: int) -> Client:
    """The active client with this id; raises FieldError."""
    client = _chosen(session, Client, client_id, "client_id", NO_CLIENT)
    if not client.is_active:
        raise FieldError({"client_id": NO_CLIENT})
    return client


def choose_board(session: Session, board_id: int) -> Board:
    """The active board with this id; raises FieldError."""
    board = _chosen(session, Board, board_id, "board_id", NO_BOARD)
    if not board.is_active:
        raise FieldError({"board_id": NO_BOARD})
    return board


def choose_assignee(session: Session, user_id: int) -> User:
    """The user with this id, who has to be active and no auditor; raises FieldError."""
    user = _chosen(session, User, user_id, "assignee_id", NO_ASSIGNEE)
    if not user.may_work:
        raise FieldError({"assignee_id": NO_ASSIGNEE})
    return user


def choose_priority(session: Session, priority_id: int) -> Priority:
    """The priority with this id; raises FieldError."""
    return _chosen(session, Priority, priority_id, "priority_id", NO_PRIORITY)


def choose_category(
    session: Session, board_id: int, category_id: int
) -> tuple[Category, Category | None]:
    """The board's category and, if one was chosen, its subcategory; raises FieldError."""
    row = _chosen(session, Category, category_id, "category_id", NO_CATEGORY)
    if not row.is_active or row.board_id != board_id:
        raise FieldError({"category_id": NO_CATEGORY})
    parent = session.get(Category, row.parent_id) if row.parent_id is not None else None
    return (parent, row) if parent else (row, None)


def read_title(text: str) -> str:
    """The title as it is stored; raises FieldError if it is empty or too long."""
    title = clean_line(text, TITLE_LENGTH + 1)
    if title is None:
        raise FieldError({"title": "Enter a title."})
    if len(title) > TITLE_LENGTH:
        raise FieldError({"title": f"A title has at most {TITLE_LENGTH} characters."})
    return title


def read_description(text: str) -> str:
    """The description as it is stored; raises FieldError if it is too long."""
    if len(text) > DESCRIPTION_LENGTH:
        sentence = f"A description has at most {DESCRIPTION_LENGTH:,} characters."
        raise FieldError({"description": sentence})
    return clean_text(text, DESCRIPTION_LENGTH) or ""


def read_host(text: str) -> str | None:
    """The host or identity as it is stored; raises FieldError if it is too long."""
    host = clean_line(text, SUBJECT_NAME_LENGTH + 1)
    if host and len(host) > SUBJECT_NAME_LENGTH:
        raise FieldError({"host": f"A host has at most {SUBJECT_NAME_LENGTH} characters."})
    return host


def read_reference(text: str) -> str | None:
    """The PSA reference as it is stored; raises FieldError if it is too long."""
    reference = clean_line(text, NAME_LENGTH + 1)
    if reference and len(reference) > NAME_LENGTH:
        sentence = f"A reference has at most {NAME_LENGTH} characters."
        raise FieldError({"external_reference": sentence})
    return reference


def read_url(text: str) -> str | None:
    """The PSA link as it is stored, or None if it is empty.

    It becomes a link that people click. Raises FieldError for anything but an address without
    spaces and quotes that leads to a host by http or https.
    """
    url = clean_line(text, URL_LENGTH + 1)
    if url is None:
        return None
    sentence = "Enter a whole address that begins with https:// or http://."
    try:
        parts = urlsplit(url)
        is_link = parts.scheme in ("http", "https") and bool(parts.hostname)
    except ValueError:
        is_link = False
    if not is_link or len(url) > URL_LENGTH or any(one in url for one in " \\\"'<>"):
        raise FieldError({"external_url": sentence})
    return url


def category_words(ticket: Ticket) -> str | None:
    """The words for the ticket's category, such as `Endpoint › Malware`; None if it has none."""
    if ticket.category is None:
        return None
    names = [ticket.category.name, ticket.subcategory.name if ticket.subcategory else None]
    return " › ".join(name for name in names if name)


def _set_category(ticket: Ticket, category: Category | None, sub: Category | None) -> None:
    ticket.category, ticket.subcategory = category, sub
    ticket.category_id = category.id if category else None
    ticket.subcategory_id = sub.id if sub else None


def _chosen(session: Session, model: type[Row], key: int, field: str, message: str) -> Row:
    row = session.get(model, key) if 0 < key <= LARGEST_ID else None
    if row is None:
        raise FieldError({field: message})
    return row
