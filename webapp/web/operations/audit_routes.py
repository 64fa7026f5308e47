"""The audit log's pages: what people changed."""

from collections.abc import Iterator
from datetime import datetime
from itertools import islice

from flask import Blueprint, render_template, request
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.csv_text import BYTE_ORDER_MARK, write_csv_line
from webapp.domain.security.events import KIND_WORDS, Export, is_failure
from webapp.services.operations.read_audit import (
    AuditQuery,
    ExportedEvent,
    export_events,
    list_events,
)
from webapp.web.access import admin_only
from webapp.web.csv_files import stream_csv
from webapp.web.operations import audit_words
from webapp.web.operations.audit_filters import AuditLinks, read_query
from webapp.web.person_limits import exporting
from webapp.web.presence import needs_presence
from webapp.web.viewer import require_viewer, zone_of

audit = Blueprint("audit", __name__, url_prefix="/audit")
audit.add_app_template_filter(audit_words.action_words)
audit.add_app_template_filter(audit_words.subject_url)
audit.add_app_template_test(is_failure, "failure")
audit.add_app_template_global(audit_words.changes_of)
audit.add_app_template_global(audit_words.group_pairs)

LINES_AT_ONCE = 200
COLUMNS = (
    *("time (UTC)", "who", "action", "kind", "id", "name", "before", "after"),
    *("failed", "address", "session", "device", "details erased (UTC)", "link", "hash"),
)


@audit.get("")
@admin_only
def show_list() -> ResponseReturnValue:
    """Show the log; the address holds the filters and the page."""
    query = read_query(request.args, zone_of(require_viewer()))
    return render_template(
        "operations/audit.html",
        query=query,
        page=list_events(query),
        links=AuditLinks(request.args),
        values=request.args,
        kinds=[(kind.value, words) for kind, words in KIND_WORDS.items()],
    )


@audit.get("/export")
@admin_only
@exporting
@needs_presence
def export() -> ResponseReturnValue:
    """Send all events that match the filters as a CSV file, while they are read."""
    query = read_query(request.args, zone_of(require_viewer()))
    name = f"audit-log-{clock.utcnow():%Y-%m-%d}.csv"
    return stream_csv(Export.AUDIT, name, _lines(query))


def _lines(query: AuditQuery) -> Iterator[str]:
    yield BYTE_ORDER_MARK + write_csv_line(COLUMNS)
    events = export_events(query)
    while lines := [write_csv_line(_cells(event)) for event in islice(events, LINES_AT_ONCE)]:
        yield "".join(lines)


def _cells(exported: ExportedEvent) -> tuple[str, ...]:
    event = exported.event
    return (
        _moment(event.happened_at),
        exported.actor or "system",
        event.action,
        event.subject_type,
        event.subject_id or "",
        exported.subject or "",
        audit_words.flat(event.before),
        audit_words.flat(event.after),
        "yes" if is_failure(event.action) else "no",
        event.address or "",
        event.session_ref or "",
        event.device_ref or "",
        _moment(event.redacted_at),
        "" if exported.position is None else str(exported.position),
        exported.hash or "",
    )


def _moment(moment: datetime | None) -> str:
    return "" if moment is None else moment.strftime("%Y-%m-%dT%H:%M:%SZ")
