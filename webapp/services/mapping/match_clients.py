"""Matching organizations by name as soon as a client gets that name, without waiting for a sync."""

from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import OrganizationMapping
from webapp.services.audit import record_event
from webapp.services.lookups import get_connection
from webapp.services.mapping.sync_organizations import auto_match_row, client_index
from webapp.services.transactions import transaction

SHOWN_NAMES = 3


def match_clients(*, actor_id: int | None = None) -> list[str]:
    """Match the organizations of every connection that wait for a client; return their names.

    The rule is that of a sync: one active client of the same name is linked, several make the
    organization ambiguous, and an organization that a person decided about is left alone.
    """
    with transaction() as session:
        return match_waiting(session, actor_id)


def match_waiting(session: Session, actor_id: int | None) -> list[str]:
    """Do the work of `match_clients` in the caller's transaction; locks the connections."""
    session.flush()
    waits = (
        OrganizationMapping.client_id.is_(None),
        OrganizationMapping.decided_by_person_at.is_(None),
        OrganizationMapping.is_name_known,
    )
    connections = select(OrganizationMapping.connection_id).where(*waits).distinct()
    names: list[str] = []
    index = client_index(session)
    for connection_id in sorted(session.scalars(connections)):
        get_connection(session, connection_id, lock=True)
        rows = session.scalars(
            select(OrganizationMapping)
            .where(OrganizationMapping.connection_id == connection_id, *waits)
            .order_by(OrganizationMapping.id)
            .with_for_update()
            .execution_options(populate_existing=True)
        ).all()
        matched = [row for row in rows if auto_match_row(row, index)]
        for row in matched:
            record_event(
                session,
                action="mapping.auto_matched",
                subject_type="organization",
                subject_id=row.external_id,
                before={"client_id": None, "connection_id": connection_id},
                after={"client_id": row.client_id, "connection_id": connection_id},
                actor_id=actor_id,
            )
        names += [row.name for row in matched]
    return names


def matched_words(names: Sequence[str]) -> str:
    """What `match_clients` did, as a sentence; empty where it matched nothing."""
    if not names:
        return ""
    if len(names) == 1:
        return f"The Huntress organization “{names[0]}” has the same name and is mapped now."
    shown = ", ".join(f"“{name}”" for name in names[:SHOWN_NAMES])
    more = f" and {len(names) - SHOWN_NAMES:,} more" if len(names) > SHOWN_NAMES else ""
    return f"{len(names):,} Huntress organizations of the same name are mapped now: {shown}{more}."
