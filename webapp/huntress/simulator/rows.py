"""The tables of a simulated Huntress account: organizations, agents, incident reports.

Rows are kept as the API sends them, with one exception: an incident's remediations are kept as the
full list and are cut to the first ten when the incident is sent. All times are UTC with whole
seconds, written `YYYY-MM-DDTHH:MM:SSZ` as Huntress writes them.
"""

import copy
import threading
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

Row = dict[str, Any]

FIRST_ORGANIZATION_ID = 41_001
FIRST_AGENT_ID = 2_510_001
FIRST_INCIDENT_ID = 1_780_001
REMEDIATIONS_INLINE = 10


def iso(moment: datetime) -> str:
    """Return `moment` (aware) as Huntress writes times: UTC, whole seconds, a trailing Z."""
    return moment.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")


def wire_incident(row: Row) -> Row:
    """Return `row` as the API sends it, with only the first ten remediations and their total."""
    items = row.get("remediations")
    if not isinstance(items, list):
        return row
    shown = {
        "total_count": len(items),
        "has_more": len(items) > REMEDIATIONS_INLINE,
        "items": items[:REMEDIATIONS_INLINE],
    }
    return {**row, "remediations": shown}


def remediation_items(row: Row) -> list[object]:
    """Return all remediations of the incident `row`; an empty list where it has no usable list."""
    held = row.get("remediations")
    if isinstance(held, dict):
        held = held.get("items")
    return held if isinstance(held, list) else []


def _written(fields: Row) -> Row:
    """Return `fields` with datetimes turned into text; other values stay, even illegal ones."""
    return {
        name: iso(value) if isinstance(value, datetime) else copy.deepcopy(value)
        for name, value in fields.items()
    }


class Table(dict[int, Row]):
    """Rows by id; new ids always rise, even after rows were deleted or added with a chosen id."""

    def __init__(self, first_id: int) -> None:
        super().__init__()
        self._next_id = first_id

    def free_id(self, wanted: int | None) -> int:
        """Return `wanted`, or without it the next id. Raises ValueError when a row has `wanted`."""
        if wanted is not None and wanted in self:
            raise ValueError(f"id {wanted} is already there")
        chosen = self._next_id if wanted is None else wanted
        self._next_id = max(self._next_id, chosen + 1)
        return chosen

    def store(self, row: Row, fields: Row) -> Row:
        """Keep `row` with `fields` written over it; return a copy."""
        row.update(_written(fields))
        self[_key(row["id"])] = row
        return copy.deepcopy(row)


class AccountRows:
    """Thread-safe in-memory tables behind one re-entrant lock (`lock`).

    Every method that reads returns copies. An unknown id raises KeyError, and an id that is taken
    raises ValueError.
    """

    def __init__(
        self,
        *,
        account_id: int = 30_911,
        name: str = "Tallow & Reed Managed IT",
        subdomain: str = "tallowreed",
        now: datetime,
    ) -> None:
        self.lock = threading.RLock()
        self.account: Row = {
            "id": account_id,
            "name": name,
            "subdomain": subdomain,
            "status": "enabled",
        }
        self.created = now
        self.organization_rows = Table(FIRST_ORGANIZATION_ID)
        self.agent_rows = Table(FIRST_AGENT_ID)
        self.incident_rows = Table(FIRST_INCIDENT_ID)
        self.raw_rows: list[object] = []
        self._next_remediation_id = 5_000_001

    @property
    def account_id(self) -> object:
        return self.account["id"]

    # --- organizations and agents

    def add_organization(self, name: str, *, id: int | None = None, **fields: object) -> Row:
        """Add an organization; `fields` override or add anything. Returns a copy of its row."""
        with self.lock:
            row: Row = {
                "id": self.organization_rows.free_id(id),
                "account_id": self.account_id,
                "name": name,
                "key": "".join(c for c in name.lower() if c.isalnum()) or None,
                "created_at": iso(self.created),
                "updated_at": iso(self.created),
            }
            return self.organization_rows.store(row, fields)

    def organization(self, id: int) -> Row:
        """Return a copy of the organization with its counts, as the API sends it."""
        with self.lock:
            return self._counted([self.organization_rows[id]])[0]

    def organizations(self) -> list[Row]:
        """Return copies of all organizations with their counts, in the order they were added."""
        with self.lock:
            return self._counted(list(self.organization_rows.values()))

    def remove_organization(self, id: int) -> None:
        """Remove the organization; its agents and incidents stay and still name its id."""
        with self.lock:
            del self.organization_rows[id]

    def add_agent(
        self, organization_id: int | None, hostname: str, *, id: int | None = None, **fields: object
    ) -> Row:
        """Add an agent (Windows unless `fields` say otherwise). Returns a copy of its row."""
        with self.lock:
            row: Row = {
                "id": self.agent_rows.free_id(id),
                "organization_id": organization_id,
                "account_id": self.account_id,
                "hostname": hostname,
                "platform": "windows",
                "os": "Windows 11 Pro",
                "ipv4_address": "10.20.0.15",
                "external_ip": "203.0.113.20",
                "serial_number": None,
                "mac_addresses": ["00:00:5e:00:53:01"],
                "domain_name": None,
                "last_callback_at": iso(self.created),
                "tags": [],
                "version": "0.14.124",
                "created_at": iso(self.created),
                "updated_at": iso(self.created),
            }
            return self.agent_rows.store(row, fields)

    def agents(self) -> list[Row]:
        """Return copies of all agents, in the order they were added."""
        with self.lock:
            return copy.deepcopy(list(self.agent_rows.values()))

    def remove_agent(self, id: int) -> None:
        """Remove the agent; its incidents still name its id."""
        with self.lock:
            del self.agent_rows[id]

    # --- incident reports

    def add_incident(
        self,
        organization_id: int | None = None,
        *,
        now: datetime,
        agent_id: int | None = None,
        id: int | None = None,
        **fields: object,
    ) -> Row:
        """Add an open incident sent at `now`; return a copy of its row as the API sends it.

        `fields` override anything, also with illegal values (`updated_at=None`, `severity=[]`).
        `remediations` is the full list; a value that is not a list is sent as it is.
        """
        with self.lock:
            agent = self.agent_rows.get(_key(agent_id), {})
            if organization_id is None and isinstance(agent.get("organization_id"), int):
                organization_id = _key(agent["organization_id"])
            at = iso(now)
            row: Row = {
                "id": self.incident_rows.free_id(id),
                "account_id": self.account_id,
                "organization_id": organization_id,
                "agent_id": agent_id,
                "subject": None,
                "summary": "Huntress detected suspicious activity that needs your attention.",
                "body": None,
                "severity": "high",
                "status": "sent",
                "platform": agent.get("platform", "microsoft_365"),
                "indicator_types": ["footholds" if agent else "managed_identity"],
                "indicator_counts": {"footholds" if agent else "managed_identity": 1},
                "remediations": [],
                "sent_at": at,
                "closed_at": None,
                "status_updated_at": at,
                "created_at": at,
                "updated_at": at,
            }
            row["subject"] = self._subject({**row, **fields})
            return wire_incident(self.incident_rows.store(row, fields))

    def add_raw_incident(self, row: object) -> None:
        """List `row`, which may be any JSON value, before every real incident report."""
        with self.lock:
            self.raw_rows.append(copy.deepcopy(row))

    def update_incident(self, id: int, *, now: datetime, **fields: object) -> None:
        """Change `fields` of the incident; `updated_at` becomes `now` unless `fields` has it."""
        with self.lock:
            row = self.incident_rows[id]
            row["updated_at"] = iso(now)
            if "status" in fields and fields["status"] != row["status"]:
                row["status_updated_at"] = iso(now)
            row.update(_written(fields))

    def close_incident(self, id: int, *, now: datetime, status: str = "closed") -> None:
        """Close the incident at `now` with one of Huntress's closed statuses."""
        self.update_incident(id, now=now, status=status, closed_at=now)

    def reopen_incident(self, id: int, *, now: datetime) -> None:
        """Make the incident `sent` again; it loses its closed time and keeps its sent time."""
        self.update_incident(id, now=now, status="sent", closed_at=None)

    def delete_incident(self, id: int) -> None:
        """Remove the incident from every list; a request for its id gets a 404 from now on."""
        with self.lock:
            del self.incident_rows[id]

    def incident(self, id: int) -> Row:
        """Return a copy of the incident as the API sends it."""
        with self.lock:
            return copy.deepcopy(wire_incident(self.incident_rows[id]))

    def incidents(self) -> list[Row]:
        """Return copies of all real incidents as the API sends them, by ascending id."""
        with self.lock:
            return copy.deepcopy([wire_incident(r) for _, r in sorted(self.incident_rows.items())])

    def remediation_ids(self, count: int) -> Iterator[int]:
        """Return `count` new ids for remediations of this account."""
        with self.lock:
            first = self._next_remediation_id
            self._next_remediation_id += count
        return iter(range(first, first + count))

    def _subject(self, row: Row) -> str:
        agent = self.agent_rows.get(_key(row["agent_id"]), {})
        organization = self.organization_rows.get(_key(row["organization_id"]), {})
        where = agent.get("hostname") or "an identity"
        company = organization.get("name") or "Unknown"
        return f"{str(row['severity']).upper()} - Incident on {where} ({company})"

    def _counted(self, organizations: list[Row]) -> list[Row]:
        agents = Counter(_key(row["organization_id"]) for row in self.agent_rows.values())
        incidents = Counter(_key(row["organization_id"]) for row in self.incident_rows.values())
        return [
            {
                "agents_count": agents[_key(row["id"])],
                "incident_reports_count": incidents[_key(row["id"])],
                **copy.deepcopy(row),
            }
            for row in organizations
        ]


def _key(value: object) -> int:
    return value if isinstance(value, int) else -1
