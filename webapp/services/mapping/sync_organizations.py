"""Bringing the organizations of a Huntress account into the mapping table."""

from collections.abc import Callable, Iterable
from contextlib import closing
from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.cursor_walk import ListWalk, WalkError
from webapp.domain.name_match import NameIndex
from webapp.domain.untrusted import clean_line, parse_count, parse_id
from webapp.extensions import current_config
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.models import Client, OrganizationMapping
from webapp.models.mapping import ORGANIZATION_NAME_LENGTH
from webapp.services.calls.open_client import open_client
from webapp.services.edition import require_enterprise
from webapp.services.lookups import get_connection
from webapp.services.transactions import reading, transaction


@dataclass(frozen=True, slots=True)
class SyncResult:
    """What a sync found and did; `total` is the number of organizations in the account.

    `ambiguous` counts the rows that still wait for a person to choose among several clients. `gone`
    counts the organizations that this sync newly marked as gone.
    """

    total: int = 0
    created: int = 0
    updated: int = 0
    auto_matched: int = 0
    ambiguous: int = 0
    gone: int = 0

    def as_dict(self) -> dict[str, int]:
        """The counts by name, for JSON."""
        return asdict(self)


@dataclass(frozen=True, slots=True)
class Organization:
    """One organization as Huntress lists it, with cleaned values."""

    external_id: str
    name: str | None
    agents_count: int | None


def sync_organizations(
    connection_id: int,
    client: HuntressClient | None = None,
    *,
    guard: Callable[[Session], None] | None = None,
    on_page: Callable[[], None] = lambda: None,
) -> SyncResult:
    """Fetch every organization of the account, then store them in one transaction.

    A choice that a person made is never changed. A row without a client is matched to the active
    client of the same normalized name. An organization that is gone from the account is marked. A
    given `client` is used and left open. `guard` is called first in the transaction (a poll checks
    its lease there); an exception from it rolls everything back. `on_page` is called after each
    fetched page (a poll renews its lease there).

    Raises HuntressError (nothing is stored), MissingCredentialsError, NotFoundError, EditionError.
    """
    require_enterprise()
    organizations = _fetch(connection_id, client, on_page)
    with transaction() as session:
        if guard is not None:
            guard(session)
        # Polls and other syncs add rows too; the lock on the connection keeps them apart.
        connection = get_connection(session, connection_id, lock=True)
        result = _store(session, connection_id, organizations)
        connection.organizations_synced_at = clock.utcnow()
        return result


def client_index(session: Session) -> NameIndex[int]:
    """Return the active clients by name, to match organizations against."""
    clients = session.execute(
        select(Client.id, Client.name).where(Client.is_active).order_by(Client.name, Client.id)
    )
    return NameIndex((client_id, name) for client_id, name in clients)


def auto_match_row(row: OrganizationMapping, index: NameIndex[int]) -> bool:
    """Link `row` to the client of the same name if there is exactly one; True if it was linked.

    Several such clients make the row ambiguous; without one it stays unmapped. A row is left alone
    if it has a client, if a person decided about it, or if its name is not known.
    """
    if row.client_id is not None or row.decided_by_person_at or not row.is_name_known:
        return False
    match = index.match(row.name)
    row.candidate_ids = list(match.candidates) if match.is_ambiguous else None
    if match.matched is None:
        return False
    row.client_id = match.matched
    row.is_auto_matched = True
    row.version += 1
    row.changed_by_id = None
    row.updated_at = clock.utcnow()
    return True


def add_organization(
    session: Session,
    connection_id: int,
    external_id: str,
    name: str | None,
    *,
    agents_count: int | None = None,
    is_listed: bool = False,
    index: NameIndex[int] | None = None,
) -> OrganizationMapping:
    """Add the row of a new organization, match it by name, and flush it.

    Without a name it is called "Huntress org <id>" until a sync or a look-up finds its name. The
    caller must have made sure that the row does not exist, and must hold the connection's lock or
    lease. `is_listed` says that it comes from Huntress's list.
    """
    row = new_organization(connection_id, external_id, name, agents_count)
    row.is_listed = is_listed
    session.add(row)
    auto_match_row(row, index or client_index(session))
    session.flush()
    return row


def new_organization(
    connection_id: int, external_id: str, name: str | None, agents_count: int | None = None
) -> OrganizationMapping:
    """Return a row for a new organization; it is not stored and not matched."""
    now = clock.utcnow()
    return OrganizationMapping(
        connection_id=connection_id,
        external_id=external_id,
        name=name or f"Huntress org {external_id}",
        is_name_known=name is not None,
        agents_count=agents_count,
        creates_tickets=True,
        is_auto_matched=False,
        version=1,
        created_at=now,
        updated_at=now,
    )


def parse_organization(raw: object) -> Organization | None:
    """Return an organization from Huntress's answer, or None where it has no usable id."""
    if not isinstance(raw, dict):
        return None
    external_id = parse_id(raw.get("id"))
    if external_id is None:
        return None
    name = clean_line(raw.get("name"), ORGANIZATION_NAME_LENGTH)
    return Organization(external_id, name, parse_count(raw.get("agents_count")))


def _fetch(
    connection_id: int, client: HuntressClient | None, on_page: Callable[[], None]
) -> list[Organization]:
    if client is not None:
        return list_all_organizations(client, on_page)
    with reading() as session:
        connection = get_connection(session, connection_id)
    with closing(open_client(connection, current_config())) as own_client:
        return list_all_organizations(own_client, on_page)


def list_all_organizations(
    client: HuntressClient, on_page: Callable[[], None]
) -> list[Organization]:
    """Return every organization once; of several rows with the same id the last one counts.

    `on_page` is called after each page. Raises HuntressError.
    """
    found: dict[str, Organization] = {}
    walk = ListWalk()
    while not walk.is_finished:
        page = client.list_organizations(walk.next_token)
        on_page()
        try:
            rows = walk.take(page)
        except WalkError as error:
            raise HuntressError(ErrorKind.UNREADABLE, str(error)) from error
        organizations = (parse_organization(raw) for raw in rows)
        found.update({one.external_id: one for one in organizations if one is not None})
    return list(found.values())


def _store(
    session: Session, connection_id: int, organizations: Iterable[Organization]
) -> SyncResult:
    rows = {row.external_id: row for row in _locked_rows(session, connection_id)}
    index = client_index(session)
    known = {one.external_id: one for one in organizations}
    updated = sum(refresh_row(row, known[key]) for key, row in rows.items() if key in known)
    gone = sum(_mark_gone(row) for key, row in rows.items() if key not in known)
    auto_matched = sum(auto_match_row(row, index) for row in rows.values())
    added = [
        add_organization(
            session,
            connection_id,
            key,
            one.name,
            agents_count=one.agents_count,
            is_listed=True,
            index=index,
        )
        for key, one in known.items()
        if key not in rows
    ]
    return SyncResult(
        total=len(known),
        created=len(added),
        updated=updated,
        auto_matched=auto_matched + sum(row.is_auto_matched for row in added),
        ambiguous=sum(bool(row.candidate_ids) for row in [*rows.values(), *added]),
        gone=gone,
    )


def _locked_rows(session: Session, connection_id: int) -> Iterable[OrganizationMapping]:
    """Return the rows, locked, so that a person's choice waits and is not overwritten."""
    return session.scalars(
        select(OrganizationMapping)
        .where(OrganizationMapping.connection_id == connection_id)
        .order_by(OrganizationMapping.id)
        .with_for_update()
        .execution_options(populate_existing=True)
    )


def refresh_row(row: OrganizationMapping, organization: Organization) -> bool:
    """Take over what a list says of an organization; return True where people see a change.

    A missing name does not replace a known one, and neither does the name of an organization whose
    client was forgotten. The organization is no longer marked as gone.
    """
    row.is_listed = True
    told = organization if row.erased_at is None else Organization(row.external_id, None, None)
    name = told.name or row.name
    is_name_known = row.is_name_known or told.name is not None
    wanted = (name, is_name_known, told.agents_count, None)
    if (row.name, row.is_name_known, row.agents_count, row.gone_at) == wanted:
        return False
    row.name, row.is_name_known, row.agents_count, row.gone_at = wanted
    row.updated_at = clock.utcnow()
    return True


def _mark_gone(row: OrganizationMapping) -> bool:
    """Mark the row of an organization that was listed once and no longer is."""
    if row.gone_at is not None or not row.is_listed:
        return False
    row.gone_at = row.updated_at = clock.utcnow()
    return True
