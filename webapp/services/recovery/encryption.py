"""Who can open a backup: whoever has the passphrase, or the private key of a recipient."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from importlib import import_module
from pathlib import Path
from typing import Any

from webapp.services.recovery.age_stream import (
    AgeFileError,
    ByteSource,
    Sink,
    decrypt_with_passphrase,
    encrypt_with_passphrase,
    is_for_passphrase,
)
from webapp.services.recovery.scratch import BackupError, describing_disk

HEAD = 200
"""So many bytes tell what opens a file."""


@dataclass(frozen=True, slots=True)
class Opener:
    """What opens a backup: a passphrase, or private keys of age (`AGE-SECRET-KEY-1…`)."""

    passphrase: str | None = field(default=None, repr=False)
    identities: tuple[str, ...] = field(default=(), repr=False)


@dataclass(frozen=True, slots=True)
class Sealer:
    """What encrypts a backup: a passphrase, or public keys of age (`age1…`)."""

    passphrase: str | None = field(default=None, repr=False)
    recipients: tuple[str, ...] = ()


def encrypt(source: ByteSource, sink: Sink, sealer: Sealer) -> Opener:
    """Write everything of `source` to `sink`, and return what opens it, to check what was written.

    Nobody here has the recipients' private keys. Therefore the file is encrypted for one more key,
    which is made for this file and forgotten with the answer of this function. Raises BackupError.
    """
    if sealer.passphrase is not None:
        encrypt_with_passphrase(source, sink, sealer.passphrase)
        return Opener(passphrase=sealer.passphrase)
    age = _library()
    own = age.x25519.Identity.generate()
    recipients = [own.to_public(), *(_recipient(age, one) for one in sealer.recipients)]
    age.encrypt_io(source, sink, recipients)
    return Opener(identities=(str(own),))


def decrypt(source: ByteSource, sink: Sink, opener: Opener) -> None:
    """Write what is in an age file to `sink`. Raises BackupError and AgeFileError.

    What was written before an error is what was encrypted, but the end of it is missing.
    """
    head = source.read(HEAD)
    joined = _Joined(head, source)
    if is_for_passphrase(head):
        if opener.passphrase is None:
            raise AgeFileError("This file is opened by a passphrase: use --passphrase-file.")
        decrypt_with_passphrase(joined, sink, opener.passphrase)
    elif not opener.identities and head.startswith(b"age-encryption.org/v1\n"):
        raise AgeFileError("This file is opened by a private key: use --identity.")
    else:
        _decrypt_with_identities(joined, sink, opener.identities)


def _decrypt_with_identities(source: ByteSource, sink: Sink, identities: Sequence[str]) -> None:
    age = _library()
    try:
        age.decrypt_io(source, sink, [_identity(age, one) for one in identities])
    except age.DecryptError as error:
        if "No matching" in str(error):
            words = "None of the private keys opens this file, or its head is damaged."
        else:
            words = "This is not a file in the age format, or its head is damaged."
        raise AgeFileError(words) from error
    except OSError as error:  # the library's own: what our files raise has a number
        if error.errno is not None:
            raise
        raise AgeFileError("The file is damaged or cut off.") from error


def read_passphrase(path: Path) -> str:
    """Return the first line of a file, without its end; raises BackupError."""
    lines = _read_text(path).splitlines()
    if not lines or not lines[0].strip():
        raise BackupError(f"{path} holds no passphrase.")
    return lines[0].strip()


def read_identities(path: Path) -> tuple[str, ...]:
    """Return the private keys in a file as `age-keygen` writes it; raises BackupError."""
    lines = (line.strip() for line in _read_text(path).splitlines())
    found = tuple(line for line in lines if line and not line.startswith("#"))
    if not found:
        raise BackupError(f"{path} holds no private key of age.")
    age = _library()
    for one in found:
        _identity(age, one)
    return found


def _read_text(path: Path) -> str:
    try:
        with describing_disk(path):
            return path.read_text(encoding="utf-8")
    except UnicodeDecodeError as error:
        raise BackupError(f"{path} is not a text file.") from error


def _identity(age: Any, text: str) -> Any:
    try:
        return age.x25519.Identity.from_str(text)
    except age.IdentityError as error:
        words = "The file of --identity holds something that is no private key of age"
        raise BackupError(f"{words} (AGE-SECRET-KEY-1…).") from error


def _recipient(age: Any, text: str) -> Any:
    try:
        return age.x25519.Recipient.from_str(text)
    except age.RecipientError as error:
        raise BackupError(f"{text} is no public key of age (age1…).") from error


def _library() -> Any:
    """The library, which is loaded when a backup is made or opened: most processes never do."""
    return import_module("pyrage")


class _Joined:
    """What was read already, and then the rest."""

    def __init__(self, head: bytes, rest: ByteSource) -> None:
        self._head = head
        self._rest = rest

    def read(self, size: int, /) -> bytes:
        if not self._head:
            return self._rest.read(size)
        found, self._head = self._head[:size], self._head[size:]
        return found
