"""Files in the age format (age-encryption.org/v1) that a passphrase opens, in constant memory.

The pyrage library does this only for bytes that are in memory as a whole. What is written here can
be opened by `age -d` and by pyrage, and what they write can be opened here; tests hold both against
each other. Source of the format: https://c2sp.org/age.
"""

import base64
import hmac
import re
import secrets
from collections.abc import Callable
from hashlib import sha256
from typing import Protocol

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import ChaCha20Poly1305
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt

from webapp.services.errors import RefusedError

INTRO = b"age-encryption.org/v1\n"
WORK_FACTOR = 17
"""The binary logarithm of scrypt's N: 128 MB and half a second for each guess (OWASP's choice)."""

MOST_WORK = 22
"""As much as `age` itself does; a file that asks for more was made to exhaust memory."""

CHUNK = 64 * 1024
TAG = 16
_SALT, _KEY = 16, 16
_STANZA = re.compile(rb"-> scrypt ([A-Za-z0-9+/]{22}) ([1-9][0-9]?)\n([A-Za-z0-9+/]{43})\n")
_LONGEST_LINE = 200


class ByteSource(Protocol):
    """What bytes are read from."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class Sink(Protocol):
    """What bytes are written to."""

    def write(self, data: bytes, /) -> object:
        """Take all of `data`."""


class AgeFileError(RefusedError):
    """A file cannot be opened; the message says why."""


class WrongPassphraseError(AgeFileError):
    """The passphrase does not fit, or the head of the file is damaged: nobody can tell which."""


def encrypt_with_passphrase(source: ByteSource, sink: Sink, passphrase: str) -> None:
    """Write everything of `source` to `sink`, so that `passphrase` opens it."""
    file_key = secrets.token_bytes(_KEY)
    salt = secrets.token_bytes(_SALT)
    wrapped = ChaCha20Poly1305(_stretch(passphrase, salt, WORK_FACTOR)).encrypt(
        bytes(12), file_key, None
    )
    head = INTRO + b"-> scrypt %s %d\n%s\n---" % (_encode(salt), WORK_FACTOR, _encode(wrapped))
    sink.write(head + b" " + _encode(_seal(file_key, head)) + b"\n")
    nonce = secrets.token_bytes(_SALT)
    sink.write(nonce)
    cipher = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))
    _by_chunks(source, CHUNK, lambda chunk, at: sink.write(cipher.encrypt(at, chunk, None)))


def decrypt_with_passphrase(source: ByteSource, sink: Sink, passphrase: str) -> None:
    """Write what is in an age file to `sink`. Raises AgeFileError, WrongPassphraseError.

    What was written before an error is what was encrypted, but the end of it is missing.
    """
    file_key = _open_head(source, passphrase)
    nonce = _read(source, _SALT)
    if len(nonce) < _SALT:
        raise AgeFileError("The file is cut off.")
    cipher = ChaCha20Poly1305(_derive(file_key, nonce, b"payload"))

    def take(chunk: bytes, at: bytes) -> None:
        try:
            plain = cipher.decrypt(at, chunk, None)
        except InvalidTag as error:
            raise AgeFileError("The file is damaged or cut off.") from error
        if not plain and int.from_bytes(at[:-1], "big"):
            raise AgeFileError("The file is damaged: its last piece is empty.")
        sink.write(plain)

    _by_chunks(source, CHUNK + TAG, take)


def is_for_passphrase(head: bytes) -> bool:
    """Whether a file that begins with `head` (some hundred bytes) is opened by a passphrase."""
    return head.startswith(INTRO + b"-> scrypt ")


def _open_head(source: ByteSource, passphrase: str) -> bytes:
    lines = [_read_line(source) for _ in range(4)]
    if lines[0] != INTRO:
        raise AgeFileError("This is not a file in the age format.")
    stanza = _STANZA.fullmatch(lines[1] + lines[2])
    if stanza is None:
        raise AgeFileError("The head of the file is damaged, or it is not opened by a passphrase.")
    salt, work, wrapped = _decode(stanza[1]), int(stanza[2]), _decode(stanza[3])
    if work > MOST_WORK:
        raise AgeFileError(f"Opening the file would take {2 ** (work - 10)} MB of memory.")
    try:
        key = _stretch(passphrase, salt, work)
        file_key = ChaCha20Poly1305(key).decrypt(bytes(12), wrapped, None)
    except InvalidTag as error:
        raise WrongPassphraseError(
            "The passphrase does not fit this file, or the head of the file is damaged."
        ) from error
    head = b"".join(lines[:3]) + b"---"
    if not hmac.compare_digest(lines[3], b"--- %s\n" % _encode(_seal(file_key, head))):
        raise AgeFileError("The head of the file is damaged.")
    return file_key


def _by_chunks(source: ByteSource, size: int, take: Callable[[bytes, bytes], object]) -> None:
    """Give `take` each chunk with its nonce, which counts the chunks and marks the last one."""
    count, chunk = 0, _read(source, size)
    while True:
        following = _read(source, size) if len(chunk) == size else b""
        take(chunk, count.to_bytes(11, "big") + (b"\0" if following else b"\1"))
        if not following:
            return
        count, chunk = count + 1, following


def _read(source: ByteSource, size: int) -> bytes:
    """Read `size` bytes, or what is left."""
    parts, missing = [], size
    while missing and (part := source.read(missing)):
        parts.append(part)
        missing -= len(part)
    return b"".join(parts)


def _read_line(source: ByteSource) -> bytes:
    line = b""
    while not line.endswith(b"\n") and len(line) < _LONGEST_LINE and (byte := source.read(1)):
        line += byte
    return line


def _stretch(passphrase: str, salt: bytes, work: int) -> bytes:
    label = b"age-encryption.org/v1/scrypt"
    return Scrypt(salt=label + salt, length=32, n=2**work, r=8, p=1).derive(passphrase.encode())


def _derive(file_key: bytes, salt: bytes, info: bytes) -> bytes:
    return HKDF(SHA256(), length=32, salt=salt, info=info).derive(file_key)


def _seal(file_key: bytes, head: bytes) -> bytes:
    return hmac.digest(_derive(file_key, b"", b"header"), head, sha256)


def _encode(data: bytes) -> bytes:
    return base64.b64encode(data).rstrip(b"=")


def _decode(text: bytes) -> bytes:
    """The bytes of base64 without padding, in its one canonical form; raises AgeFileError."""
    data = base64.b64decode(text + b"=" * (-len(text) % 4))
    if _encode(data) != text:
        raise AgeFileError("The head of the file is damaged.")
    return data
