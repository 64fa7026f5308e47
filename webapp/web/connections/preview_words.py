"""Why an incident becomes no ticket, in words."""

from webapp.domain.plan import Reason

WORDS = {
    Reason.ALREADY_CLOSED: "already closed in Huntress: recorded without a ticket",
    Reason.BEFORE_BACKFILL: "open, but last changed before the backfill begins: recorded without "
    "a ticket",
    Reason.ORG_OPTED_OUT: "of excluded organizations: recorded without a ticket",
    Reason.DELETING: "about to be deleted by Huntress: left out",
}


def why_without_ticket(reason: Reason) -> str:
    """The words; a reason without any is shown as it is called."""
    return WORDS.get(reason, reason.value.replace("_", " "))
