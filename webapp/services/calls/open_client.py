"""Opening Huntress clients with credentials, call window and clock; the only way to get one."""

from collections.abc import Callable
from typing import Protocol

from webapp import clock
from webapp.config import Config
from webapp.crypto import UnreadableText
from webapp.domain.polling_health import UNREADABLE_CREDENTIALS
from webapp.huntress.budget import SLICE_SECONDS, CallBudget, CallLedger, MemoryLedger
from webapp.huntress.client import HuntressClient
from webapp.huntress.errors import ErrorKind, HuntressError
from webapp.services.calls.call_window import DatabaseLedger
from webapp.services.errors import RefusedError

OnWait = Callable[[float, str], None]

INTERACTIVE_TIMEOUT_SECONDS = 10.0
"""The timeout of calls that a person waits for in a browser; other calls have 30 s."""

_LONGEST_INTERACTIVE_WAIT_SECONDS = 10.0


class ApiAccess(Protocol):
    """The attributes of a connection that are needed to call its account."""

    @property
    def id(self) -> int: ...
    @property
    def base_url(self) -> str: ...
    @property
    def api_key(self) -> str | None: ...
    @property
    def api_secret(self) -> str | None: ...


class MissingCredentialsError(RefusedError):
    """The connection holds no API key or secret, for example because it was disconnected."""

    def __init__(self) -> None:
        super().__init__(
            "Missing Huntress API credentials: enter a key and secret for this connection."
        )


class UnreadableCredentialsError(MissingCredentialsError):
    """No configured encryption key fits the stored key or secret."""

    def __init__(self) -> None:
        RefusedError.__init__(self, UNREADABLE_CREDENTIALS)


def require_credentials(connection: ApiAccess) -> tuple[str, str]:
    """Return the connection's key and secret.

    Raises MissingCredentialsError, and UnreadableCredentialsError where only the encryption key
    is missing.
    """
    key, secret = connection.api_key, connection.api_secret
    if isinstance(key, UnreadableText) or isinstance(secret, UnreadableText):
        raise UnreadableCredentialsError
    if not (key and secret):
        raise MissingCredentialsError
    return key, secret


def open_client(
    connection: ApiAccess,
    config: Config,
    *,
    on_wait: OnWait | None = None,
    timeout: float = 30.0,
) -> HuntressClient:
    """Return a client for `connection` that keeps to the account's shared call window.

    The caller must close it after use and must never call it inside a transaction. `CallBudget`
    says what `on_wait` is for. Raises MissingCredentialsError (as `require_credentials`), and
    HuntressError(HOST_NOT_ALLOWED)
    for a base URL that is not allowed.
    """
    api_key, api_secret = require_credentials(connection)
    ledger = DatabaseLedger(connection.id, config.huntress_calls_per_minute)
    return HuntressClient(
        base_url=connection.base_url,
        api_key=api_key,
        api_secret=api_secret,
        budget=_budget(ledger, on_wait, slice_seconds=_slice_seconds(config)),
        allowed_hosts=config.huntress_hosts,
        timeout=timeout,
    )


def open_trial_client(
    *, base_url: str, api_key: str, api_secret: str, config: Config
) -> HuntressClient:
    """Return a client for credentials that are not stored yet; it does not wait longer than 10 s.

    Raises HuntressError(HOST_NOT_ALLOWED) for a base URL that is not allowed.
    """
    return HuntressClient(
        base_url=base_url,
        api_key=api_key,
        api_secret=api_secret,
        budget=_budget(MemoryLedger(config.huntress_calls_per_minute), refuse_long_waits),
        allowed_hosts=config.huntress_hosts,
        timeout=INTERACTIVE_TIMEOUT_SECONDS,
    )


def refuse_long_waits(seconds_left: float, reason: str) -> None:
    """Give up a wait of more than 10 seconds; an `on_wait` for calls that a person waits for.

    Raises HuntressError(RATE_LIMITED).
    """
    if seconds_left > _LONGEST_INTERACTIVE_WAIT_SECONDS:
        raise HuntressError(ErrorKind.RATE_LIMITED)


def _slice_seconds(config: Config) -> float:
    """Return how long one slice of a wait may last.

    A lease is renewed before each slice and must outlast it by far.
    """
    return min(SLICE_SECONDS, config.lease_seconds / 3)


def _budget(
    ledger: CallLedger, on_wait: OnWait | None, *, slice_seconds: float = SLICE_SECONDS
) -> CallBudget:
    return CallBudget(
        ledger,
        clock=clock.utcnow,
        sleep=clock.sleep,
        on_wait=on_wait,
        slice_seconds=slice_seconds,
    )
