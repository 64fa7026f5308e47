"""Encryption at rest for columns with credentials: AES-256-GCM, each value bound to its place.

Several keys may be configured. The first one encrypts and all of them decrypt, so that a key can
be replaced while stored credentials stay readable. docs/keys.md is the inventory.
"""

from webapp.crypto.cipher import (
    Cipher,
    DecryptionError,
    UnreadableText,
    ValuePlace,
    Why,
    cipher,
    is_of_today,
)
from webapp.crypto.key import Key, generate_key, key_id
from webapp.crypto.key_file import alone_with, read_keys_in, write_key_file

__all__ = [
    "Cipher",
    "DecryptionError",
    "Key",
    "UnreadableText",
    "ValuePlace",
    "Why",
    "alone_with",
    "cipher",
    "generate_key",
    "is_of_today",
    "key_id",
    "read_keys_in",
    "write_key_file",
]
