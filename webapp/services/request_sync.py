"""Syncing organizations for somebody who waits for it in a browser."""

from contextlib import closing

from webapp.extensions import current_config
from webapp.huntress.errors import HuntressError
from webapp.models import Connection
from webapp.services.audit import record_event
from webapp.services.errors import ServiceError
from webapp.services.huntress_access import (
    INTERACTIVE_TIMEOUT_SECONDS,
    open_client,
    refuse_long_waits,
    require_enterprise,
)
from webapp.services.lookups import get_connection
from webapp.services.sync_organizations import SyncResult, sync_organizations
from webapp.services.transactions import reading, transaction


def sync_now(connection_id: int, *, actor_id: int) -> SyncResult:
    """`sync_organizations`, giving up rather than letting a person wait for long.

    Raises ServiceError with Huntress's trouble in a sentence, MissingCredentialsError,
    NotFoundError, EditionError; nothing is stored then.
    """
    require_enterprise()
    with reading() as session:
        connection = get_connection(session, connection_id)
    try:
        result = _sync(connection)
    except HuntressError as error:
        raise ServiceError(error.sentence) from error
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


def _sync(connection: Connection) -> SyncResult:
    client = open_client(
        connection,
        current_config(),
        on_wait=refuse_long_waits,
        timeout=INTERACTIVE_TIMEOUT_SECONDS,
    )
    with closing(client):
        return sync_organizations(connection.id, client)
