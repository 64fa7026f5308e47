"""Words for audit events: what was done, to which row, and which values changed."""

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from flask import current_app, url_for

from webapp.domain.security.events import WORDS as SECURITY_WORDS
from webapp.domain.untrusted import clean_text, cut, parse_moment
from webapp.models import AuditEvent
from webapp.services.operations.audit_names import AuditNames
from webapp.web.params import read_number

ACTIONS = {
    "backup.drilled": "Tried to restore a backup in a scratch place",
    "backup.requested": "Asked for a backup",
    "backup.restored": "Restored a backup",
    "backup.written": "Wrote a backup",
    "client.muted": "Muted a client",
    "client.unmuted": "Ended a client's mute",
    "client.forgetting": "Began to forget a client",
    "client.forgotten": "Forgot a client",
    "connection.created": "Connected an account",
    "connection.credentials_replaced": "Replaced the credentials",
    "connection.credentials_forgotten": "Deleted the credentials",
    "connection.disconnect_acknowledged": "Acknowledged that an account is disconnected",
    "connection.proved": "Compared with everything that Huntress lists",
    "connection.disconnected": "Disconnected an account",
    "connection.reconnected": "Reconnected an account",
    "contact_method.added": "Added a contact method",
    "contact_method.changed": "Chose what a contact method tells",
    "contact_method.confirmed": "Confirmed a contact method",
    "contact_method.deleted": "Deleted a contact method",
    "contact_method.resumed": "Used a contact method again",
    "drill.scheduled": "Changed how often a drill begins",
    "drill.started": "Started a drill",
    "incidents.ticketed": "Created tickets for recorded incidents",
    "mapping.auto_matched": "Matched an organization by name",
    "mapping.imported": "Imported mappings",
    "mapping.matched_again": "Matched an organization again",
    "mapping.saved": "Saved a mapping",
    "notification_settings.changed": "Changed the settings of messages",
    "on_call.calendar_made": "Made an address of the on-call calendar",
    "on_call.calendar_stopped": "Ended the address of the on-call calendar",
    "on_call.override_added": "Put somebody on call",
    "on_call.override_ended": "Ended an on-call override",
    "on_call.rotation_removed": "Deleted the on-call rotation",
    "on_call.rotation_set": "Set the on-call rotation",
    "organizations.synced": "Synced organizations",
    "outbox.resent": "Sent failed messages again",
    "policy.disabled": "Switched a policy off",
    "policy.enabled": "Switched a policy on",
    "policy_offer.declined": "Declined the offered policies",
    "policy_offer.taken": "Took the offered policies",
    "portal_link.chosen": "Chose the format of portal links",
    "polling.paused": "Paused polling",
    "polling.resumed": "Resumed polling",
    "polling.started": "Started polling",
    "quarantine.dismissed": "Dismissed a quarantined report",
    "quarantine.retried": "Asked to retry a quarantined report",
    "response_times.changed": "Changed response times",
    "retention.ages_set": "Changed how long records are kept",
    "retention.applied": "Deleted what was too old",
    "restore.released": "Let messages go out after a restore",
    "routing.saved": "Saved the routing",
    "target.added": "Added a target",
    "target.changed": "Changed a target",
    "target.deleted": "Deleted a target",
    "target.old_secret_removed": "Removed a webhook's old secret",
    "target.paused": "Paused a target",
    "target.resumed": "Resumed a target",
    "target.secret_rotated": "Rotated a webhook's secret",
    "ticket.changed": "Changed a ticket",
    "ticket.linked": "Linked a ticket",
    "ticket.file_added": "Added a file to a ticket",
    "ticket.file_removed": "Removed a file from a ticket",
    "ticket.moved": "Moved a ticket to its client",
    "ticket.note_edited": "Edited a note",
    "ticket.noted": "Added a note to a ticket",
    "ticket.returned": "A ticket came back from waiting",
    "ticket.waits": "Let a ticket wait, or ended that",
    "ticket.unlinked": "Removed a link between tickets",
    "ticket.runbook_attached": "Attached a runbook to a ticket",
    "ticket.runbook_removed": "Removed a runbook from a ticket",
    "ticket.step_done": "Ticked a step of a runbook",
    "ticket.step_undone": "Took the tick of a step back",
    "ticket_move.declined": "Left tickets on triage",
    "ticket_prefix.changed": "Changed the ticket prefix",
    "user.activated": "Activated a user",
    "user.added": "Added a user",
    "user.break_glass_set": "Changed who may break the glass",
    "user.deactivated": "Deactivated a user",
    "user.email_changed": "Changed an e-mail address",
    "user.forgetting": "Began to forget a user",
    "user.forgotten": "Forgot a user",
    "user.invited": "Invited a user",
    "user.linked": "Linked an account to the identity provider",
    "user.link_made": "Made a link to choose a password",
    "user.link_withdrawn": "Withdrew a link",
    "user.password_chosen": "Chose a password",
    "user.password_set": "Set a password",
    "user.renamed": "Renamed a user",
    "user.role_kept": "Kept a role, though the provider gives another",
    "user.role_set": "Changed a role",
    "user.signed_out": "Signed a user out everywhere",
    "user.unlinked": "Unlinked an account from the identity provider",
}
_SUBJECT_PAGES = {
    "user": ("users.show", "user_id"),
    "ticket": ("tickets.show", "ticket_id"),
    "connection": ("connections.show", "connection_id"),
    "client": ("clients.show", "client_id"),
    "target": ("notices.show_target", "target_id"),
    "policy": ("notices.show_policy", "policy_id"),
    "asset": ("assets.show", "asset_id"),
    "runbook": ("settings.show_runbook", "runbook_id"),
    "canned_note": ("settings.show_canned_note", "note_id"),
}
SHOWN_VALUE_LENGTH = 300


@dataclass(frozen=True, slots=True)
class Change:
    """One field of an event; `has_before` and `has_after` say which sides name the field."""

    field: str
    before: object
    after: object
    has_before: bool
    has_after: bool


def action_words(action: str) -> str:
    """Words for an action; an action without words of its own gives them by its parts."""
    words = ACTIONS.get(action) or SECURITY_WORDS.get(action)
    if words is not None:
        return words
    subject, _, what = action.replace("_", " ").partition(".")
    if not what or " " in what:
        return f"{subject} {what}".strip().capitalize()
    article = "an" if subject.startswith(tuple("aeio")) else "a"
    return f"{what.capitalize()} {article} {subject}"


def group_pairs(groups: Iterable[str], chosen: str | None) -> list[tuple[str, str]]:
    """The groups of actions as choices of the filter; the chosen group is included."""
    offered = sorted({*groups, *([chosen] if chosen else [])})
    return [(group, group.replace("_", " ").capitalize()) for group in offered]


def changes_of(event: AuditEvent, names: AuditNames) -> list[Change]:
    """The fields that an event mentions, in their order, without those whose values are equal."""
    before, after = event.before or {}, event.after or {}
    fields = dict.fromkeys([*before, *after])
    return [
        Change(
            field=field_words(field),
            before=_readable(field, before.get(field), names),
            after=_readable(field, after.get(field), names),
            has_before=field in before,
            has_after=field in after,
        )
        for field in fields
        if not (field in before and field in after and before[field] == after[field])
    ]


def field_words(field: str) -> str:
    """Words for a field: `fallback_board_id` is `fallback board`, `is_active` is `active`."""
    return field.removesuffix("_id").removeprefix("is_").replace("_", " ")


def subject_url(event: AuditEvent) -> str | None:
    """The address of the page of an event's row, or None."""
    endpoint, argument = _SUBJECT_PAGES.get(event.subject_type, ("", ""))
    subject_id = read_number(event.subject_id)
    if endpoint not in current_app.view_functions or subject_id is None:
        return None
    values: dict[str, Any] = {argument: subject_id}
    return url_for(endpoint, **values)


def flat(values: Mapping[str, object] | None) -> str:
    """The values before or after an event, as the text of one cell."""
    return "" if values is None else json.dumps(values, ensure_ascii=False)


def _readable(field: str, value: object, names: AuditNames) -> object:
    """A value for the page: a time stays a time, shown in the viewer's zone; the rest is text."""
    if value is None:
        return "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    if name := names.of_value(field, value):
        return name
    if isinstance(value, str):
        return _time(value) or _shown(value)
    if isinstance(value, list):
        return _shown(", ".join(map(str, value))) if value else "none"
    if isinstance(value, dict):
        return _shown(json.dumps(value, ensure_ascii=False))
    return f"{value:,}" if isinstance(value, int) and not field.endswith("_id") else str(value)


def _shown(text: str) -> str:
    return cut(clean_text(text) or "(empty)", SHOWN_VALUE_LENGTH)


def _time(text: str) -> datetime | None:
    if len(text) < len("2026-06-09T12:00"):
        return None
    return parse_moment(text)
