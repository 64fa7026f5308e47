"""Opening a backup: everything in it is unpacked into a scratch place and proven to be whole."""

import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import IO

from webapp.domain.recovery.manifest import (
    CONFIGURATION_MEMBER,
    DATABASE_MEMBERS,
    ENCRYPTION_KEYS_MEMBER,
    MANIFEST,
    MOST_MANIFEST_BYTES,
    SECRET_KEY_MEMBER,
    Manifest,
    ManifestError,
    parse_manifest,
)
from webapp.services.recovery.age_stream import ByteSource
from webapp.services.recovery.encryption import Opener, decrypt
from webapp.services.recovery.scratch import BackupError, describing_disk, open_new
from webapp.services.recovery.tar_stream import ArchiveSink

SMALL_MEMBERS = (SECRET_KEY_MEMBER, ENCRYPTION_KEYS_MEMBER, CONFIGURATION_MEMBER)

NO_BACKUP = "This is not a backup of Triagedesk:"


@dataclass(frozen=True, slots=True)
class OpenedBackup:
    """What was in a backup. `database` is a file in the scratch place, in the clear."""

    manifest: Manifest
    database: Path
    small: Mapping[str, str] = field(repr=False)

    @property
    def secret_key(self) -> str:
        """The key that cookies were signed with."""
        return self.small[SECRET_KEY_MEMBER].strip()

    @property
    def encryption_keys(self) -> list[str]:
        """The keys of encrypted columns, the newest first."""
        return self.small[ENCRYPTION_KEYS_MEMBER].split()


def unpack_backup(
    source: ByteSource,
    opener: Opener,
    folder: Path,
    *,
    accept: Callable[[Manifest], object] = lambda _manifest: None,
    beat: Callable[[], object] = lambda: None,
) -> OpenedBackup:
    """Decrypt and unpack a backup into `folder`, and compare everything with its manifest.

    `accept` may refuse the manifest, which comes first, by raising. `beat` is called every now and
    then. Raises BackupError and AgeFileError; what is in `folder` is worthless then.
    """
    taker = _Taker(folder, accept)
    sink = ArchiveSink(taker, beat)
    with describing_disk(folder):
        try:
            decrypt(source, sink, opener)
            sink.close()
            return taker.finish()
        finally:
            taker.close()


class _Taker:
    """Takes the members of a backup; the database goes to a file, and what is small to memory."""

    def __init__(self, folder: Path, accept: Callable[[Manifest], object]) -> None:
        self._folder = folder
        self._accept = accept
        self._manifest: Manifest | None = None
        self._small: dict[str, bytes] = {}
        self._seen: set[str] = set()
        self._name = ""
        self._digest = hashlib.sha256()
        self._file: IO[bytes] | None = None

    def begin(self, name: str, size: int) -> None:
        if (self._manifest is None) != (name == MANIFEST) or name in self._seen:
            raise BackupError(
                "This is not a backup of Triagedesk: its manifest does not come first."
            )
        expected = self._manifest.members.get(name) if self._manifest else None
        is_small = name in (MANIFEST, *SMALL_MEMBERS)
        if is_small and size > MOST_MANIFEST_BYTES:
            raise BackupError(f"{name} is too large to be part of a backup.")
        if self._manifest is not None and (expected is None or expected.size != size):
            raise BackupError(f"{name} is not what the manifest says.")
        self._name, self._digest = name, hashlib.sha256()
        if is_small:
            self._small[name] = b""
        elif self._manifest is not None and name == DATABASE_MEMBERS[self._manifest.database]:
            self._file = open(open_new(self._folder / name), "wb")  # noqa: SIM115 - closed by end()

    def take(self, data: bytes) -> None:
        self._digest.update(data)
        if self._file is not None:
            self._file.write(data)
        elif self._name in self._small:
            self._small[self._name] += data

    def end(self) -> None:
        self.close()
        self._seen.add(self._name)
        if self._manifest is None:
            self._manifest = _read_manifest(self._small[MANIFEST])
            self._accept(self._manifest)
        elif self._digest.hexdigest() != self._manifest.members[self._name].sha256:
            raise BackupError(f"{self._name} is not what the manifest says.")

    def close(self) -> None:
        file, self._file = self._file, None
        if file is not None:
            file.close()

    def finish(self) -> OpenedBackup:
        manifest = self._manifest
        if manifest is None:
            raise BackupError(f"{NO_BACKUP} it has no manifest.")
        database = DATABASE_MEMBERS[manifest.database]
        missing = {database, *SMALL_MEMBERS, *manifest.members} - self._seen
        if missing:
            raise BackupError(f"The backup lacks {', '.join(sorted(missing))}.")
        texts = {name: data.decode("utf-8", "replace") for name, data in self._small.items()}
        return OpenedBackup(manifest, self._folder / database, texts)


def _read_manifest(text: bytes) -> Manifest:
    try:
        return parse_manifest(text)
    except ManifestError as error:
        raise BackupError(str(error)) from error
