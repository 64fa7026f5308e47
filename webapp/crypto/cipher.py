"""Encrypting and decrypting short texts with the configured keys, each bound to its place.

The stored form is `v2:<key id>:<base64 of nonce and ciphertext>`. What was stored before it is a
Fernet token; those are still read, and no longer written.
"""

import binascii
import logging
import os
import threading
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Sequence
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path

from cryptography.exceptions import InvalidTag
from cryptography.fernet import InvalidToken

from webapp.crypto.key import Key
from webapp.crypto.key_file import Signature, read_keys_in, signature_of

FORM = "v2"
NONCE_BYTES = 12
"""96 random bits (NIST SP 800-38D): a key serves 2**32 values, and a desk has some hundreds."""

logger = logging.getLogger(__name__)


class Why(StrEnum):
    """Why a stored value cannot be read."""

    NO_KEY = "no configured key fits"
    NOT_ITS_OWN = "it was made for another place, or was changed"


class DecryptionError(RuntimeError):
    """A stored value cannot be read; `why` says what is the matter."""

    def __init__(self, why: Why) -> None:
        super().__init__(f"A stored credential cannot be decrypted: {why}.")
        self.why = why


class UnreadableText(str):
    """Stands for a stored value that cannot be read: an empty text, so never used.

    Rows with such a value can be loaded and changed like all others. Only who needs the plain text
    has to tell it from a value that is missing. `why` says what is the matter with it.
    """

    __slots__ = ("why",)
    why: Why

    def __new__(cls, why: Why = Why.NO_KEY) -> "UnreadableText":
        text = super().__new__(cls)
        text.why = why
        return text


@dataclass(frozen=True, slots=True)
class ValuePlace:
    """Where a value is stored: its column's label, such as `connections.api_key`, and its row."""

    label: str
    row: int

    @property
    def seal(self) -> bytes:
        """What is authenticated along with a value, so that it can be read in its place alone."""
        return f"triagedesk {FORM}\0{self.label}\0{self.row}".encode()

    def __str__(self) -> str:
        return f"{self.label} of row {self.row}"


class Cipher:
    """The configured keys at work. All methods may be called by several threads."""

    def __init__(self) -> None:
        self._keys: tuple[Key, ...] = ()
        self._file: Path | None = None
        self._seen: Signature | None = None
        self._lock = threading.Lock()

    def configure(self, keys: Sequence[str], file: Path | None = None) -> None:
        """Use `keys` (newest first) from now on.

        With the `file` they stand in, other keys are taken over as soon as it is replaced: before
        something is encrypted, and when a value turns up that none of the known ones fits.
        """
        with self._lock:
            self._keys = tuple(Key(key) for key in keys)
            self._file, self._seen = file, None

    @property
    def key_ids(self) -> tuple[str, ...]:
        """The names of the keys, newest first."""
        self._look_again()
        return tuple(key.id for key in self._require())

    def encrypt(self, text: str, place: ValuePlace) -> str:
        """Return `text` encrypted with the newest key, to be read at `place` alone."""
        self._look_again()
        newest = self._require()[0]
        nonce = os.urandom(NONCE_BYTES)
        sealed = nonce + newest.gcm.encrypt(nonce, text.encode(), place.seal)
        return f"{FORM}:{newest.id}:{urlsafe_b64encode(sealed).decode()}"

    def decrypt(self, stored: str, place: ValuePlace) -> str:
        """Return the text of what is stored at `place`; raises DecryptionError."""
        return self.open(stored, place)[0]

    def open(self, stored: str, place: ValuePlace) -> tuple[str, str]:
        """Return the text of what is stored at `place`, and the id of its key.

        Raises DecryptionError.
        """
        try:
            return self._open(stored, place)
        except DecryptionError as error:
            if error.why is not Why.NO_KEY or not self._look_again():
                raise
        return self._open(stored, place)

    def is_up_to_date(self, stored: str) -> bool:
        """Whether a stored value has today's form and the newest key."""
        self._look_again()
        return stored.startswith(f"{FORM}:{self._require()[0].id}:")

    def _open(self, stored: str, place: ValuePlace) -> tuple[str, str]:
        if not is_of_today(stored):
            return self._open_fernet(stored)
        _, used, encoded = stored.split(":", 2)
        fitting = [key for key in self._require() if key.id == used]
        if not fitting:
            raise DecryptionError(Why.NO_KEY)
        try:
            sealed = urlsafe_b64decode(encoded)
            nonce, rest = sealed[:NONCE_BYTES], sealed[NONCE_BYTES:]
            return fitting[0].gcm.decrypt(nonce, rest, place.seal).decode(), used
        except (InvalidTag, binascii.Error, ValueError) as error:
            raise DecryptionError(Why.NOT_ITS_OWN) from error

    def _open_fernet(self, stored: str) -> tuple[str, str]:
        for key in self._require():
            try:
                return key.fernet.decrypt(stored.encode()).decode(), key.id
            except InvalidToken:
                continue
        raise DecryptionError(Why.NO_KEY)

    def _require(self) -> tuple[Key, ...]:
        if not self._keys:
            raise RuntimeError("encryption keys are not configured")
        return self._keys

    def _look_again(self) -> bool:
        """Take over the keys of a file that was replaced; returns whether there are others now.

        A file that is gone or cannot be used changes nothing: what is known still serves.
        """
        if self._file is None or (seen := signature_of(self._file)) in (None, self._seen):
            return False
        with self._lock:
            self._seen = seen
            try:
                keys = tuple(Key(text) for text in read_keys_in(self._file))
            except (OSError, ValueError) as error:
                logger.warning("The changed key file cannot be used: %s", type(error).__name__)
                return False
            are_others = [key.id for key in keys] != [key.id for key in self._keys]
            self._keys = keys
        return are_others


def is_of_today(stored: str) -> bool:
    """Whether a stored value has the form with a key id; otherwise it is a Fernet token."""
    return stored.startswith(f"{FORM}:") and stored.count(":") == 2


cipher = Cipher()
