"""Adding and reading rows in tests, each in a transaction of its own."""

from typing import Any, TypeVar

from sqlalchemy import select

from webapp.extensions import Base
from webapp.models import AuditEvent, OrganizationMapping
from webapp.services.transactions import reading, transaction

Row = TypeVar("Row", bound=Base)


def add(row: Row) -> Row:
    """Store a row."""
    with transaction() as session:
        session.add(row)
    return row


def change(model: type[Base], row_id: int, **values: Any) -> None:
    """Set columns of a row."""
    with transaction() as session:
        row = session.get(model, row_id, populate_existing=True)
        for name, value in values.items():
            setattr(row, name, value)


def fresh(model: type[Row], row_id: int) -> Row:
    """A row as it is in the database."""
    with reading() as session:
        row = session.get(model, row_id, populate_existing=True)
    assert row is not None
    return row


def all_rows(model: type[Row], *conditions: Any) -> list[Row]:
    """Rows by id, as they are in the database."""
    with reading() as session:
        query = select(model).where(*conditions).order_by(model.id)  # type: ignore[attr-defined]
        return list(session.scalars(query.execution_options(populate_existing=True)))


def audit_events() -> list[AuditEvent]:
    """The changes in the audit log, oldest first; who signed in is left out."""
    is_about_signing_in = AuditEvent.action.regexp_match("^(session|presence|access)[.]")
    return all_rows(AuditEvent, ~is_about_signing_in)


def audit_actions() -> list[str]:
    """The actions of the changes in the audit log, oldest first."""
    return [event.action for event in audit_events()]


def organization(connection_id: int, external_id: object) -> OrganizationMapping:
    """A mapping row, fresh."""
    [row] = all_rows(
        OrganizationMapping,
        OrganizationMapping.connection_id == connection_id,
        OrganizationMapping.external_id == str(external_id),
    )
    return row
