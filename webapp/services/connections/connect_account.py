"""Connecting a Huntress account, replacing its credentials, and disconnecting it."""

import logging
from collections.abc import Callable, Mapping
from contextlib import closing, suppress
from dataclasses import dataclass, field
from typing import Any

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.pause import is_paused
from webapp.domain.routing import PRIORITY_COLUMNS, missing_settings, prefill_priorities
from webapp.domain.untrusted import clean_line, parse_id
from webapp.extensions import current_config
from webapp.huntress.errors import HuntressError
from webapp.models import Connection, Priority
from webapp.models.columns import NAME_LENGTH
from webapp.services.audit import record_event
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.calls.explain_error import explain_trial, is_about_base_url
from webapp.services.calls.open_client import (
    INTERACTIVE_TIMEOUT_SECONDS,
    open_client,
    open_trial_client,
    refuse_long_waits,
)
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.lookups import get_connection
from webapp.services.mapping.sync_organizations import sync_organizations
from webapp.services.polling.manage_polling import PollRefusedError, request_poll
from webapp.services.schedule.run_log import mark_interrupted
from webapp.services.transactions import reading, transaction

DEFAULT_BASE_URL = "https://api.huntress.io"

logger = logging.getLogger(__name__)


class ConnectError(RefusedError):
    """The account could not be connected; nothing was stored. The sentence says why.

    `is_about_base_url` says that another base URL can solve it.
    """

    def __init__(self, sentence: str, *, is_about_base_url: bool = False) -> None:
        super().__init__(sentence)
        self.is_about_base_url = is_about_base_url


class OtherAccountError(ConnectError):
    """The credentials work, but they belong to another account than this connection's."""

    def __init__(self, account_name: str, connection: Connection) -> None:
        super().__init__(
            f'These credentials belong to another Huntress account ("{account_name}"), not to '
            f'"{connection.account_name or connection.name}". Add it as a second connection '
            "instead."
        )
        self.account_name = account_name


@dataclass(frozen=True, slots=True)
class _Credentials:
    """An API key and secret; raises FieldError where one of them is empty."""

    key: str = field(repr=False)
    secret: str = field(repr=False)

    def __post_init__(self) -> None:
        missing = {
            name: f"Enter the API {label}."
            for name, label, value in (
                ("api_key", "key", self.key),
                ("api_secret", "secret", self.secret),
            )
            if not value
        }
        if missing:
            raise FieldError(missing)


@dataclass(frozen=True, slots=True)
class _Account:
    account_id: str
    name: str
    subdomain: str | None


def connect_account(
    *, name: str, base_url: str, api_key: str, api_secret: str, actor_id: int | None = None
) -> Connection:
    """Connect the account that the credentials belong to, and return its connection.

    The credentials are tried before anything is stored. An account that was connected before gets
    its old connection back, with cursor, routing and mappings. Priorities for severities are
    pre-filled by name where none was chosen. Then the organizations are synchronized; if that
    fails, the next sweep or "Sync organizations" does it. Where polling was started and is not
    paused, a poll is asked for. An empty `name` becomes the account's
    name, and an empty `base_url` becomes Huntress's own. Raises FieldError (key or secret missing),
    ConnectError, EditionError; nothing is stored then.
    """
    require_enterprise()
    credentials = _Credentials(api_key.strip(), api_secret.strip())
    base_url = base_url.strip().rstrip("/") or DEFAULT_BASE_URL
    account = _try_credentials(base_url, credentials)

    def store(session: Session) -> Connection:
        return _store(session, name, base_url, credentials, account, actor_id)

    connection = _retry_once(store)
    _count_trial_call(connection)
    _poll_at_once(connection.id, actor_id)
    _sync_best_effort(connection)
    with reading() as session:
        return get_connection(session, connection.id)


def connected_message(connection: Connection) -> str:
    """Return what the page says after connecting.

    A connection that polled before goes on by itself, unless it is paused or lacks routing.
    """
    is_stopped = is_paused(connection.paused_at, connection.paused_until, clock.utcnow())
    is_running = connection.polling_started_at is not None and not is_stopped
    if is_running and not missing_settings(connection):
        return (
            f'Connected to Huntress account "{connection.account_name}". Polling goes on where it '
            "stopped."
        )
    return (
        f'Connected to Huntress account "{connection.account_name}". Complete the routing '
        "configuration below to start ticket creation."
    )


def replace_credentials(
    connection_id: int, api_key: str, api_secret: str, actor_id: int | None = None
) -> Connection:
    """Give a connection new credentials of the same account, tried before they are stored.

    This also connects a disconnected connection again. Where polling was started and is not paused,
    a poll is asked for. Raises OtherAccountError for credentials of
    another account, FieldError, ConnectError, NotFoundError, EditionError; the stored credentials
    then stay as they were.
    """
    require_enterprise()
    credentials = _Credentials(api_key.strip(), api_secret.strip())
    with reading() as session:
        connection = get_connection(session, connection_id)
    account = _try_credentials(connection.base_url, credentials)
    if account.account_id != connection.account_id:
        raise OtherAccountError(account.name, connection)
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        _fill(session, connection, credentials, account)
        _record(session, connection, "connection.credentials_replaced", actor_id)
    _count_trial_call(connection)
    _poll_at_once(connection.id, actor_id)
    return connection


def disconnect_account(connection_id: int, actor_id: int | None = None) -> Connection:
    """Delete the credentials and stop polling; everything else of the connection stays.

    Tickets, mappings, routing, cursor and history are kept. Disconnecting twice changes nothing.
    Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        _forget(session, connection)
        if connection.disconnected_at is None:
            connection.disconnected_at = clock.utcnow()
            connection.disconnected_by_id = actor_id
            connection.disconnect_acknowledged_at = None
            connection.disconnect_acknowledged_by_id = None
            _record(session, connection, "connection.disconnected", actor_id)
        return connection


def acknowledge_disconnect(connection_id: int, actor_id: int) -> Connection:
    """Note that somebody knows that the account is disconnected, so that nothing recalls it.

    The first acknowledgement counts. Raises RefusedError where the account is connected,
    NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.disconnected_at is None:
            raise RefusedError(f"{connection.name} is connected; there is nothing to acknowledge.")
        if connection.disconnect_acknowledged_at is None:
            connection.disconnect_acknowledged_at = clock.utcnow()
            connection.disconnect_acknowledged_by_id = actor_id
            _record(session, connection, "connection.disconnect_acknowledged", actor_id)
        return connection


def forget_credentials(connection_id: int, actor_id: int | None = None) -> Connection:
    """Delete the stored key and secret; a poll that is running stops.

    The account stays connected, and polling goes on as soon as credentials are entered again.
    Forgetting twice changes nothing. Raises NotFoundError, EditionError.
    """
    require_enterprise()
    with transaction() as session:
        connection = get_connection(session, connection_id, lock=True)
        if connection.api_key is not None or connection.api_secret is not None:
            _forget(session, connection)
            _record(session, connection, "connection.credentials_forgotten", actor_id)
        return connection


def _forget(session: Session, connection: Connection) -> None:
    connection.api_key = connection.api_secret = None
    connection.poll_requested_at = None  # but a due sweep stays due: see poll_connection
    if connection.lease_token is not None:
        _stop_poll(session, connection, connection.lease_token)


def _stop_poll(session: Session, connection: Connection, token: str) -> None:
    """Take the lease away, so that the running poll stops at its next write.

    Once the account is connected again, a sweep follows.
    """
    connection.lease_token = None
    connection.is_walk_cut_off = True
    mark_interrupted(session, token)


def _try_credentials(base_url: str, credentials: _Credentials) -> _Account:
    """Return the account that the credentials belong to; raises ConnectError with what is wrong."""
    try:
        client = open_trial_client(
            base_url=base_url,
            api_key=credentials.key,
            api_secret=credentials.secret,
            config=current_config(),
        )
        with closing(client):
            return _parse_account(client.get_account())
    except HuntressError as error:
        sentence = explain_trial(error, base_url, is_default=base_url == DEFAULT_BASE_URL)
        raise ConnectError(sentence, is_about_base_url=is_about_base_url(error)) from error


def _parse_account(raw: Mapping[str, Any]) -> _Account:
    account_id = parse_id(raw.get("id"))
    if account_id is None:
        raise ConnectError("Huntress's answer does not say which account this is.")
    name = clean_line(raw.get("name"), NAME_LENGTH) or f"Huntress account {account_id}"
    return _Account(account_id, name, clean_line(raw.get("subdomain"), 100))


def _retry_once(store: Callable[[Session], Connection]) -> Connection:
    """Store the connection; try again if somebody connected the same account at the same moment.

    The second try finds that connection and updates it.
    """
    try:
        with transaction() as session:
            return store(session)
    except IntegrityError:
        with transaction() as session:
            return store(session)


def _store(
    session: Session,
    name: str,
    base_url: str,
    credentials: _Credentials,
    account: _Account,
    actor_id: int | None,
) -> Connection:
    known = select(Connection).where(Connection.account_id == account.account_id)
    connection = session.scalar(known.with_for_update().execution_options(populate_existing=True))
    action = "connection.created" if connection is None else "connection.reconnected"
    if connection is None:
        connection = Connection(
            provider="huntress", account_id=account.account_id, created_at=clock.utcnow()
        )
        session.add(connection)
    given = clean_line(name, NAME_LENGTH)
    connection.name = given or connection.name or account.name
    connection.base_url = base_url
    _fill(session, connection, credentials, account)
    session.flush()
    _record(session, connection, action, actor_id)
    return connection


def _fill(
    session: Session, connection: Connection, credentials: _Credentials, account: _Account
) -> None:
    """Take over the credentials and the account's names, and clear the last error."""
    connection.api_key = credentials.key
    connection.api_secret = credentials.secret
    connection.account_name = account.name
    connection.subdomain = account.subdomain
    connection.last_error = connection.last_error_at = None
    if connection.connected_at is None or connection.disconnected_at is not None:
        connection.connected_at = clock.utcnow()
        connection.disconnected_at = connection.disconnected_by_id = None
        connection.disconnect_acknowledged_at = None
        connection.disconnect_acknowledged_by_id = None
    rows = session.execute(select(Priority.id, Priority.name).order_by(Priority.position))
    by_severity = prefill_priorities((row.id, row.name) for row in rows)
    for severity, priority_id in by_severity.items():
        if getattr(connection, PRIORITY_COLUMNS[severity]) is None:
            setattr(connection, PRIORITY_COLUMNS[severity], priority_id)


def _poll_at_once(connection_id: int, actor_id: int | None) -> None:
    """Ask for a poll of a connection that was started; paused or without routing, it waits."""
    with reading() as session:
        is_started = get_connection(session, connection_id).polling_started_at is not None
    if is_started:
        with suppress(PollRefusedError):
            request_poll(connection_id, actor_id=actor_id)


def _count_trial_call(connection: Connection) -> None:
    """Enter the trial call, which was made without a reservation, in the account's call window."""
    ledger = DatabaseLedger(connection.id, current_config().huntress_calls_per_minute)
    ledger.record("GET", "/v1/account", clock.utcnow(), status=200, rows=1)


def _sync_best_effort(connection: Connection) -> None:
    try:
        client = open_client(
            connection,
            current_config(),
            on_wait=refuse_long_waits,
            timeout=INTERACTIVE_TIMEOUT_SECONDS,
        )
        with closing(client):
            sync_organizations(connection.id, client)
    except HuntressError as error:
        logger.warning("First organization sync of connection %s: %s", connection.id, error)


def _record(session: Session, connection: Connection, action: str, actor_id: int | None) -> None:
    record_event(
        session,
        action=action,
        subject_type="connection",
        subject_id=connection.id,
        after={
            "name": connection.name,
            "base_url": connection.base_url,
            "account_id": connection.account_id,
            "account_name": connection.account_name,
            "api_key": connection.api_key,
            "api_secret": connection.api_secret,
        },
        actor_id=actor_id,
    )
