"""Erasing the names of a client or person from rows that no id of theirs leads to.

Messages, audit events, uploads and saved views are found by the words of the erasure. Alarms and
the timeline entries of other tickets keep their sentence, without the name.
"""

from collections.abc import Callable, Mapping, Sequence
from typing import Any
from urllib.parse import parse_qs, unquote_plus

from sqlalchemy import ColumnElement, Text, cast, or_, select
from sqlalchemy.orm import Session

from webapp.domain.markdown_text import escape_line
from webapp.domain.retention.words import (
    json_fragment,
    name_any,
    names_within,
    plain_word,
    without_words,
)
from webapp.models import Alarm, AuditEvent, Comment, CsvUpload, Erasure, OutboxRow, SavedView
from webapp.services.audit_trail.redact_events import redact_events
from webapp.services.retention.batches import BATCH, delete_rows
from webapp.services.retention.erasures import erase_batches
from webapp.services.tickets.change_ticket import CHANGE_COMMENT

VIEW_FILTER = "client"
"""The name under which a view's query holds the id of a client."""


def erase_names(erasure: Erasure, instead: str) -> None:
    """Erase the words of `erasure` everywhere; where a sentence stays, `instead` is in it."""
    words: list[str] = list(erasure.words or ())
    if not words:
        return
    escaped = [escape_line(plain_word(word)) for word in words]
    _delete_named(erasure, OutboxRow, OutboxRow.facts, words, "messages")
    _delete_named(erasure, CsvUpload, CsvUpload.content, words, "uploads")
    _rewrite(erasure, Alarm, Alarm.sentence, words, instead)
    is_entry = Comment.kind == CHANGE_COMMENT
    _rewrite(erasure, Comment, Comment.body, [*words, *escaped], escape_line(instead), is_entry)
    _redact_named(erasure, words)


def erase_views(erasure: Erasure) -> None:
    """Delete the saved views that filter by the forgotten client, or search for its name."""
    words: list[str] = list(erasure.words or ())

    def is_its(view: SavedView) -> bool:
        filters = parse_qs(view.query)
        is_filter = str(erasure.subject_id) in filters.get(VIEW_FILTER, [])
        return is_filter or name_any(unquote_plus(view.query), words) or name_any(view.name, words)

    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        views = session.scalars(select(SavedView).where(SavedView.id.in_(ids)))
        found = [view.id for view in views if is_its(view)]
        return {"views": delete_rows(session, SavedView, SavedView.id.in_(found))}

    erase_batches(erasure, select(SavedView.id), SavedView.id, write, BATCH)


def _delete_named(
    erasure: Erasure, model: Any, column: Any, words: Sequence[str], counted_as: str
) -> None:
    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        rows = session.execute(select(model.id, column).where(model.id.in_(ids)))
        found = [key for key, value in rows if names_within(value, words)]
        return {counted_as: delete_rows(session, model, model.id.in_(found))}

    query = select(model.id).where(_may_name(column, words))
    erase_batches(erasure, query, model.id, write, BATCH)


def _rewrite(
    erasure: Erasure,
    model: Any,
    column: Any,
    words: Sequence[str],
    instead: str,
    *conditions: ColumnElement[bool],
) -> None:
    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        changed = 0
        for row in session.scalars(select(model).where(model.id.in_(ids))):
            before = getattr(row, column.key)
            setattr(row, column.key, without_words(before, words, instead))
            changed += getattr(row, column.key) != before
        return {"sentences": changed}

    plain = [column.contains(plain_word(word), autoescape=True) for word in words]
    erase_batches(erasure, select(model.id).where(or_(*plain), *conditions), model.id, write, BATCH)


def _redact_named(erasure: Erasure, words: Sequence[str]) -> None:
    def write(session: Session, ids: Sequence[int]) -> Mapping[str, int]:
        rows = session.execute(
            select(AuditEvent.id, AuditEvent.before, AuditEvent.after).where(AuditEvent.id.in_(ids))
        )
        found = [row.id for row in rows if names_within([row.before, row.after], words)]
        return {"audit_events": redact_events(session, [AuditEvent.id.in_(found)])}

    may_name = or_(_may_name(AuditEvent.before, words), _may_name(AuditEvent.after, words))
    query = select(AuditEvent.id).where(may_name, AuditEvent.redacted_at.is_(None))
    erase_batches(erasure, query, AuditEvent.id, write, BATCH)


def _may_name(column: Any, words: Sequence[str]) -> ColumnElement[bool]:
    """SQL that leaves out rows which cannot name anybody; what is left is looked at one by one."""
    is_json = not isinstance(column.type, Text)
    text = cast(column, Text) if is_json else column
    fragment: Callable[[str], str] = json_fragment if is_json else plain_word
    return or_(*(text.contains(fragment(word), autoescape=True) for word in words))
