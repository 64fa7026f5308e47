"""Reading a Huntress incident report into an `Incident`.

`parse_incident` takes any JSON value. A field that is missing, null, of the wrong type or absurdly
large becomes None or empty, so that an incident is never lost because of one malformed field.
"""

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from webapp.domain.untrusted import (
    clean_line,
    clean_text,
    cut,
    parse_count,
    parse_id,
    parse_time,
    prune,
)

MAX_REMEDIATIONS = 50
MAX_ALL_REMEDIATIONS = 500
MAX_REMEDIATIONS_TEXT = 300_000
_REMEDIATION_FIELDS = ("id", "type", "action", "status", "parameters")
MAX_PARAMETERS = 50
MAX_INDICATORS = 50
WORD_LENGTH = 60
CLOSED_STATUSES = frozenset({"closed", "dismissed", "partner_dismissed"})
DELETING = "deleting"
DRAFT = "draft"
"""The SOC still works on the incident and has not sent it."""

DELETED = "deleted"
"""Our own status, recorded when Huntress answers 404 for an incident that was open."""


class Severity(StrEnum):
    """Huntress's severities. Any other word is UNKNOWN and ranks with high."""

    LOW = "low"
    HIGH = "high"
    CRITICAL = "critical"
    UNKNOWN = "unknown"

    @property
    def rank(self) -> int:
        """The rank for comparing: low < high = unknown < critical."""
        return {Severity.LOW: 0, Severity.CRITICAL: 2}.get(self, 1)

    @classmethod
    def of(cls, word: str | None) -> "Severity":
        """Return the severity that `word` names, ignoring case; UNKNOWN for any other word."""
        try:
            return cls((word or "").strip().lower())
        except ValueError:
            return cls.UNKNOWN


@dataclass(frozen=True, slots=True)
class Remediation:
    """One step that Huntress proposes or took; `parameters` are cleaned lines to show."""

    id: str | None
    type: str | None
    action: str | None
    status: str | None
    parameters: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Remediations:
    """The first remediations of an incident; `total` is how many it has."""

    items: tuple[Remediation, ...] = ()
    total: int = 0
    has_more: bool = False


@dataclass(frozen=True, slots=True)
class Incident:
    """An incident report with cleaned values; times are aware and in UTC.

    `id` is None where the report has no usable one. `raw_status` and `raw_severity` are Huntress's
    words as it wrote them, `status` and `severity_word` the same in lower case; `severity` is what
    `severity_word` means to us.
    """

    id: str | None
    account_id: str | None = None
    organization_id: str | None = None
    agent_id: str | None = None
    subject: str | None = None
    summary: str | None = None
    body: str | None = None
    severity_word: str | None = None
    status: str | None = None
    platform: str | None = None
    indicators: tuple[tuple[str, int | None], ...] = ()
    remediations: Remediations = Remediations()
    sent_at: datetime | None = None
    closed_at: datetime | None = None
    status_updated_at: datetime | None = None
    updated_at: datetime | None = None
    raw_severity: str | None = None
    raw_status: str | None = None

    @property
    def severity(self) -> Severity:
        """The severity this incident counts as."""
        return Severity.of(self.severity_word)

    @property
    def is_closed(self) -> bool:
        """Whether Huntress has closed the incident; an unknown status counts as open."""
        return is_closed_status(self.status)

    @property
    def is_deleting(self) -> bool:
        """Whether Huntress is about to delete the incident."""
        return self.status == DELETING

    @property
    def is_draft(self) -> bool:
        """Whether the SOC still works on the incident and has not sent it."""
        return self.status == DRAFT

    @property
    def needs_work(self) -> bool:
        """Whether Huntress has sent the incident and it is open; an unknown status counts as so."""
        return not (self.is_closed or self.is_deleting or self.is_draft)


def is_closed_status(status: str | None) -> bool:
    """Whether `status` is one of Huntress's closed statuses."""
    return status in CLOSED_STATUSES


def parse_incident(raw: object) -> Incident:
    """Read an incident report out of any JSON value; never raises."""
    if not isinstance(raw, Mapping):
        return Incident(id=None)
    raw_severity = clean_line(raw.get("severity"), WORD_LENGTH)
    raw_status = clean_line(raw.get("status"), WORD_LENGTH)
    return Incident(
        id=parse_id(raw.get("id")),
        account_id=parse_id(raw.get("account_id")),
        organization_id=parse_id(raw.get("organization_id")),
        agent_id=parse_id(raw.get("agent_id")),
        subject=clean_line(raw.get("subject")),
        summary=clean_text(raw.get("summary")),
        body=clean_text(raw.get("body")),
        severity_word=parse_word(raw_severity),
        status=parse_word(raw_status),
        platform=clean_line(raw.get("platform"), WORD_LENGTH),
        indicators=_parse_indicators(raw.get("indicator_types"), raw.get("indicator_counts")),
        remediations=_parse_remediations(raw.get("remediations")),
        sent_at=parse_time(raw.get("sent_at")),
        closed_at=parse_time(raw.get("closed_at")),
        status_updated_at=parse_time(raw.get("status_updated_at")),
        updated_at=parse_time(raw.get("updated_at")),
        raw_severity=raw_severity,
        raw_status=raw_status,
    )


def parse_incident_text(text: str) -> Incident:
    """Read an incident report that was kept as JSON text (see `raw_text`)."""
    return parse_incident(json.loads(text))


def status_of_report(raw: Mapping[str, Any]) -> str | None:
    """Return the status of a report as `parse_incident` would, without reading the rest."""
    return parse_word(clean_line(raw.get("status"), WORD_LENGTH))


def raw_text(raw: object) -> str:
    """Return the report as ASCII JSON text, which any database can store without change."""
    return json.dumps(raw, sort_keys=True, ensure_ascii=True, separators=(",", ":"))


def content_hash(raw: object) -> str:
    """Return the SHA-256 of a report's content without its `updated_at`."""
    if isinstance(raw, Mapping):
        raw = {key: value for key, value in raw.items() if key != "updated_at"}
    return hashlib.sha256(raw_text(raw).encode()).hexdigest()


def incident_key(raw: object, hashed: str) -> str:
    """Return a report's key: its id, or without an id `sha256:` and the hash of its content."""
    external_id = parse_id(raw.get("id")) if isinstance(raw, Mapping) else None
    return external_id or f"sha256:{hashed}"


_IDS = ("id", "organization_id")
_KEPT_OF_EXCLUDED = (
    *_IDS,
    "severity",
    "status",
    "sent_at",
    "closed_at",
    "status_updated_at",
    "updated_at",
)


def is_recorded_open(status: str | None) -> bool:
    """Whether an incident recorded with `status` is open; deleted incidents are not."""
    return status not in CLOSED_STATUSES and status != DELETED


def reduce_excluded(raw: object) -> dict[str, Any]:
    """Return the part of an excluded organization's report that may be kept.

    That part is its ids, severity, status and times.
    """
    if not isinstance(raw, Mapping):
        return {}
    return {key: _scalar(key, raw[key]) for key in _KEPT_OF_EXCLUDED if key in raw}


def _scalar(key: str, value: object) -> object:
    """Keep only short plain values, because an object in place of a status could hold content.

    An id that cannot be used stays unusable: cleaned, it could be that of another incident.
    """
    if isinstance(value, str):
        return parse_id(value) or (None if key in _IDS else clean_line(value, WORD_LENGTH))
    return value if isinstance(value, int | float) else None


def parse_word(word: str | None) -> str | None:
    """Return a cleaned word of Huntress in the form that decisions go by: in lower case."""
    return cut(word.lower(), WORD_LENGTH) if word else None  # lower() can make a text longer


def _parse_indicators(types: object, counts: object) -> tuple[tuple[str, int | None], ...]:
    known = counts if isinstance(counts, Mapping) else {}
    listed = types if isinstance(types, list) else sorted(known)
    names: dict[str, int | None] = {}
    for entry in listed[:MAX_INDICATORS]:
        name = clean_line(entry, WORD_LENGTH)
        if name and isinstance(entry, str):
            names.setdefault(name, parse_count(known.get(entry)))
    return tuple(names.items())


def with_all_remediations(incident: Incident, text: str | None) -> Incident:
    """Return `incident` with the remediations of `text` as well, which was fetched on its own.

    `text` is from `remediations_text`. What the report itself says of a remediation is newer.
    Without a text the incident is returned as it is.
    """
    if not text:
        return incident
    own = incident.remediations
    newer = {item.id: item for item in own.items if item.id}
    fetched = _parse_remediations(json.loads(text), MAX_ALL_REMEDIATIONS)
    items = [newer.pop(item.id, item) if item.id else item for item in fetched.items]
    items += newer.values()
    total = max(own.total, fetched.total, len(items))
    merged = Remediations(tuple(items), total, has_more=total > len(items))
    return replace(incident, remediations=merged)


def remediations_text(rows: Sequence[object]) -> str:
    """Return fetched remediations as JSON text of at most MAX_REMEDIATIONS_TEXT characters.

    Only the fields that are read are kept, of at most MAX_ALL_REMEDIATIONS rows.
    """
    kept: list[dict[str, object]] = []
    room = MAX_REMEDIATIONS_TEXT
    for row in rows[:MAX_ALL_REMEDIATIONS]:
        fields = row if isinstance(row, Mapping) else {}
        one = {key: prune(fields[key]) for key in _REMEDIATION_FIELDS if key in fields}
        room -= len(raw_text(one))
        if room < 0:
            break
        kept.append(one)
    return raw_text({"items": kept, "total_count": len(rows)})


def _parse_remediations(value: object, limit: int = MAX_REMEDIATIONS) -> Remediations:
    holder = value if isinstance(value, Mapping) else {"items": value}
    listed = holder.get("items")
    rows = listed if isinstance(listed, list) else []
    items = tuple(_parse_remediation(row) for row in rows[:limit])
    total = max(parse_count(holder.get("total_count")) or 0, len(rows))
    return Remediations(items, total, has_more=holder.get("has_more") is True or total > len(items))


def _parse_remediation(row: object) -> Remediation:
    if not isinstance(row, Mapping):
        return Remediation(id=None, type=None, action=clean_line(row), status=None)
    return Remediation(
        id=parse_id(row.get("id")),
        type=clean_line(row.get("type"), WORD_LENGTH),
        action=clean_line(row.get("action")),
        status=clean_line(row.get("status"), WORD_LENGTH),
        parameters=_parse_parameters(row.get("parameters")),
    )


def _parse_parameters(value: object) -> tuple[str, ...]:
    """Read a remediation's parameters, which are a list of objects, a string, or missing."""
    entries = value if isinstance(value, list) else [value]
    lines = (_parse_parameter(entry) for entry in entries[:MAX_PARAMETERS])
    return tuple(line for line in lines if line)


def _parse_parameter(entry: object) -> str | None:
    if isinstance(entry, Mapping):
        return clean_line(entry.get("description")) or clean_line(entry.get("name"))
    return clean_line(entry)
