"""Where backups go: a directory, storage that speaks S3, or both."""

import re
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Protocol

from webapp.config import BackupSettings, StorageSettings
from webapp.outbound.storage import object_storage
from webapp.outbound.storage.object_storage import Bucket, StorageError
from webapp.services.errors import NotFoundError
from webapp.services.recovery.age_stream import ByteSource
from webapp.services.recovery.scratch import BackupError, describing_disk
from webapp.services.recovery.tar_stream import PIECE
from webapp.services.recovery.write_backup import copy_file, new_file

_NAME = re.compile(r"triagedesk-(\d{8}T\d{6})Z-[0-9a-f]{6}\.tar\.gz\.age", re.ASCII)
_TIME = "%Y%m%dT%H%M%S"


@dataclass(frozen=True, slots=True)
class StoredBackup:
    """A file in a place, by its name that tells when it was made (UTC)."""

    place: str
    name: str
    size: int
    taken_at: datetime

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "place": self.place,
            "name": self.name,
            "bytes": self.size,
            "taken_at": self.taken_at.isoformat(),
        }


class BackupPlace(Protocol):
    """A place for backups; whatever fails raises BackupError with a sentence."""

    @property
    def words(self) -> str:
        """What people call it, and what tells it from other places."""

    def store(self, file: Path, name: str, beat: Callable[[], object]) -> None:
        """Put a file there under a new name; it appears complete or not at all."""

    def opened(self, name: str) -> AbstractContextManager[ByteSource]:
        """Read a file back."""

    def list_names(self) -> dict[str, int]:
        """Return the files that are there, with their bytes."""

    def remove(self, name: str) -> None:
        """Remove a file; one that is gone is no error."""


@dataclass(frozen=True, slots=True)
class DirectoryPlace:
    """A directory of this machine, or one that is mounted; it is not made here."""

    folder: Path

    @property
    def words(self) -> str:
        """Its path."""
        return str(self.folder)

    def store(self, file: Path, name: str, beat: Callable[[], object]) -> None:
        """Copy the file; a directory that is missing is a disk that is not mounted."""
        if not self.folder.is_dir():
            raise BackupError(f"{self.folder} is not there. Create it, or mount what it is on.")
        copy_file(file, self.folder / name, beat)

    @contextmanager
    def opened(self, name: str) -> Iterator[ByteSource]:
        """Open the file."""
        with describing_disk(self.folder), (self.folder / name).open("rb") as file:
            yield file

    def list_names(self) -> dict[str, int]:
        """Return the files that are there, with their bytes."""
        with describing_disk(self.folder):
            return {one.name: one.stat().st_size for one in self.folder.iterdir() if one.is_file()}

    def remove(self, name: str) -> None:
        """Delete the file."""
        with describing_disk(self.folder):
            (self.folder / name).unlink(missing_ok=True)


@dataclass(frozen=True, slots=True)
class StoragePlace:
    """A bucket of a storage that speaks S3."""

    settings: StorageSettings
    bucket: Bucket

    @property
    def words(self) -> str:
        """Its address."""
        return str(self.settings)

    def store(self, file: Path, name: str, beat: Callable[[], object]) -> None:
        """Upload the file."""
        with _as_refusal():
            object_storage.put_file(self.bucket, name, file, beat)

    @contextmanager
    def opened(self, name: str) -> Iterator[ByteSource]:
        """Download the file piece by piece."""
        with _as_refusal(), object_storage.opened_file(self.bucket, name) as source:
            yield source

    def list_names(self) -> dict[str, int]:
        """Return the files that are there, with their bytes."""
        with _as_refusal():
            return {one.name: one.size for one in object_storage.list_objects(self.bucket)}

    def remove(self, name: str) -> None:
        """Remove the file."""
        with _as_refusal():
            object_storage.remove_file(self.bucket, name)


@contextmanager
def _as_refusal() -> Iterator[None]:
    try:
        yield
    except StorageError as error:
        raise BackupError(str(error)) from error


def configured_places(settings: BackupSettings) -> list[BackupPlace]:
    """Return the places that are configured, the directory first."""
    places: list[BackupPlace] = []
    if settings.directory is not None:
        places.append(DirectoryPlace(settings.directory))
    if settings.storage is not None:
        places.append(StoragePlace(settings.storage, _bucket(settings.storage)))
    return places


def _bucket(storage: StorageSettings) -> Bucket:
    return Bucket(
        server=storage.server,
        bucket=storage.bucket,
        prefix=storage.prefix,
        access_key=storage.access_key,
        secret_key=storage.secret_key,
        region=storage.region,
        ca_file=storage.ca_file,
    )


def backup_name(at: datetime, mark: str) -> str:
    """Return the name of a backup that begins at `at` (UTC); `mark` are six hexadecimal digits."""
    return f"triagedesk-{at.astimezone(UTC).strftime(_TIME)}Z-{mark}.tar.gz.age"


def time_of_name(name: str) -> datetime | None:
    """Return when a backup of this name began (UTC); None for a file of another name."""
    match = _NAME.fullmatch(name)
    try:
        return datetime.strptime(match[1], _TIME).replace(tzinfo=UTC) if match else None
    except ValueError:
        return None


def list_files(settings: BackupSettings) -> list[StoredBackup]:
    """Return the backups in the configured places, the newest first; raises BackupError."""
    found = [
        StoredBackup(place.words, name, size, taken_at)
        for place in configured_places(settings)
        for name, size in place.list_names().items()
        if (taken_at := time_of_name(name)) is not None
    ]
    return sorted(found, key=lambda one: (one.taken_at, one.name), reverse=True)


def fetch_file(settings: BackupSettings, name: str, file: Path) -> int:
    """Copy a backup from the first place that has it to a new file; return its bytes.

    Raises BackupError, and NotFoundError where no place has it.
    """
    for place in configured_places(settings):
        if time_of_name(name) is not None and name in place.list_names():
            with place.opened(name) as source, new_file(file) as target:
                while piece := source.read(PIECE):
                    target.write(piece)
                return target.tell()
    raise NotFoundError(f"No configured place has a backup {name}; `backup list` shows them.")
