"""Words that say why an incident gets no ticket."""

from webapp.domain.plan import Reason

WORDS = {
    Reason.ALREADY_CLOSED: "already closed in Huntress: recorded without a ticket",
    Reason.BEFORE_BACKFILL: "open, but last changed before the backfill begins: recorded without "
    "a ticket",
    Reason.ORG_OPTED_OUT: "of excluded organizations: recorded without a ticket",
    Reason.NOT_SENT_YET: "not sent yet, the SOC still works on it: ticketed once it is sent",
    Reason.DELETING: "about to be deleted by Huntress: left out",
}


def why_without_ticket(reason: Reason) -> str:
    """The words for a reason; a reason without words is shown by its name."""
    return WORDS.get(reason, reason.value.replace("_", " "))
