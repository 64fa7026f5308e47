"""Whether stored secrets can still be read with the configured keys, as a check and a warning."""

import logging
from collections.abc import Iterable, Sequence

from webapp.crypto import Why
from webapp.services.keys.verify_values import UnreadableValue, find_unreadable
from webapp.services.transactions import reading

UNREADABLE_HINT = (
    "Restore the keys these were stored with (TRIAGEDESK_ENCRYPTION_KEYS), or enter the affected"
    " credentials again in the browser: connections under Integrations → Huntress, targets and the"
    " mail server under Notifications, contact methods under Preferences."
)
MISPLACED_HINT = (
    "It is not used. Find out who writes to the database besides Triagedesk, then enter it again."
)

logger = logging.getLogger(__name__)


def warn_of_unreadable_secrets() -> None:
    """Log a warning if an encrypted column holds a value that cannot be read.

    Everything starts all the same: only the affected connections are not polled, and the affected
    targets are paused (all mail targets, if it is the mail password).
    """
    with reading() as session:
        unreadable = find_unreadable(session)
    if names := columns_without_key(unreadable):
        logger.warning(
            "The configured keys cannot decrypt %s. %s", ", ".join(names), UNREADABLE_HINT
        )
    if misplaced := describe_misplaced(unreadable):
        logger.warning("%s. %s", misplaced, MISPLACED_HINT)


def columns_without_key(unreadable: Iterable[UnreadableValue]) -> list[str]:
    """The labels of the columns with values that no configured key fits, each once."""
    lacking = (value.place.label for value in unreadable if value.why is Why.NO_KEY)
    return list(dict.fromkeys(lacking))


def describe_misplaced(unreadable: Sequence[UnreadableValue]) -> str:
    """What is the matter with values that a key fits, and that are not their place's own."""
    misplaced = [value.sentence() for value in unreadable if value.why is Why.NOT_ITS_OWN]
    return "; ".join(misplaced)
