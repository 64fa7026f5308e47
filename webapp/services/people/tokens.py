"""Random tokens, and the hashes that are stored in their place."""

import base64
import hmac
import secrets
from hashlib import sha256

from webapp.extensions import current_config

CODE_BYTES = 16
REFERENCE_BYTES = 8


def make_token() -> str:
    """A random token (256 bits) for a cookie."""
    return secrets.token_urlsafe(32)


def make_code() -> str:
    """A random token (128 bits) that a person may have to type: lower-case letters and digits."""
    return _base32(CODE_BYTES)


def make_reference() -> str:
    """A random name (64 bits) for a session or device in lists and events; it opens nothing."""
    return _base32(REFERENCE_BYTES)


def hash_code(typed: str) -> str:
    """The hash to store for a code of make_code(), regardless of its spaces and case."""
    return hash_token("".join(typed.split()).lower())


def hash_token(token: str) -> str:
    """The hash to store for a random token: its SHA-256, as 64 hexadecimal digits."""
    return sha256(token.encode("utf-8", "replace")).hexdigest()


def hash_cookie(token: str) -> str:
    """The hash to store for a cookie's token: its HMAC-SHA-256 under the secret key.

    Another secret key makes every cookie worthless, as does a copy of the database without it.
    Raises RuntimeError in a part without pages, which has no secret key.
    """
    key = current_config().secret_key.encode()
    if not key:
        raise RuntimeError("this part has no secret key")
    return hmac.new(key, token.encode("utf-8", "replace"), sha256).hexdigest()


def _base32(size: int) -> str:
    return base64.b32encode(secrets.token_bytes(size)).decode().strip("=").lower()
