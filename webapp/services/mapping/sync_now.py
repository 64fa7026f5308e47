"""Synchronizing the organizations while a person waits for the result."""

from contextlib import closing

from webapp.extensions import current_config
from webapp.huntress.errors import HuntressError
from webapp.services.audit import record_event
from webapp.services.calls.explain_error import explain
from webapp.services.calls.open_client import (
    INTERACTIVE_TIMEOUT_SECONDS,
    open_client,
    refuse_long_waits,
)
from webapp.services.edition import require_enterprise
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_connection
from webapp.services.mapping.sync_organizations import SyncResult, sync_organizations
from webapp.services.transactions import reading, transaction


class SyncFailedError(RefusedError):
    """The organizations could not be fetched; nothing was changed. The sentence says why."""


def sync_now(connection_id: int, *, actor_id: int | None = None) -> SyncResult:
    """Fetch and store the organizations, without long waits for Huntress (`refuse_long_waits`).

    Raises SyncFailedError, MissingCredentialsError, NotFoundError, EditionError.
    """
    require_enterprise()
    with reading() as session:
        connection = get_connection(session, connection_id)
    try:
        client = open_client(
            connection,
            current_config(),
            on_wait=refuse_long_waits,
            timeout=INTERACTIVE_TIMEOUT_SECONDS,
        )
        with closing(client):
            result = sync_organizations(connection_id, client)
    except HuntressError as error:
        raise SyncFailedError(f"Nothing was synchronized. {explain(error)}") from error
    with transaction() as session:
        record_event(
            session,
            action="organizations.synced",
            subject_type="connection",
            subject_id=connection_id,
            after=result.as_dict(),
            actor_id=actor_id,
        )
    return result


def sync_words(result: SyncResult) -> str:
    """The result of a sync as a sentence."""
    one = "organization" if result.total == 1 else "organizations"
    parts = [
        (result.created, "new"),
        (result.updated, "updated"),
        (result.auto_matched, "auto-matched"),
        (result.ambiguous, "ambiguous"),
        (result.gone, "gone from Huntress"),
    ]
    counts = ", ".join(f"{count:,} {words}" for count, words in parts)
    return f"Synchronized {result.total:,} {one}: {counts}."
