"""What is known of the provider, kept for an hour in each process."""

from datetime import datetime, timedelta
from threading import Lock

from webapp import clock
from webapp.outbound.identity.discovery import Metadata, discover
from webapp.outbound.identity.provider import IdentityProvider, ProviderError
from webapp.outbound.identity.signing_keys import SigningKey, fetch_keys, keys_for

KEPT = timedelta(hours=1)
FAILURE_KEPT = timedelta(seconds=5)
"""How long a failure is answered again without asking: each try may hold a web thread for long."""


class KnownProvider:
    """The document and the keys of one provider. Only one thread at a time asks it for them."""

    def __init__(self, provider: IdentityProvider) -> None:
        self.provider = provider
        self._lock = Lock()
        self._metadata: tuple[datetime, Metadata] | None = None
        self._keys: tuple[datetime, list[SigningKey]] | None = None
        self._failure: tuple[datetime, ProviderError] | None = None

    def metadata(self) -> Metadata:
        """The provider's document, at most an hour old. Raises ProviderError."""
        with self._lock:
            return self._known_metadata()

    def keys(self, key_id: object) -> list[SigningKey]:
        """The keys with this id. They are fetched again, once, where none has it: keys change.

        Raises ProviderError where they cannot be fetched.
        """
        with self._lock:
            was_known = self._keys is not None and _is_fresh(self._keys[0], KEPT)
            found = keys_for(self._known_keys(), key_id)
            if found or not was_known:
                return found
            self._keys = None
            return keys_for(self._known_keys(), key_id)

    def _known_metadata(self) -> Metadata:
        if self._metadata is not None and _is_fresh(self._metadata[0], KEPT):
            return self._metadata[1]
        if self._failure is not None and _is_fresh(self._failure[0], FAILURE_KEPT):
            raise self._failure[1].with_traceback(None)
        try:
            found = discover(self.provider)
        except ProviderError as error:
            self._failure = clock.utcnow(), error
            raise
        self._metadata, self._failure = (clock.utcnow(), found), None
        return found

    def _known_keys(self) -> list[SigningKey]:
        if self._keys is None or not _is_fresh(self._keys[0], KEPT):
            keys = fetch_keys(self.provider, self._known_metadata().jwks_uri)
            self._keys = clock.utcnow(), keys
        return self._keys[1]


def _is_fresh(at: datetime, age: timedelta) -> bool:
    return clock.utcnow() - at < age
