"""Loading rows by id, always from the database; a missing row raises NotFoundError."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.extensions import Base
from webapp.models import Connection, User
from webapp.services.errors import NotFoundError
from webapp.services.transactions import FOR_CHANGE

Row = TypeVar("Row", bound=Base)

LARGEST_ID = 2**31 - 1
"""The largest number that an id column holds."""


def get_row(
    session: Session, model: type[Row], row_id: int, sentence: str, *, lock: bool = False
) -> Row:
    """The row as it is in the database now; `lock` locks it until the transaction ends.

    An object that was loaded earlier is refreshed. Raises NotFoundError with `sentence`.
    """
    if not 0 < row_id <= LARGEST_ID:  # PostgreSQL fails when it compares a larger number with an id
        raise NotFoundError(sentence)
    row = session.get(
        model, row_id, populate_existing=True, with_for_update=FOR_CHANGE if lock else None
    )
    if row is None:
        raise NotFoundError(sentence)
    return row


def get_connection(session: Session, connection_id: int, *, lock: bool = False) -> Connection:
    """The connection, read afresh; raises NotFoundError."""
    sentence = f"There is no connection {connection_id}; `triagedesk connection list` shows them."
    return get_row(session, Connection, connection_id, sentence, lock=lock)


def get_user(session: Session, user_id: int, *, lock: bool = False) -> User:
    """The user, read afresh; raises NotFoundError."""
    return get_row(session, User, user_id, f"There is no user {user_id}.", lock=lock)


def list_connections(session: Session) -> list[Connection]:
    """All connections by name, read afresh; disconnected ones are included."""
    query = select(Connection).order_by(Connection.name, Connection.id)
    return list(session.scalars(query.execution_options(populate_existing=True)))
