"""Mapping Huntress organizations to clients as people choose in the mapping table."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from sqlalchemy import select
from sqlalchemy.orm import Session, joinedload, selectinload

from webapp import clock
from webapp.domain.untrusted import parse_id
from webapp.models import Client, OrganizationMapping, User
from webapp.services.audit import record_event
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError, FieldError, NotFoundError
from webapp.services.lookups import get_connection
from webapp.services.mapping.drop_reports import drop_reports
from webapp.services.mapping.sync_organizations import auto_match_row, client_index
from webapp.services.transactions import reading, transaction


class MappingState(StrEnum):
    """How an organization is routed; `unmapped` and `ambiguous` ones go to triage."""

    AUTO_MATCHED = "auto_matched"
    MAPPED = "mapped"
    AMBIGUOUS = "ambiguous"
    UNMAPPED = "unmapped"
    EXCLUDED = "excluded"


STATE_LABELS = {
    MappingState.AUTO_MATCHED: "Auto-matched",
    MappingState.MAPPED: "Mapped",
    MappingState.AMBIGUOUS: "Ambiguous",
    MappingState.UNMAPPED: "Unmapped → triage",
    MappingState.EXCLUDED: "Excluded",
}


class Unchanged:
    """The type of UNCHANGED, which stands for a choice that is left as it is."""


UNCHANGED: Final = Unchanged()


@dataclass(frozen=True, slots=True)
class MappingChange:
    """What to change about one organization.

    `client_id` is a client, or None for the decision that there is no client. `tickets` says
    whether its incidents become tickets; None leaves that as it is. `version` is the version of the
    row that the person saw; None accepts any version.
    """

    external_id: str
    client_id: int | Unchanged | None = UNCHANGED
    tickets: bool | None = None
    version: int | None = None


@dataclass(frozen=True, slots=True)
class MappingConflict:
    """A row as it is now that was changed since it was looked at, and the change that was wanted.

    `changed_by` is the person who changed it, None where the system did.
    """

    row: OrganizationMapping
    change: MappingChange
    changed_by: str | None


class StaleMappingError(ConflictError):
    """Somebody else changed these rows meanwhile; nothing was saved."""

    def __init__(self, conflicts: Sequence[MappingConflict]) -> None:
        self.conflicts = list(conflicts)
        names = ", ".join(f'"{conflict.row.name}"' for conflict in conflicts[:3])
        if len(conflicts) > 3:
            names += f" and {len(conflicts) - 3} more"
        verb = "was" if len(conflicts) == 1 else "were"
        super().__init__(
            f"{names} {verb} changed by somebody else meanwhile; reload and try again."
        )


@dataclass(frozen=True, slots=True)
class OrganizationRow:
    """A row of the mapping table; `candidates` are the clients of an ambiguous row."""

    mapping: OrganizationMapping
    state: MappingState
    candidates: Sequence[Client]

    @property
    def is_routed(self) -> bool:
        """Whether the tickets of its incidents go to a client of its own."""
        return self.state in (MappingState.AUTO_MATCHED, MappingState.MAPPED)

    def as_dict(self) -> dict[str, object]:
        """Return the row for JSON; times are in ISO format, UTC."""
        row, last = self.mapping, self.mapping.last_incident_at
        return {
            "organization_id": row.external_id,
            "organization": row.name,
            "client_id": row.client_id,
            "client": row.client.name if row.client else None,
            "tickets": row.creates_tickets,
            "state": self.state.value,
            "gone": row.gone_at is not None,
            "candidates": [client.name for client in self.candidates],
            "agents": row.agents_count,
            "last_incident_at": last.isoformat() if last else None,
        }


def mapping_state(row: OrganizationMapping) -> MappingState:
    """Return the state of a row; its client must be loaded.

    An inactive client counts as none, because the organization's tickets go to triage then too. An
    organization that is gone from Huntress keeps its state; its `gone_at` is set.
    """
    if not row.creates_tickets:
        return MappingState.EXCLUDED
    if row.client is not None and row.client.is_active:
        return MappingState.AUTO_MATCHED if row.is_auto_matched else MappingState.MAPPED
    if row.client is None and row.candidate_ids:
        return MappingState.AMBIGUOUS
    return MappingState.UNMAPPED


def list_organizations(connection_id: int) -> list[OrganizationRow]:
    """Return every organization of a connection with its state, sorted by name.

    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        get_connection(session, connection_id)
        query = (
            select(OrganizationMapping)
            .where(OrganizationMapping.connection_id == connection_id)
            .options(joinedload(OrganizationMapping.client))
            .execution_options(populate_existing=True)
        )
        mappings = session.scalars(query).all()
        wanted = {key for mapping in mappings for key in mapping.candidate_ids or ()}
        found = session.scalars(select(Client).where(Client.id.in_(wanted))) if wanted else ()
        clients = {client.id: client for client in found}
    rows = [as_row(mapping, clients) for mapping in mappings]
    return sorted(rows, key=lambda row: (row.mapping.name.casefold(), row.mapping.id))


def count_states(rows: Iterable[OrganizationRow]) -> dict[MappingState, int]:
    """Return how many rows are in each state, including states without rows.

    Organizations that are gone from Huntress are left out, because nobody has to map them.
    """
    counts = dict.fromkeys(MappingState, 0)
    for row in rows:
        counts[row.state] += row.mapping.gone_at is None
    return counts


def set_mapping(
    connection_id: int,
    external_id: str,
    *,
    client_id: int | Unchanged | None = UNCHANGED,
    tickets: bool | None = None,
    actor_id: int | None = None,
) -> OrganizationMapping:
    """Change one organization; see `save_mappings`."""
    change = MappingChange(external_id, client_id, tickets)
    [row] = save_mappings(connection_id, [change], actor_id=actor_id)
    return row


def save_mappings(
    connection_id: int, changes: Sequence[MappingChange], *, actor_id: int | None = None
) -> list[OrganizationMapping]:
    """Save all `changes` in one transaction and return the rows in the order of `changes`.

    A choice of client, including None, is a person's decision, so the row is never auto-matched
    again. Turning tickets on or off is no such decision. Excluding an organization drops the kept
    parts of its reports. Including it again asks for a sweep, which fetches them again; one whose
    client was forgotten gets its name back with the next sync. A row that
    already has the wanted values is left alone in any version, so that sending a form twice is no
    conflict. Raises StaleMappingError where a row is not in the version that the change names,
    FieldError for a client that cannot be chosen, NotFoundError, EditionError; nothing is saved
    then.
    """
    require_enterprise()
    with transaction() as session:
        return apply_changes(session, connection_id, changes, actor_id=actor_id)


def apply_changes(
    session: Session,
    connection_id: int,
    changes: Sequence[MappingChange],
    *,
    actor_id: int | None = None,
) -> list[OrganizationMapping]:
    """Do the work of `save_mappings` in the caller's transaction; locks the connection."""
    connection = get_connection(session, connection_id, lock=True)
    rows = load_rows(session, connection_id, [change.external_id for change in changes])
    had_tickets = {key: row.creates_tickets for key, row in rows.items()}
    clients = _active_clients(session, changes)
    wanted = [change for change in changes if not _is_done(rows[change.external_id], change)]
    _refuse_conflicts(session, rows, wanted)
    for change in wanted:
        _apply(session, rows[change.external_id], change, clients, actor_id)
    drop_reports(
        session,
        connection_id,
        {key for key, row in rows.items() if had_tickets[key] and not row.creates_tickets},
    )
    if any(row.creates_tickets and not had_tickets[key] for key, row in rows.items()):
        connection.sweep_requested_at = clock.utcnow()
    return [rows[change.external_id] for change in changes]


def match_again(
    connection_id: int,
    external_ids: Sequence[str],
    *,
    versions: Mapping[str, int] | None = None,
    actor_id: int | None = None,
) -> list[OrganizationMapping]:
    """Forget the clients of these organizations and match them by name again; return the rows.

    Raises StaleMappingError where a row is not in the version of `versions`, NotFoundError,
    EditionError; nothing is changed then.
    """
    require_enterprise()
    with transaction() as session:
        get_connection(session, connection_id, lock=True)
        rows = load_rows(session, connection_id, external_ids)
        seen = versions or {}
        _refuse_conflicts(
            session, rows, [MappingChange(key, version=seen.get(key)) for key in rows]
        )
        index = client_index(session)
        for row in rows.values():
            before = row.client_id
            row.client_id = row.decided_by_person_at = row.candidate_ids = None
            row.is_auto_matched = False
            auto_match_row(row, index)
            _note_change(session, row, {"client_id": before}, actor_id, "mapping.matched_again")
        session.flush()
        return list(load_rows(session, connection_id, list(rows)).values())


def as_row(mapping: OrganizationMapping, clients: Mapping[int, Client]) -> OrganizationRow:
    """Return a row with its state; `clients` are the possible clients of ambiguous rows, by id."""
    state = mapping_state(mapping)
    keys = mapping.candidate_ids or () if state is MappingState.AMBIGUOUS else ()
    return OrganizationRow(mapping, state, [clients[key] for key in keys if key in clients])


def load_rows(
    session: Session, connection_id: int, external_ids: Sequence[str]
) -> dict[str, OrganizationMapping]:
    """Return the rows by external id with their clients, read anew and locked.

    Raises NotFoundError for an id that the connection does not have.
    """
    query = (
        select(OrganizationMapping)
        .where(
            OrganizationMapping.connection_id == connection_id,
            OrganizationMapping.external_id.in_(filter(parse_id, external_ids)),
        )
        .order_by(OrganizationMapping.id)
        .options(selectinload(OrganizationMapping.client))
        .with_for_update()
        .execution_options(populate_existing=True)
    )
    rows = {row.external_id: row for row in session.scalars(query)}
    for external_id in external_ids:
        if external_id not in rows:
            raise NotFoundError(
                f"This connection has no organization {external_id}; sync organizations first."
            )
    return rows


def _is_done(row: OrganizationMapping, change: MappingChange) -> bool:
    """Whether the row already has the wanted values; an auto-matched client is not a choice yet."""
    has_client = isinstance(change.client_id, Unchanged) or (
        row.client_id == change.client_id and row.decided_by_person_at is not None
    )
    return has_client and change.tickets in (None, row.creates_tickets)


def _refuse_conflicts(
    session: Session, rows: Mapping[str, OrganizationMapping], changes: Sequence[MappingChange]
) -> None:
    """Raise StaleMappingError for rows that are not in the version that the change names."""
    stale = [
        (row, change)
        for change in changes
        if (row := rows[change.external_id]).version != (change.version or row.version)
    ]
    if not stale:
        return
    people = {row.changed_by_id for row, _ in stale}
    names = {
        user.id: user.name for user in session.scalars(select(User).where(User.id.in_(people)))
    }
    raise StaleMappingError(
        [MappingConflict(row, change, names.get(row.changed_by_id or 0)) for row, change in stale]
    )


def _active_clients(session: Session, changes: Sequence[MappingChange]) -> dict[int, Client]:
    wanted = {change.client_id for change in changes if isinstance(change.client_id, int)}
    query = select(Client).where(Client.id.in_(wanted), Client.is_active)
    clients = {client.id: client for client in session.scalars(query)}
    if missing := wanted - set(clients):
        raise FieldError({"client_id": f"There is no active client {min(missing)}."})
    return clients


def _apply(
    session: Session,
    row: OrganizationMapping,
    change: MappingChange,
    clients: dict[int, Client],
    actor_id: int | None,
) -> None:
    before = {"client_id": row.client_id, "creates_tickets": row.creates_tickets}
    if not isinstance(change.client_id, Unchanged):
        row.client = None if change.client_id is None else clients[change.client_id]
        row.client_id = change.client_id
        row.decided_by_person_at = clock.utcnow()
        row.is_auto_matched = False
        row.candidate_ids = None
    if change.tickets is not None:
        row.creates_tickets = change.tickets
    if row.erased_at is not None and (row.creates_tickets or row.client_id is not None):
        row.erased_at, row.is_name_known = None, False  # the next sync names it again
    _note_change(session, row, before, actor_id, "mapping.saved")


def _note_change(
    session: Session,
    row: OrganizationMapping,
    before: Mapping[str, object],
    actor_id: int | None,
    action: str,
) -> None:
    row.version += 1
    row.changed_by_id = actor_id
    row.updated_at = clock.utcnow()
    record_event(
        session,
        action=action,
        subject_type="organization",
        subject_id=row.external_id,
        before={**before, "connection_id": row.connection_id},
        after={
            **{name: getattr(row, name) for name in before},
            "connection_id": row.connection_id,
        },
        actor_id=actor_id,
    )
