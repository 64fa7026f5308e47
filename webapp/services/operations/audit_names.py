"""The present names of the rows that audit events mention by id, in one query per kind of row."""

from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from typing import Any

from sqlalchemy import select
from sqlalchemy.orm import InstrumentedAttribute, Session

from webapp.models import (
    Asset,
    AuditEvent,
    Board,
    CannedNote,
    Category,
    Client,
    Connection,
    OrganizationMapping,
    Policy,
    Priority,
    Runbook,
    Status,
    Target,
    Ticket,
    User,
)
from webapp.services.lookups import LARGEST_ID

NAMED: Mapping[str, InstrumentedAttribute[Any]] = {
    "asset": Asset.name,
    "board": Board.name,
    "canned_note": CannedNote.name,
    "category": Category.name,
    "client": Client.name,
    "contact_method": Target.name,
    "connection": Connection.name,
    "policy": Policy.name,
    "priority": Priority.name,
    "runbook": Runbook.name,
    "status": Status.name,
    "target": Target.name,
    "ticket": Ticket.number,
    "user": User.name,
}
"""For each kind of row, the column that holds its name."""

ORGANIZATION = "organization"
_SUFFIXES = {
    "subcategory_id": "category",
    "assignee_id": "user",
    "actor_id": "user",
    **{f"{kind}_id": kind for kind in NAMED},
}

Key = tuple[str, str]
"""The kind of a row and its id."""


class AuditNames:
    """Names by kind and id; a row that was deleted has no name here."""

    def __init__(self, names: Mapping[Key, str]) -> None:
        self._names = names

    def of_subject(self, event: AuditEvent) -> str | None:
        """The name of the row that an event is about, or None."""
        return self._names.get(_subject_key(event)) if event.subject_id else None

    def of_value(self, field: str, value: object) -> str | None:
        """The name of the row that a field's value points to, or None."""
        kind = kind_of(field)
        return self._names.get((kind, str(value))) if kind else None


def kind_of(field: str) -> str | None:
    """The kind of row that a field such as `fallback_board_id` points to, or None."""
    return next(
        (kind for suffix, kind in _SUFFIXES.items() if f"_{field}".endswith(f"_{suffix}")), None
    )


def load_names(session: Session, events: Iterable[AuditEvent]) -> AuditNames:
    """Read the names of all rows that these events mention."""
    wanted: dict[str, set[str]] = defaultdict(set)
    for event in events:
        for kind, key in _mentioned(event):
            wanted[kind].add(key)
    names: dict[Key, str] = {}
    for kind, column in NAMED.items():
        ids = [int(key) for key in wanted[kind] if key.isdecimal() and int(key) <= LARGEST_ID]
        if ids:
            identity = column.class_.id
            rows = session.execute(select(identity, column).where(identity.in_(ids)))
            names |= {(kind, str(row[0])): row[1] for row in rows}
    return AuditNames(names | _organizations(session, wanted[ORGANIZATION]))


def _mentioned(event: AuditEvent) -> Iterator[Key]:
    if event.subject_id:
        yield _subject_key(event)
    for values in (event.before, event.after):
        for field, value in (values or {}).items():
            kind = kind_of(field)
            if kind and isinstance(value, int):
                yield kind, str(value)


def _subject_key(event: AuditEvent) -> Key:
    """The key of an event's row; an organization's id is unique only within its connection."""
    key = str(event.subject_id)
    if event.subject_type == ORGANIZATION:
        key = f"{(event.after or {}).get('connection_id')}/{key}"
    return event.subject_type, key


def _organizations(session: Session, keys: set[str]) -> dict[Key, str]:
    if not keys:
        return {}
    row = OrganizationMapping
    external_ids = {key.partition("/")[2] for key in keys}
    found = session.execute(
        select(row.connection_id, row.external_id, row.name).where(
            row.external_id.in_(external_ids)
        )
    )
    return {(ORGANIZATION, f"{one[0]}/{one[1]}"): one[2] for one in found}
