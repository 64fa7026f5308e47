"""The audit log: what people changed, written in the same transaction as the change.

Where the person is (address, session, device) is set once for each request, and noted with every
event that is recorded while it is answered.
"""

from collections.abc import Mapping
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from sqlalchemy.orm import Session

from webapp import clock
from webapp.models import AuditEvent

SECRET_FIELDS = frozenset(
    {"api_key", "api_secret", "mail_password", "password", "password_hash", "secrets", "token"}
)
CHANGED = "changed"


@dataclass(frozen=True, slots=True)
class Origin:
    """Where a person is: the address, and the references of their session and of their browser."""

    address: str | None = None
    session_ref: str | None = None
    device_ref: str | None = None


ORIGIN: ContextVar[Origin] = ContextVar("origin", default=Origin())  # noqa: B039 - it is frozen
"""Where the request comes from that is being answered; empty for jobs and commands."""


def record_event(
    session: Session,
    *,
    action: str,
    subject_type: str,
    subject_id: object = None,
    before: Mapping[str, object] | None = None,
    after: Mapping[str, object] | None = None,
    actor_id: int | None = None,
    origin: Origin | None = None,
) -> AuditEvent:
    """Add an event to `session`; it is stored only if the caller's transaction commits.

    Times are written in ISO format. Of a secret field only "changed" is stored, or null if its
    value is empty. `actor_id` is None if the system or a command made the change. The address,
    session and device are those of the request that is being answered, unless `origin` is given.
    """
    origin = origin or ORIGIN.get()
    event = AuditEvent(
        happened_at=clock.utcnow(),
        actor_id=actor_id,
        action=action,
        subject_type=subject_type,
        subject_id=None if subject_id is None else str(subject_id),
        before=_plain(before),
        after=_plain(after),
        address=origin.address,
        session_ref=origin.session_ref,
        device_ref=origin.device_ref,
    )
    session.add(event)
    return event


def changes_between(
    before: Mapping[str, object], after: Mapping[str, object]
) -> tuple[dict[str, object], dict[str, object]]:
    """The fields that differ, with their values before and after; both are empty if none does."""
    names = [name for name in after if before.get(name) != after[name]]
    return {name: before.get(name) for name in names}, {name: after[name] for name in names}


def _plain(values: Mapping[str, object] | None) -> dict[str, Any] | None:
    if values is None:
        return None
    return {name: _value(name, value) for name, value in values.items()}


def _value(name: str, value: object) -> object:
    if name in SECRET_FIELDS:
        return CHANGED if value else None
    if isinstance(value, datetime | date):
        return value.isoformat()
    if isinstance(value, list | tuple):
        return [_value("", item) for item in value]
    if isinstance(value, Mapping):
        return {str(key): _value(str(key), item) for key, item in value.items()}
    return value if value is None or isinstance(value, str | int | float | bool) else str(value)
