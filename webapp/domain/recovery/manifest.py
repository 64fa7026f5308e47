"""The manifest of a backup: what is in it, in a form that later versions can read, too."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any

from webapp.domain.untrusted import parse_moment

FORMAT = 1
"""It grows when an older version could not restore such a backup any more."""

MANIFEST = "manifest.json"
SQLITE_MEMBER = "database.sqlite3"
POSTGRESQL_MEMBER = "database.pgdump"
SECRET_KEY_MEMBER = "keys/secret.key"  # noqa: S105 - a file's name
ENCRYPTION_KEYS_MEMBER = "keys/encryption.keys"
CONFIGURATION_MEMBER = "configuration.json"
DATABASE_MEMBERS = {"sqlite": SQLITE_MEMBER, "postgresql": POSTGRESQL_MEMBER}
MOST_MANIFEST_BYTES = 1_000_000

_WORD = re.compile(r"[\w.+ ()-]{1,100}", re.ASCII)


class ManifestError(ValueError):
    """A manifest cannot be used; the message says why, in words for people."""


@dataclass(frozen=True, slots=True)
class Member:
    """A file of the backup: its bytes, and its SHA-256 in hexadecimal."""

    size: int
    sha256: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Manifest:
    """What a backup holds. `schema` is the number of its migration, `counts` the rows by table.

    `taken_at` (UTC) is when the database was as it is in the backup. `key_fingerprints` name the
    keys without telling them. `server_version` is PostgreSQL's, `dump_version` that of its program.
    """

    product_version: str
    schema: str
    database: str
    taken_at: datetime
    counts: Mapping[str, int]
    members: Mapping[str, Member] = field(default_factory=dict)
    key_fingerprints: Mapping[str, list[str]] = field(default_factory=dict)
    server_version: str | None = None
    dump_version: str | None = None

    @property
    def database_size(self) -> int:
        """The bytes of the database, as it is in the backup."""
        return self.members[DATABASE_MEMBERS[self.database]].size

    @property
    def rows(self) -> int:
        """How many rows the database has."""
        return sum(self.counts.values())

    def to_json(self) -> str:
        """Return the document that stands at the beginning of a backup."""
        document = {"format": FORMAT, **asdict(self), "taken_at": self.taken_at.isoformat()}
        return json.dumps(document, indent=2, sort_keys=True)


def parse_manifest(text: str | bytes) -> Manifest:
    """Read a manifest; raises ManifestError if it is none or of a format that is too new."""
    try:
        document = json.loads(text)
        found = document["format"]
    except (ValueError, TypeError, KeyError) as error:
        raise ManifestError("This is not a backup of Triagedesk: it has no manifest.") from error
    if not isinstance(found, int) or found > FORMAT:
        raise ManifestError(
            "A newer version of Triagedesk made this backup, in a form that this one does not know."
            " Install that version first."
        )
    try:
        return _read(document)
    except (ValueError, TypeError, KeyError, AttributeError) as error:
        raise ManifestError("The manifest of the backup is damaged.") from error


def _read(document: Mapping[str, Any]) -> Manifest:
    taken_at = parse_moment(document["taken_at"])
    database = document["database"]
    if taken_at is None or database not in DATABASE_MEMBERS:
        raise ValueError("no time, or no database that is known")
    if DATABASE_MEMBERS[database] not in document["members"]:
        raise ValueError("the database is missing")
    return Manifest(
        product_version=_word(document["product_version"]),
        schema=_word(document["schema"]),
        database=database,
        taken_at=taken_at,
        counts={str(name): _count(number) for name, number in document["counts"].items()},
        members={
            str(name): Member(_count(one["size"]), _word(one["sha256"]))
            for name, one in document["members"].items()
        },
        key_fingerprints={
            str(name): [_word(one) for one in found]
            for name, found in document["key_fingerprints"].items()
        },
        server_version=_word(document.get("server_version") or "") or None,
        dump_version=_word(document.get("dump_version") or "") or None,
    )


def _word(value: object) -> str:
    if value != "" and (not isinstance(value, str) or not _WORD.fullmatch(value)):
        raise ValueError("not a word")
    return str(value)


def _count(value: object) -> int:
    if not isinstance(value, int) or isinstance(value, bool) or value < 0:
        raise ValueError("not a count")
    return value


def compare_counts(wanted: Mapping[str, int], found: Mapping[str, int]) -> list[str]:
    """Return a sentence for each table that does not hold as many rows as it should."""
    return [
        f"{table}: {found.get(table, 0):,} rows instead of {count:,}."
        for table, count in sorted(wanted.items())
        if found.get(table, 0) != count
    ]
