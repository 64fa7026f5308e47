"""Tickets with all that a row of a list shows, read in one statement."""

from collections.abc import Sequence
from functools import cache
from typing import TypeVar

from sqlalchemy import ColumnElement, Select, bindparam, func, select
from sqlalchemy.orm import (
    Session,
    aliased,
    contains_eager,
    defer,
    joinedload,
    raiseload,
    with_expression,
)

from webapp.domain.triage.incident_kinds import KindsInWords
from webapp.domain.triage.row_words import what_words
from webapp.models import Alert, OrganizationMapping, Ticket

MOST_COUNTED = 99
"""So many open tickets of one subject are counted, and one more."""

Read = TypeVar("Read")


def ticket_rows() -> Select[Ticket]:
    """SQL for tickets with all that a row shows, joined to Status and Priority for conditions.

    The description is not loaded. What stands in the record of the incident is read with the
    ticket: see Ticket.kinds and what follows it.
    """
    return _ticket_rows()


@cache
def _ticket_rows() -> Select[Ticket]:
    """To build it takes as long as to read a page of tickets; nobody changes it."""
    return (
        select(Ticket)
        .join(Ticket.status)
        .join(Ticket.priority)
        .outerjoin(Alert, Alert.ticket_id == Ticket.id)
        .outerjoin(
            OrganizationMapping,
            (OrganizationMapping.connection_id == Alert.connection_id)
            & (OrganizationMapping.external_id == Alert.organization_external_id),
        )
        .options(
            defer(Ticket.description, raiseload=True),
            contains_eager(Ticket.status),
            contains_eager(Ticket.priority),
            joinedload(Ticket.client),
            joinedload(Ticket.board),
            joinedload(Ticket.assignee),
            raiseload("*"),
            with_expression(Ticket.kinds, Alert.kinds),
            with_expression(Ticket.incident_status, Alert.parsed_status),
            with_expression(Ticket.incident_severity, Alert.parsed_severity),
            with_expression(Ticket.steps_total, Alert.steps_total),
            with_expression(Ticket.steps_left, Alert.steps_left),
            with_expression(Ticket.is_isolated, Alert.is_isolated),
            with_expression(Ticket.organization_name, OrganizationMapping.name),
            with_expression(Ticket.open_of_subject, _open_of_subject()),
        )
    )


@cache
def _rows_by_ids() -> Select[Ticket]:
    wanted = Ticket.id.in_(bindparam("ids", expanding=True))
    return ticket_rows().where(wanted).execution_options(populate_existing=True)


def load_tickets(session: Session, ids: Sequence[int]) -> list[Ticket]:
    """The tickets with these ids, in this order, with all that a row shows."""
    if not ids:
        return []
    rows = {row.id: row for row in session.scalars(_rows_by_ids(), {"ids": ids}).unique()}
    return [rows[ticket_id] for ticket_id in ids if ticket_id in rows]


def what_of(ticket: Ticket) -> KindsInWords:
    """What a ticket is about, of one that was read with its kinds."""
    is_edited = ticket.text_edited_by_person_at is not None
    return what_words(ticket.title, ticket.kinds, is_edited=is_edited)


def _open_of_subject() -> ColumnElement[int]:
    """SQL for the number of open tickets of the ticket's host or identity at its client.

    Hosts of different clients bear the same names, so the client counts. At most MOST_COUNTED and
    one more are read for each row.
    """
    other = aliased(Ticket)
    found = (
        select(other.id)
        .where(
            other.subject_key == Ticket.subject_key,
            other.client_id == Ticket.client_id,
            other.is_unmapped == Ticket.is_unmapped,
            other.closed_at.is_(None),
            other.is_drill == Ticket.is_drill,
        )
        .limit(MOST_COUNTED + 1)
        .correlate(Ticket)
        .subquery()
    )
    return select(func.count()).select_from(found).correlate(Ticket).scalar_subquery()
