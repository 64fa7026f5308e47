"""The chain of hashes behind the audit log, and the text that is hashed.

Anybody can compute a hash again: it is the SHA-256 of one line of text, which names the hash before
and everything about one event. The line is JSON in ASCII, an array without blanks. Details enter by
a digest of their own, made with a random salt: once an event's details and the salt are erased, the
chain still holds and tells nothing of them. docs/audit.md shows the steps by hand.
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256

FORMAT = "triagedesk-audit-1"
NO_HASH = "0" * 64
"""What the first link names as the hash before it."""


@dataclass(frozen=True, slots=True)
class ChainEnd:
    """The last link so far: its position, counted from 1, and its hash; 0 where there is none."""

    position: int = 0
    hash: str = NO_HASH


@dataclass(frozen=True, slots=True)
class LinkedEvent:
    """What a link says of an event besides its details; `happened_at` is in UTC."""

    id: int
    happened_at: datetime
    actor_id: int | None
    action: str
    subject_type: str
    subject_id: str | None
    address: str | None
    session_ref: str | None
    device_ref: str | None


def link_text(
    before: ChainEnd, event: LinkedEvent, details_digest: str, chained_at: datetime
) -> str:
    """Return the line whose SHA-256 is the hash of the link after `before`."""
    return _json(
        [
            FORMAT,
            before.position + 1,
            before.hash,
            moment_text(chained_at),
            event.id,
            moment_text(event.happened_at),
            event.actor_id,
            event.action,
            event.subject_type,
            event.subject_id,
            event.address,
            event.session_ref,
            event.device_ref,
            details_digest,
        ]
    )


def digest_details(
    salt: str, before: Mapping[str, object] | None, after: Mapping[str, object] | None
) -> str:
    """Return the SHA-256 of salt and details, in hexadecimal digits."""
    return hash_text(_json([salt, before, after]))


def hash_text(text: str) -> str:
    """Return the SHA-256 of a text in hexadecimal digits."""
    return sha256(text.encode("ascii")).hexdigest()


def moment_text(moment: datetime) -> str:
    """Return a time as the chain writes it: in UTC, with microseconds, ended by Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ")


def _json(values: list[object]) -> str:
    return json.dumps(values, ensure_ascii=True, sort_keys=True, separators=(",", ":"))
