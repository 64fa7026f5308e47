"""One key of encrypted columns: what is derived from it, and the name it goes by."""

from base64 import urlsafe_b64decode
from hashlib import sha256

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

KEY_BYTES = 32
ID_LENGTH = 8
_LABEL = b"triagedesk encrypted columns v2"


def generate_key() -> str:
    """A new random key in the form that TRIAGEDESK_ENCRYPTION_KEYS takes: 32 bytes in base64."""
    return Fernet.generate_key().decode()


def key_id(text: str) -> str:
    """The name of a key: the first eight hexadecimal digits of its SHA-256; it betrays nothing.

    Raises ValueError for what is no key.
    """
    return sha256(_bytes_of(text)).hexdigest()[:ID_LENGTH]


class Key:
    """A configured key; raises ValueError for any other text.

    Two things are made of it: the AES-256 key that values are encrypted with (by HKDF with a label,
    RFC 5869), and the Fernet key, as which it read and wrote values before there were key ids.
    """

    __slots__ = ("fernet", "gcm", "id")

    def __init__(self, text: str) -> None:
        derived = HKDF(algorithm=SHA256(), length=KEY_BYTES, salt=None, info=_LABEL)
        self.id = key_id(text)
        self.gcm = AESGCM(derived.derive(_bytes_of(text)))
        self.fernet = Fernet(text)


def _bytes_of(text: str) -> bytes:
    raw = urlsafe_b64decode(text)
    if len(raw) != KEY_BYTES:
        raise ValueError("a key has 32 bytes")
    return raw
