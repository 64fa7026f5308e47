"""The vocabulary of security events: their names, their words, and which of them are failures.

Everything else in the audit log is a change that a person or the system has made; its words are in
`webapp/web/operations/audit_words.py`.
"""

from collections.abc import Mapping
from enum import StrEnum

SESSION_BEGUN = "session.begun"
SESSION_ENDED = "session.ended"
SESSION_REFUSED = "session.refused"
SESSION_THROTTLED = "session.throttled"
PRESENCE_SHOWN = "presence.shown"
PRESENCE_REFUSED = "presence.refused"
ACCESS_REFUSED = "access.refused"
GLASS_BROKEN = "user.glass_broken"
PASSKEY_REFUSED = "factor.copy_suspected"
TRAIL_VERIFIED = "audit.verified"
TRAIL_BROKEN = "audit.broken"


class EventKind(StrEnum):
    """What people look for in the log; the value stands in addresses."""

    SIGN_INS = "sign-ins"
    REFUSALS = "refusals"
    EXPORTS = "exports"
    ACCOUNTS = "accounts"
    SYSTEM = "system"
    CHANGES = "changes"


KIND_WORDS: Mapping[EventKind, str] = {
    EventKind.SIGN_INS: "Sign-ins and sessions",
    EventKind.REFUSALS: "Failures and refusals",
    EventKind.EXPORTS: "Exports",
    EventKind.ACCOUNTS: "Accounts and factors",
    EventKind.SYSTEM: "Keys, backups, audit log",
    EventKind.CHANGES: "Other changes",
}

GROUPS: Mapping[EventKind, tuple[str, ...]] = {
    EventKind.SIGN_INS: ("session", "presence"),
    EventKind.EXPORTS: ("export",),
    EventKind.ACCOUNTS: ("user", "factor"),
    EventKind.SYSTEM: ("key", "backup", "restore", "audit", "retention"),
}
"""The first words of the actions of each kind. FAILURES are refusals, and changes the rest."""

FAILURES = frozenset(
    {
        SESSION_REFUSED,
        SESSION_THROTTLED,
        PRESENCE_REFUSED,
        ACCESS_REFUSED,
        PASSKEY_REFUSED,
        TRAIL_BROKEN,
        "key.misplaced",
    }
)

FAILED_PROOFS = frozenset({SESSION_REFUSED, PRESENCE_REFUSED, PASSKEY_REFUSED})
"""Failures of somebody who should have shown who they are."""

WORDS: Mapping[str, str] = {
    SESSION_BEGUN: "Signed in",
    SESSION_ENDED: "Ended a session",
    SESSION_REFUSED: "Was refused at the sign-in",
    SESSION_THROTTLED: "Had to wait after failed sign-ins",
    PRESENCE_SHOWN: "Confirmed to be there",
    PRESENCE_REFUSED: "Failed to confirm to be there",
    ACCESS_REFUSED: "Was refused a page",
    "export.tickets": "Exported tickets",
    "export.incidents": "Exported incidents",
    "export.clients": "Exported clients",
    "export.assets": "Exported assets",
    "export.audit": "Exported the audit log",
    "export.mappings": "Exported mappings",
    "export.proofs": "Exported proofs",
    "export.client": "Exported everything about a client",
    "export.person": "Exported everything about a person",
    "factor.added": "Added a second factor",
    PASSKEY_REFUSED: "Refused a passkey that may be a copy",
    "factor.recovery_code_used": "Used a recovery code",
    "factor.recovery_codes_made": "Made recovery codes",
    "factor.removed": "Removed a second factor",
    GLASS_BROKEN: "Used a break-glass account",
    "factor.reset": "Reset somebody's second factors",
    "key.forgotten": "Forgot an encryption key",
    "key.misplaced": "Found a stored secret that is not its place's own",
    "key.missed": "Noticed that an encryption key is gone",
    "key.noticed": "Noticed an encryption key",
    "key.reencrypted": "Encrypted stored secrets anew",
    "key.rotated": "Made a new encryption key",
    "audit.pruned": "Deleted old events of the audit log",
    "audit.redacted": "Erased details of events",
    TRAIL_VERIFIED: "Verified the audit log",
    TRAIL_BROKEN: "Found the audit log tampered with",
}


class Export(StrEnum):
    """What can be exported; the value follows `export.` in the event's action."""

    TICKETS = "tickets"
    INCIDENTS = "incidents"
    CLIENTS = "clients"
    ASSETS = "assets"
    AUDIT = "audit"
    MAPPINGS = "mappings"
    PROOFS = "proofs"
    CLIENT = "client"
    PERSON = "person"

    @property
    def action(self) -> str:
        """The action of the event."""
        return f"export.{self.value}"


def is_failure(action: str) -> bool:
    """Whether an event says that something was refused or failed."""
    return action in FAILURES
