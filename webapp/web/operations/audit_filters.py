"""Reading the audit log's address, and making addresses that keep its values."""

from datetime import tzinfo
from typing import Any

from flask import url_for
from werkzeug.datastructures import MultiDict

from webapp.domain.security.events import EventKind
from webapp.domain.untrusted import clean_line
from webapp.models.user import ADDRESS_LENGTH, REFERENCE_LENGTH
from webapp.services.operations.read_audit import SYSTEM, AuditQuery
from webapp.web.params import read_days, read_number

KEPT = ("who", "kind", "what", "type", "id", "address", "session", "from", "to")
WORD_LENGTH = 60


def read_query(values: MultiDict[str, str], zone: tzinfo) -> AuditQuery:
    """Read the address as a query; days are days of the viewer's zone.

    Values that make no sense are left out.
    """
    since, until = read_days(values, zone)
    return AuditQuery(
        actor=_actor(values.get("who")),
        kind=_kind(values.get("kind")),
        address=clean_line(values.get("address"), ADDRESS_LENGTH),
        session_ref=clean_line(values.get("session"), REFERENCE_LENGTH),
        group=clean_line(values.get("what"), WORD_LENGTH),
        subject_type=clean_line(values.get("type"), WORD_LENGTH),
        subject_id=clean_line(values.get("id"), 100),
        since=since,
        until=until,
        after=values.get("after"),
        before=values.get("before"),
    )


class AuditLinks:
    """Links from one view of the log to another."""

    def __init__(self, values: MultiDict[str, str]) -> None:
        self._values = {name: values[name] for name in KEPT if values.get(name)}

    def to(self, **changes: str | int | None) -> str:
        """The address of the same view with `changes`, on its first page; None removes a value."""
        return self._link("audit.show_list", changes)

    def export(self) -> str:
        """The address of a file with everything that this view shows on all its pages."""
        return self._link("audit.export", {})

    def _link(self, endpoint: str, changes: dict[str, Any]) -> str:
        values: dict[str, Any] = {**self._values, **changes}
        return url_for(endpoint, **{name: value for name, value in values.items() if value})


def _kind(text: str | None) -> EventKind | None:
    return next((kind for kind in EventKind if kind.value == text), None)


def _actor(text: str | None) -> int | str | None:
    return SYSTEM if text == SYSTEM else read_number(text)
