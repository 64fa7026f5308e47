"""Encryption at rest for columns with credentials.

Several keys may be configured. The first one encrypts and all of them decrypt, so a key can be
replaced while stored credentials stay readable.
"""

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Dialect, Text
from sqlalchemy.types import TypeDecorator


class DecryptionError(RuntimeError):
    """No configured key can decrypt a stored value."""


class Cipher:
    """Encrypts and decrypts short texts with the configured keys."""

    def __init__(self) -> None:
        self._fernet: MultiFernet | None = None

    def configure(self, keys: Sequence[str]) -> None:
        """Use `keys` (Fernet keys, newest first) from now on."""
        self._fernet = MultiFernet([Fernet(key) for key in keys])

    def encrypt(self, text: str) -> str:
        """Return `text` encrypted with the newest key."""
        return self._require().encrypt(text.encode()).decode()

    def decrypt(self, token: str) -> str:
        """Return the text of `token`; raises DecryptionError when no key fits."""
        try:
            return self._require().decrypt(token.encode()).decode()
        except InvalidToken as error:
            raise DecryptionError(
                "A stored credential cannot be decrypted with TRIAGEDESK_ENCRYPTION_KEYS."
            ) from error

    def _require(self) -> MultiFernet:
        if self._fernet is None:
            raise RuntimeError("encryption keys are not configured")
        return self._fernet


cipher = Cipher()


class UnreadableText(str):
    """Stands for a stored value that no configured key fits: an empty text, so never used.

    Rows with such a value can be loaded and changed like all others. Only who needs the plain text
    has to tell it from a value that is missing.
    """

    __slots__ = ()


def generate_key() -> str:
    """A new random key in the form that TRIAGEDESK_ENCRYPTION_KEYS takes."""
    return Fernet.generate_key().decode()


class EncryptedText(TypeDecorator[str]):
    """A text column that is stored encrypted; the plain text exists only in memory."""

    impl = Text
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> str | None:
        return None if value is None else cipher.encrypt(value)

    def process_result_value(self, value: str | None, dialect: Dialect) -> str | None:
        try:
            return None if value is None else cipher.decrypt(value)
        except DecryptionError:
            return UnreadableText()

    def compare_values(self, x: str | None, y: str | None) -> bool:
        """Whether setting `x` where `y` is stored changes nothing.

        The same text is written again, because it may be stored with an older key.
        """
        return x is None and y is None
