"""Creating clients from organizations, because a new installation has no clients yet."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from sqlalchemy import func, select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp.domain.name_match import normalize_name
from webapp.domain.untrusted import clean_line
from webapp.models import Client, Connection, OrganizationMapping
from webapp.models.columns import NAME_LENGTH
from webapp.services.audit import record_event
from webapp.services.desk.client_names import ClientNames
from webapp.services.edition import require_enterprise
from webapp.services.errors import ConflictError, FieldError
from webapp.services.lookups import get_connection
from webapp.services.mapping.list_mappings import MappingQuery, select_all
from webapp.services.mapping.map_organizations import MappingChange, MappingState, apply_changes
from webapp.services.mapping.match_clients import match_waiting
from webapp.services.mapping.suggest_clients import SimilarClients, find_alike
from webapp.services.transactions import reading, transaction

MOST_ROWS = 500
"""The most organizations that one preview shows; the others are next."""


class Choice(StrEnum):
    """What to do with one organization."""

    CREATE = "create"
    LINK = "link"
    SKIP = "skip"


@dataclass(frozen=True, slots=True)
class Proposal:
    """An organization without a client, a name for a new client, and similar clients' names.

    `alike` are the names of other organizations of the list that are similar. `is_decided` says
    that a person chose that the organization has no client.
    """

    external_id: str
    organization: str
    version: int
    name: str
    similar: Sequence[str]
    alike: Sequence[str] = ()
    is_decided: bool = False

    @property
    def choice(self) -> Choice:
        """The choice to start with; where a similar client exists, a person has to decide."""
        return Choice.SKIP if self.similar or self.is_decided else Choice.CREATE

    @property
    def needs_look(self) -> bool:
        """Whether a person should look at this one before creating."""
        return bool(self.similar or self.alike or self.is_decided)


@dataclass(frozen=True, slots=True)
class Proposals:
    """The proposals of a preview, and how many organizations without a client come after them."""

    shown: Sequence[Proposal]
    more: int = 0


@dataclass(frozen=True, slots=True)
class NewClient:
    """A decision about an organization; `name` is the client to create or to link to."""

    external_id: str
    version: int
    choice: Choice
    name: str


@dataclass(frozen=True, slots=True)
class CreatedClients:
    """How many clients were created, and how many organizations were linked to a client."""

    created: int
    linked: int


def propose_clients(connection_id: int, external_ids: Collection[str]) -> Proposals:
    """Return a proposal for each organization that has no active client.

    Those that need a look come first, then they are sorted by name; at most MOST_ROWS are shown.
    Organizations that have an active client by now, or do not exist, are left out. Raises
    NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        get_connection(session, connection_id)
        rows = session.scalars(
            select(OrganizationMapping)
            .outerjoin(OrganizationMapping.client)
            .where(
                OrganizationMapping.connection_id == connection_id,
                OrganizationMapping.external_id.in_(external_ids),
                Client.is_active.is_not(True),
            )
            .order_by(func.lower(OrganizationMapping.name), OrganizationMapping.id)
            .execution_options(populate_existing=True)
        ).all()
        clients = [client.name for client in ClientNames(session).clients if client.is_active]
    shown = rows[:MOST_ROWS]
    similar, alike = SimilarClients(clients), find_alike([row.name for row in shown])
    proposals = [_propose(row, similar, alike[row.name]) for row in shown]
    proposals.sort(key=lambda one: not one.needs_look)
    return Proposals(proposals, len(rows) - len(shown))


def propose_all_clients(connection_id: int, query: MappingQuery) -> Proposals:
    """Return the same for all organizations that `query` finds on all pages of the table.

    Excluded and gone organizations are left out, unless the query asks for them.
    """
    if query.tab is not None or query.only:
        return propose_clients(connection_id, select_all(connection_id, query).keys())
    waiting = (MappingState.UNMAPPED, MappingState.AMBIGUOUS)
    tabs = [select_all(connection_id, replace(query, tab=state)) for state in waiting]
    return propose_clients(connection_id, [key for tab in tabs for key in tab])


def create_clients(
    connection_id: int, decisions: Sequence[NewClient], *, actor_id: int
) -> CreatedClients:
    """Create and link clients as decided, all in one transaction.

    Organizations whose new clients have the same name share one client. Raises FieldError with a
    sentence by organization id for names that cannot be used; ConflictError where somebody changed
    an organization or created a client of the same name meanwhile; NotFoundError, EditionError.
    Nothing is created or linked then.
    """
    require_enterprise()
    wanted = [one for one in decisions if one.choice is not Choice.SKIP]
    try:
        return _create(connection_id, wanted, actor_id)
    except IntegrityError:  # the client was created after the check
        raise ConflictError(
            "Somebody created a client of the same name just now. Nothing was created: try again."
        ) from None


def _create(connection_id: int, wanted: Sequence[NewClient], actor_id: int) -> CreatedClients:
    with transaction() as session:
        # The new clients may match organizations of all connections. Locking these at the beginning
        # keeps two who create the same client from waiting for each other.
        session.execute(select(Connection.id).order_by(Connection.id).with_for_update())
        get_connection(session, connection_id)
        names = ClientNames(session)
        if problems := _problems(names, wanted):
            raise FieldError(problems)
        created = [one.name for one in wanted if one.choice is Choice.CREATE]
        new = insert_clients(session, created, actor_id)
        changes = [
            MappingChange(one.external_id, _client_id(names, new, one), version=one.version)
            for one in wanted
        ]
        apply_changes(session, connection_id, changes, actor_id=actor_id)
        matched = match_waiting(session, actor_id)  # of the same name, on any connection
        return CreatedClients(created=len(set(new.values())), linked=len(changes) + len(matched))


def _propose(row: OrganizationMapping, similar: SimilarClients, alike: Sequence[str]) -> Proposal:
    name = clean_line(row.name, NAME_LENGTH) or ""
    is_decided = row.client_id is None and row.decided_by_person_at is not None
    return Proposal(
        row.external_id,
        row.name,
        row.version,
        name,
        similar.suggest(name),
        alike=alike,
        is_decided=is_decided,
    )


def _problems(names: ClientNames, decisions: Sequence[NewClient]) -> dict[str, str]:
    problems = {one.external_id: _problem(names, one) for one in decisions}
    return {key: problem for key, problem in problems.items() if problem}


def _problem(names: ClientNames, one: NewClient) -> str | None:
    if not one.name:
        return "Enter a name, or choose to skip this organization."
    if one.choice is Choice.LINK:
        return names.problem(one.name)
    return new_name_problem(names, one.name)


def new_name_problem(names: ClientNames, name: str) -> str | None:
    """A sentence that says why no client can be created with this name; None if it can."""
    if len(name) > NAME_LENGTH:
        return f"A client's name has at most {NAME_LENGTH} characters."
    existing = names.find(name) or names.find_normalized(name)
    if existing is not None:
        return f'There is a client "{existing.name}" already. Link to it, or choose another name.'
    return None


def insert_clients(session: Session, names: Sequence[str], actor_id: int | None) -> dict[str, int]:
    """Add a client for each name and return their ids by name; names that match share one."""
    found: dict[str, Client] = {}
    for name in names:
        found.setdefault(client_key(name), Client(name=name))
    session.add_all(found.values())
    session.flush()
    for client in found.values():
        record_event(
            session,
            action="client.created",
            subject_type="client",
            subject_id=client.id,
            after={"name": client.name, "is_active": True},
            actor_id=actor_id,
        )
    return {name: found[client_key(name)].id for name in names}


def _client_id(names: ClientNames, new: dict[str, int], one: NewClient) -> int | None:
    if one.choice is Choice.CREATE:
        return new[one.name]
    client = names.find(one.name)
    return client.id if client else None


def client_key(name: str) -> str:
    """The form of a new client's name in which names are compared."""
    return normalize_name(name) or name
