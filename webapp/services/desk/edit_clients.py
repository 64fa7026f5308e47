"""Adding and editing clients, which only admins may do.

See delete_guard for deactivating and deleting them.
"""

from dataclasses import asdict, dataclass

from webapp.models import Client
from webapp.models.retention import find_erasure_of
from webapp.services.desk.edit_rows import (
    add_named,
    apply_edit,
    check_name_is_free,
    read_line,
    read_name,
    read_text,
    version_of,
)
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_row
from webapp.services.transactions import transaction

NOTES_LENGTH = 10_000
KIND = "client"


@dataclass(frozen=True, slots=True)
class ClientValues:
    """What a person enters about a client."""

    name: str
    notes: str = ""
    external_reference: str | None = None


def read_client_values(
    name: str | None, notes: str | None = None, external_reference: str | None = None
) -> ClientValues:
    """Clean the typed values and return them. Raises FieldError."""
    errors: dict[str, str] = {}
    values = ClientValues(
        name=read_name(name, errors),
        notes=read_text(notes, "notes", "The notes", errors, NOTES_LENGTH),
        external_reference=read_line(
            external_reference, "external_reference", "The external reference", errors
        ),
    )
    if errors:
        raise FieldError(errors)
    return values


def client_version(row: Client) -> str:
    """The version of the values that can be edited; see edit_rows.apply_edit."""
    return version_of(
        {"name": row.name, "notes": row.notes, "external_reference": row.external_reference}
    )


def add_client(values: ClientValues, actor_id: int | None = None) -> Client:
    """Add an active client. Raises FieldError if the name is taken."""
    with transaction() as session:
        row = Client(**asdict(values))
        add_named(session, row, asdict(values), actor_id)
        return row


def edit_client(
    client_id: int, values: ClientValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save a client's values; returns False if nothing changed.

    Raises FieldError, NotFoundError, EditConflictError if `seen` is outdated, and RefusedError for
    a client that is forgotten.
    """
    with transaction() as session:
        row = get_row(session, Client, client_id, f"There is no client {client_id}.", lock=True)
        if session.scalar(find_erasure_of(KIND, client_id)) is not None:
            raise RefusedError("This client was forgotten, so nothing can be written about it.")
        check_name_is_free(session, Client, values.name, KIND, row_id=client_id)
        return apply_edit(session, row, asdict(values), seen=seen, actor_id=actor_id)
