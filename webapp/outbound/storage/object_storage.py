"""Storage that speaks S3: files are put into a bucket, listed, read back and removed.

Its address is the admin's own, from the environment, and often one of the local network: it does
not go through the guard of messages. The library is loaded when a backup is made: most processes
never do.
"""

import ssl
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path
from typing import IO, Any, Protocol

import urllib3

CONNECT_SECONDS = 10
ANSWER_SECONDS = 120
TRIES = 4
BACKOFF_SECONDS = 0.5
PART_BYTES = 16 * 1024 * 1024
"""A large file goes in parts of this size, one after the other: so much of it is in memory."""

_MEANINGS = {
    "AccessDenied": "its access key may not do that",
    "InvalidAccessKeyId": "it does not know the access key",
    "SignatureDoesNotMatch": "the secret key is wrong",
    "NoSuchBucket": "it has no such bucket",
    "NoSuchKey": "it has no such file",
    "AuthorizationHeaderMalformed": "it is in another region",
    "RequestTimeTooSkewed": "this machine's clock is wrong",
}


class StorageError(Exception):
    """The storage did not do what was asked; the text is a sentence without any secret."""


@dataclass(frozen=True, slots=True)
class Bucket:
    """A place in a storage: its server (`https://host`), bucket, prefix and credentials."""

    server: str
    bucket: str
    prefix: str
    access_key: str
    secret_key: str
    region: str | None = None
    ca_file: str | None = None

    def key_of(self, name: str) -> str:
        """Return what the file `name` is called in the bucket."""
        return f"{self.prefix}/{name}" if self.prefix else name


@dataclass(frozen=True, slots=True)
class StoredObject:
    """A file in a bucket: its name without the prefix, and its bytes."""

    name: str
    size: int


class Readable(Protocol):
    """What is read from a bucket."""

    def read(self, size: int, /) -> bytes:
        """Return at most `size` bytes; none at the end."""


class _Beating:
    """A file that says that it is being read."""

    def __init__(self, file: IO[bytes], beat: Callable[[], object]) -> None:
        self._file = file
        self._beat = beat

    def read(self, size: int = -1) -> bytes:
        self._beat()
        return self._file.read(size)


def put_file(place: Bucket, name: str, file: Path, beat: Callable[[], object]) -> None:
    """Store a file; it appears in the bucket complete or not at all. Raises StorageError."""
    with _explained(place), file.open("rb") as source:
        _client(place).put_object(
            place.bucket,
            place.key_of(name),
            _Beating(source, beat),
            file.stat().st_size,
            part_size=PART_BYTES,
            num_parallel_uploads=1,
        )


@contextmanager
def opened_file(place: Bucket, name: str) -> Iterator[Readable]:
    """Read a file back piece by piece; raises StorageError."""
    with _explained(place):
        answer = _client(place).get_object(place.bucket, place.key_of(name))
        try:
            yield answer
        finally:
            answer.close()
            answer.release_conn()


def list_objects(place: Bucket) -> list[StoredObject]:
    """Return the files directly below the prefix; raises StorageError."""
    prefix = place.key_of("")
    with _explained(place):
        found = list(_client(place).list_objects(place.bucket, prefix=prefix))
    return [
        StoredObject(one.object_name.removeprefix(prefix), one.size or 0)
        for one in found
        if not one.is_dir
    ]


def remove_file(place: Bucket, name: str) -> None:
    """Remove a file; one that is not there is none the worse. Raises StorageError."""
    with _explained(place):
        _client(place).remove_object(place.bucket, place.key_of(name))


def _client(place: Bucket) -> Any:
    scheme, _, endpoint = place.server.partition("://")
    context = ssl.create_default_context()
    if place.ca_file:
        context.load_verify_locations(place.ca_file)
    pool = urllib3.PoolManager(
        timeout=urllib3.Timeout(connect=CONNECT_SECONDS, read=ANSWER_SECONDS),
        retries=urllib3.Retry(
            total=TRIES, backoff_factor=BACKOFF_SECONDS, status_forcelist=(500, 502, 503)
        ),
        ssl_context=context,
    )
    return import_module("minio").Minio(
        endpoint=endpoint,
        access_key=place.access_key,
        secret_key=place.secret_key,
        secure=scheme == "https",
        region=place.region,
        http_client=pool,
    )


@contextmanager
def _explained(place: Bucket) -> Iterator[None]:
    """Raise StorageError, with a sentence, for whatever the library and the network raise."""
    where = f"{place.server}/{place.bucket}"
    errors = import_module("minio.error")
    try:
        yield
    except errors.S3Error as error:
        why = _MEANINGS.get(error.code, f"it answered {error.code}")
        raise StorageError(f"{where}: {why}.") from error
    except errors.MinioException as error:
        raise StorageError(f"{where}: it does not speak S3 ({type(error).__name__}).") from error
    except urllib3.exceptions.HTTPError as error:
        raise StorageError(f"{where} {_unreached_words(error)}.") from error
    except ValueError as error:  # what the library cannot take as an address or a name
        raise StorageError(f"{where} is not a place for files ({error}).") from error


def _unreached_words(error: urllib3.exceptions.HTTPError) -> str:
    reason = getattr(error, "reason", None) or error
    if isinstance(reason, urllib3.exceptions.SSLError):
        return (
            "has a certificate that is not trusted; TRIAGEDESK_OUTBOUND_CA_FILE can name a file"
            " with its authority"
        )
    return f"cannot be reached ({type(reason).__name__})"
