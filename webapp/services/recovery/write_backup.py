"""Making a backup: a copy of the database, the keys and the configuration in one encrypted file."""

import hashlib
import json
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from fcntl import LOCK_EX, LOCK_NB, flock
from pathlib import Path
from typing import IO

from webapp import clock
from webapp.config import SECRET_KEY_FILE, Config, describe_variables
from webapp.crypto.key_file import read_keys_in
from webapp.domain.recovery.manifest import (
    CONFIGURATION_MEMBER,
    ENCRYPTION_KEYS_MEMBER,
    MANIFEST,
    SECRET_KEY_MEMBER,
    Manifest,
    Member,
)
from webapp.extensions import current_version
from webapp.services.audit import record_event
from webapp.services.recovery.disk_room import leaving_room
from webapp.services.recovery.encryption import Opener, Sealer, encrypt
from webapp.services.recovery.scratch import (
    BackupError,
    describing_disk,
    open_new,
    scratch_place,
    sync_folder,
)
from webapp.services.recovery.snapshot import Snapshot, take_snapshot
from webapp.services.recovery.tar_stream import (
    PIECE,
    ArchiveMember,
    PieceSource,
    write_archive,
)
from webapp.services.transactions import transaction

PARTIAL = ".partial"
FAST, STORED = 1, 0
"""How hard the archive is compressed: pg_dump compresses by itself."""


@dataclass(frozen=True, slots=True)
class MadeFile:
    """A backup that was written: what is in it, its bytes, and what opens it, to check it."""

    manifest: Manifest
    size: int
    opener: Opener


def write_backup(
    config: Config,
    environment: Mapping[str, str],
    file: Path,
    sealer: Sealer,
    *,
    beat: Callable[[], object] = lambda: None,
) -> MadeFile:
    """Write a backup to `file`, which must not exist, while everything runs; raises BackupError.

    The file appears under its name once it is complete; only its owner can read it. `beat` is
    called every now and then. Some room on the disk of the data directory is left to others.
    """
    with scratch_place(config.data_dir) as folder, new_file(file) as target:
        beat = leaving_room(config.data_dir, beat)
        with describing_disk(config.data_dir):
            taken_at = clock.utcnow()
            keys_before = _encryption_keys(config)
            snapshot = take_snapshot(config, folder, beat)
            keys = _Keys(
                _secret_key(config), tuple(dict.fromkeys([*_encryption_keys(config), *keys_before]))
            )
            members = [
                ArchiveMember(snapshot.member, snapshot.file),
                *_small_members(keys, environment),
            ]
            manifest = Manifest(
                product_version=current_version(),
                schema=snapshot.schema,
                database="sqlite" if config.uses_sqlite else "postgresql",
                taken_at=taken_at,
                counts=snapshot.counts,
                members={one.name: _measure(one, beat) for one in members},
                key_fingerprints=keys.fingerprints(),
                server_version=snapshot.server_version,
                dump_version=snapshot.dump_version,
            )
        first = ArchiveMember(MANIFEST, manifest.to_json().encode())
        pieces = write_archive(
            [first, *members], modified_at=taken_at.timestamp(), level=_level(snapshot)
        )
        opener = encrypt(PieceSource(pieces, beat), target, sealer)
        size = target.tell()
    return MadeFile(manifest, size, opener)


def record_written(file: Path, made: MadeFile) -> None:
    """Record in the audit log that somebody wrote a backup by command."""
    after = {"file": file.name, "bytes": made.size, "taken_at": made.manifest.taken_at}
    with transaction() as session:
        record_event(session, action="backup.written", subject_type="backup", after=after)


def _level(snapshot: Snapshot) -> int:
    return FAST if snapshot.dump_version is None else STORED


@dataclass(frozen=True, slots=True)
class _Keys:
    """The keys that go into a backup; there is no secret key where this part has none."""

    secret: str | None = field(repr=False)
    encryption: tuple[str, ...] = field(repr=False)

    def fingerprints(self) -> dict[str, list[str]]:
        return {
            "secret_key": [key_fingerprint(self.secret)] if self.secret else [],
            "encryption_keys": [key_fingerprint(key) for key in self.encryption],
        }


def _encryption_keys(config: Config) -> tuple[str, ...]:
    """The keys as they are now. They are read before and after the database is copied.

    What was added meanwhile may have encrypted what was copied, and so may what was forgotten.
    """
    found: tuple[str, ...] = ()
    if config.encryption_source.path is not None:
        with suppress(OSError):
            found = tuple(key for key in read_keys_in(config.encryption_source.path) if key)
    return found or config.encryption_keys


def _secret_key(config: Config) -> str | None:
    """The secret key, also for a part that was started without it but may read its file."""
    if config.secret_key:
        return config.secret_key
    with suppress(OSError):
        return (config.data_dir / SECRET_KEY_FILE).read_text(encoding="utf-8").strip() or None
    return None


def _small_members(keys: _Keys, environment: Mapping[str, str]) -> list[ArchiveMember]:
    described = json.dumps(describe_variables(environment), indent=2, sort_keys=True)
    texts = {
        SECRET_KEY_MEMBER: keys.secret,
        ENCRYPTION_KEYS_MEMBER: "\n".join(keys.encryption),
        CONFIGURATION_MEMBER: described,
    }
    return [ArchiveMember(name, f"{text}\n".encode()) for name, text in texts.items() if text]


def _measure(member: ArchiveMember, beat: Callable[[], object]) -> Member:
    digest, size = hashlib.sha256(), 0
    for piece in member.pieces():
        digest.update(piece)
        size += len(piece)
        beat()
    return Member(size, digest.hexdigest())


def key_fingerprint(key: str) -> str:
    """Return what names a key without telling it: 16 characters of a digest."""
    return hashlib.sha256(b"triagedesk-key:" + key.encode()).hexdigest()[:16]


@contextmanager
def new_file(file: Path) -> Iterator[IO[bytes]]:
    """Write a new file, mode 0600, that appears under its name complete or not at all.

    Raises BackupError where there is such a file, or another process writes it at this moment.
    """
    partial = file.with_name(file.name + PARTIAL)
    if file.exists():
        raise BackupError(f"There is a file {file} already; backups never overwrite one.")
    with describing_disk(file.parent):
        with suppress(FileExistsError):
            os.close(open_new(partial))
        with partial.open("r+b") as target:
            _hold(target, partial)
            try:
                yield target
                target.flush()
                os.fsync(target.fileno())
                _give_name(partial, file)
            finally:
                partial.unlink(missing_ok=True)
        sync_folder(file.parent)


def _hold(target: IO[bytes], partial: Path) -> None:
    try:
        flock(target.fileno(), LOCK_EX | LOCK_NB)
    except BlockingIOError as error:
        raise BackupError(f"Another process is writing {partial}.") from error
    except OSError:
        pass  # a file system without locks
    target.truncate()
    os.fchmod(target.fileno(), 0o600)


def _give_name(partial: Path, file: Path) -> None:
    """Give the file its name, unless one of that name has appeared meanwhile."""
    try:
        os.link(partial, file)
    except FileExistsError as error:
        raise BackupError(f"A file {file} has appeared meanwhile; it was left alone.") from error
    except OSError:  # a file system without links
        if file.exists():
            raise BackupError(f"A file {file} has appeared meanwhile.") from None
        partial.rename(file)


def copy_file(source: Path, file: Path, beat: Callable[[], object]) -> None:
    """Copy a file to a new one that appears complete or not at all; raises BackupError."""
    with new_file(file) as target, describing_disk(source), source.open("rb") as original:
        while piece := original.read(PIECE):
            target.write(piece)
            beat()
