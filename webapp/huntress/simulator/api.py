"""The simulated API without an HTTP server: it turns a path and a query into an answer."""

import itertools
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from webapp.huntress.simulator.account import SimulatedAccount
from webapp.huntress.simulator.listing import (
    DEFAULT_LIMIT,
    MAX_LIMIT,
    BadQueryError,
    PaginationStyle,
    Ties,
    build_page,
    keep_matching,
    next_page_link,
    pagination_block,
    parse_query,
    to_json,
)
from webapp.huntress.simulator.rows import Row, remediation_items, wire_incident

_SEVERITIES = ("low", "high", "critical")
_STATUSES = (
    "sent",
    "closed",
    "dismissed",
    "auto_remediating",
    "deleting",
    "partner_dismissed",
)
_PLATFORMS = ("windows", "darwin", "microsoft_365", "google", "linux", "email_security", "other")
_INDICATORS = (
    "footholds",
    "monitored_files",
    "ransomware_canaries",
    "antivirus_detections",
    "process_detections",
    "managed_identity",
    "mde_detections",
    "siem_detections",
    "favicon_detections",
    "behavioral_detections",
    "email_security_detections",
    "app_control",
    "ai_misuse",
)

# Filters by list; a filter with values answers 400 to any other value, as Huntress documents.
_FILTERS: dict[str, dict[str, tuple[str, ...] | None]] = {
    "organizations": {},
    "agents": {
        "organization_id": None,
        "platform": ("windows", "darwin", "linux"),
        "hostname": None,
        "os": None,
        "version": None,
    },
    "incident_reports": {
        "indicator_type": _INDICATORS,
        "status": _STATUSES,
        "severity": _SEVERITIES,
        "platform": _PLATFORMS,
        "organization_id": None,
        "agent_id": None,
    },
}
# An incident's remediations come all at once unless a limit is asked for.
_ALL_AT_ONCE = "remediations"
_SINGULAR = {
    "organizations": "organization",
    "agents": "agent",
    "incident_reports": "incident_report",
}
_ROUTE = re.compile(
    r"/v1/(?P<list>organizations|agents|incident_reports)"
    r"(?:/(?P<id>[0-9]{1,18})(?P<remediations>/remediations)?)?"
)
_REASONS = {
    400: "Unexpected value",
    401: "Not authenticated",
    403: "No permission",
    404: "Not found",
    405: "Method not allowed",
    429: "Rate limit exceeded",
    500: "Internal server error",
}


@dataclass(frozen=True)
class Answer:
    """One HTTP answer; `headers` are sent besides Date, Content-Type and Content-Length."""

    status: int
    body: bytes
    content_type: str = "application/json; charset=utf-8"
    headers: tuple[tuple[str, str], ...] = ()


class Headers(Protocol):
    """Request headers by name; the case of the name does not matter."""

    def get(self, name: str, /) -> str | None:
        """Return the header's value, or None when it was not sent."""


class ErrorBodies:
    """Builds error answers in turn as JSON, text and HTML, as their bodies are undocumented."""

    def __init__(self) -> None:
        self._turn = itertools.count()

    def build(self, status: int, *headers: tuple[str, str]) -> Answer:
        """Return the error answer for `status`."""
        reason = _REASONS.get(status, "Error")
        shapes = (
            (f'{{"error":{{"code":{status},"message":"{reason}"}}}}', "application/json"),
            (f"{status} {reason}\n", "text/plain; charset=utf-8"),
            (f"<html><body><h1>{status} {reason}</h1></body></html>", "text/html"),
        )
        text, content_type = shapes[next(self._turn) % len(shapes)]
        return Answer(status, text.encode(), content_type, headers)


class SimulatedApi:
    """Answers GET requests from an account. Thread-safe, because it locks the account meanwhile."""

    def __init__(
        self,
        account: SimulatedAccount,
        *,
        pagination_style: PaginationStyle,
        ties: Ties,
        errors: ErrorBodies,
        raw_rows: Callable[[], Sequence[object]],
    ) -> None:
        self._account = account
        self._pagination_style = pagination_style
        self._ties = ties
        self._errors = errors
        self._raw_rows = raw_rows

    def get(self, path: str, query: Mapping[str, str], *, origin: str) -> Answer:
        """Return the answer to a GET of `path`; links to next pages begin with `origin`."""
        with self._account.lock:
            if path == "/v1/account":
                return self._single("account", self._account.account)
            found = _ROUTE.fullmatch(path)
            if found is None:
                return self._errors.build(404)
            try:
                return self._find(found, query, origin + path)
            except BadQueryError:
                return self._errors.build(400)

    def _find(self, found: re.Match[str], query: Mapping[str, str], address: str) -> Answer:
        kind = found["list"]
        if found["id"] is None:
            return self._list(kind, query, address)
        row_id = int(found["id"])
        row = self._row(kind, row_id)
        if row is None or (found["remediations"] and kind != "incident_reports"):
            return self._errors.build(404)
        if found["remediations"]:
            items = remediation_items(row)
            return self._page("remediations", items, {"sort_direction": "asc", **query}, address)
        if kind == "incident_reports" and row_id in self._account.incident_rows:
            row = wire_incident(row)
        return self._single(_SINGULAR[kind], row)

    def _row(self, kind: str, row_id: int) -> Row | None:
        if kind == "organizations":
            known = row_id in self._account.organization_rows
            return self._account.organization(row_id) if known else None
        if kind == "agents":
            return self._account.agent_rows.get(row_id)
        row = self._account.incident_rows.get(row_id)
        return row if row is not None else self._raw_row(row_id)

    def _raw_row(self, row_id: int) -> Row | None:
        for row in self._raw():
            if isinstance(row, dict) and row.get("id") == row_id:
                return row
        return None

    def _raw(self) -> list[object]:
        return [*self._account.raw_rows, *self._raw_rows()]

    def _list(self, kind: str, query: Mapping[str, str], address: str) -> Answer:
        filters = _filters(kind, query)
        if kind == "organizations":
            return self._page(kind, self._account.organizations(), query, address)
        if kind == "agents":
            rows = keep_matching(list(self._account.agent_rows.values()), filters)
            return self._page(kind, rows, query, address)
        rows = keep_matching(list(self._account.incident_rows.values()), filters)
        raw = keep_matching(self._raw(), filters)
        return self._page(kind, rows, query, address, raw)

    def _page(
        self,
        plural: str,
        rows: Sequence[object],
        query: Mapping[str, str],
        address: str,
        raw_rows: Sequence[object] = (),
    ) -> Answer:
        limit = MAX_LIMIT if plural == _ALL_AT_ONCE else DEFAULT_LIMIT
        wanted = parse_query(query, default_limit=limit)
        page = build_page(rows, wanted, raw_rows=raw_rows, ties=self._ties)
        shown = [
            wire_incident(row) if plural == "incident_reports" and isinstance(row, dict) else row
            for row in page.rows
        ]
        answer: dict[str, object] = {plural: [*page.raw_rows, *shown]}
        block = pagination_block(
            page,
            wanted,
            self._pagination_style,
            lambda token: next_page_link(address, query, token),
        )
        if block is not None:
            answer["pagination"] = block
        return Answer(200, to_json(answer))

    def _single(self, name: str, row: Row) -> Answer:
        bare = self._pagination_style == "bare"
        return Answer(200, to_json(row if bare else {name: row}))


def _filters(kind: str, query: Mapping[str, str]) -> dict[str, str]:
    """Return the filters in `query` that this list knows; other parameters are ignored.

    Raises BadQueryError for a value outside a closed list of values.
    """
    chosen = {name: query[name] for name in _FILTERS[kind] if name in query}
    for name, value in chosen.items():
        allowed = _FILTERS[kind][name]
        if allowed is not None and value not in allowed:
            raise BadQueryError(name)
    return chosen
