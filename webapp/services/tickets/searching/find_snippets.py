"""Where a search matches the tickets of a page, in context, where their rows do not show it."""

from collections import defaultdict
from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any

from sqlalchemy import BindParameter, Select, bindparam, false, func, literal, select, union_all
from sqlalchemy.orm import Session

from webapp.domain.searching.operators import ParsedSearch, search_terms
from webapp.domain.searching.snippets import (
    SCANNED,
    Snippet,
    compile_terms,
    has_all,
    make_snippet,
)
from webapp.models import Alert, Attachment, Comment, Indicator, Ticket
from webapp.models.ticket import INTERNAL_NOTE, SOURCE_HUNTRESS
from webapp.services.tickets.notes.machine_text import without_escapes
from webapp.services.tickets.rows.ticket_rows import what_of

NEWEST_COMMENTS = 20
COMMENT_SCANNED = 4_000
"""Of each ticket's timeline so much is looked at; an older match is found, but not shown."""

_IDS: BindParameter[Any] = bindparam("ids", expanding=True)
"""Those of the tickets; so the statement is built once, which takes longer than to run it."""


def find_snippets(
    session: Session, tickets: Sequence[Ticket], parsed: ParsedSearch
) -> Mapping[int, Snippet]:
    """Return snippets by ticket id, read with one statement; none for rows that show every match.

    `tickets` are loaded with all that a row shows.
    """
    patterns = compile_terms(search_terms(parsed))
    if not patterns:
        return {}
    hidden = [row.id for row in tickets if not has_all(patterns, _shown(row))]
    if not hidden:
        return {}
    texts: dict[int, list[str]] = defaultdict(list)
    for ticket_id, _, text, is_escaped in session.execute(_texts(), {_IDS.key: hidden}):
        if text:
            texts[ticket_id].append(without_escapes(text) if is_escaped else text)
    found = {ticket_id: make_snippet(patterns, texts[ticket_id]) for ticket_id in hidden}
    return {ticket_id: snippet for ticket_id, snippet in found.items() if snippet}


def _shown(row: Ticket) -> str:
    what = what_of(row).words
    client = (row.organization_name if row.is_unmapped else None) or row.client.name
    about = (row.number, what, client, row.subject_name, row.subject_user)
    return "\n".join(part or "" for part in about)


@cache
def _texts() -> Select[Any]:
    """SQL for the searched texts of these tickets, those first that say most about a match."""
    about = (
        func.coalesce(Ticket.subject_name, "")
        + " "
        + func.coalesce(Ticket.subject_user, "")
        + " "
        + func.coalesce(Ticket.external_reference, "")
        + " "
        + Ticket.title
    )
    is_by_machine = (Ticket.source == SOURCE_HUNTRESS) & Ticket.text_edited_by_person_at.is_(None)
    description = func.substr(Ticket.description, 1, SCANNED)
    every = union_all(
        select(
            Ticket.id.label("id"),
            literal(0).label("place"),
            about.label("words"),
            false().label("is_escaped"),
        ).where(Ticket.id.in_(_IDS)),
        _joined(1, Indicator.ticket_id, Indicator.value),
        _joined(2, Attachment.ticket_id, Attachment.name),
        select(Ticket.id, literal(3), description, is_by_machine).where(Ticket.id.in_(_IDS)),
        select(
            Alert.ticket_id, literal(4), func.substr(Alert.report_text, 1, SCANNED), false()
        ).where(Alert.ticket_id.in_(_IDS)),
        _comments(),
    ).subquery()
    return select(every).order_by(every.c.id, every.c.place)


def _joined(place: int, ticket_id: Any, value: Any) -> Select[Any]:
    joined = func.substr(func.aggregate_strings(value, "\n"), 1, SCANNED)
    found = select(ticket_id, literal(place), joined, false())
    return found.where(ticket_id.in_(_IDS)).group_by(ticket_id)


def _comments() -> Select[Any]:
    newest = (
        select(
            Comment.ticket_id,
            func.substr(Comment.body, 1, COMMENT_SCANNED).label("body"),
            (Comment.author_id.is_(None) | (Comment.kind != INTERNAL_NOTE)).label("is_by_machine"),
            func.row_number()
            .over(partition_by=Comment.ticket_id, order_by=Comment.id.desc())
            .label("rank"),
        )
        .where(Comment.ticket_id.in_(_IDS))
        .subquery()
    )
    place = literal(5) + newest.c.rank
    return select(newest.c.ticket_id, place, newest.c.body, newest.c.is_by_machine).where(
        newest.c.rank <= NEWEST_COMMENTS
    )
