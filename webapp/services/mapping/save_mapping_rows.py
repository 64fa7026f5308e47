"""Saving rows of the mapping table as a person typed them, with clients by name."""

from collections.abc import Sequence
from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.models import OrganizationMapping
from webapp.services.desk.client_names import ClientNames
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError
from webapp.services.mapping.map_organizations import UNCHANGED, MappingChange, apply_changes
from webapp.services.transactions import transaction


@dataclass(frozen=True, slots=True)
class RowEdit:
    """What a person typed into a row that was in `version`; None leaves a value as it is.

    An empty `client` is the decision that the organization has none.
    """

    external_id: str
    version: int
    client: str | None = None
    tickets: bool | None = None


def save_mapping_rows(
    connection_id: int, edits: Sequence[RowEdit], *, actor_id: int
) -> list[OrganizationMapping]:
    """Save all `edits` in one transaction, or none; return the rows in the order of `edits`.

    Raises FieldError with a sentence by organization id for clients that cannot be chosen,
    StaleMappingError where somebody else changed a row meanwhile to other values than the wanted
    ones, NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        return apply_changes(session, connection_id, _changes(session, edits), actor_id=actor_id)


def _changes(session: Session, edits: Sequence[RowEdit]) -> list[MappingChange]:
    names = ClientNames(session)
    problems = {
        edit.external_id: problem
        for edit in edits
        if edit.client and (problem := names.problem(edit.client))
    }
    if problems:
        raise FieldError(problems)
    return [_change(names, edit) for edit in edits]


def _change(names: ClientNames, edit: RowEdit) -> MappingChange:
    if edit.client is None:
        return MappingChange(edit.external_id, UNCHANGED, edit.tickets, edit.version)
    client = names.find(edit.client) if edit.client else None
    client_id = client.id if client else None
    return MappingChange(edit.external_id, client_id, edit.tickets, edit.version)
