"""Whether a link of the audit chain fits: to the link before it, to its event, to its seal."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta

from webapp.domain.security.chain import (
    ChainEnd,
    LinkedEvent,
    digest_details,
    hash_text,
    link_text,
)

OUT_OF_ORDER = timedelta(hours=1)
"""An event that is older by so much than one before it was added later, or a clock was wrong."""


@dataclass(frozen=True, slots=True)
class StoredLink:
    """A link as it is stored."""

    position: int
    event_id: int
    details_salt: str | None
    details_digest: str
    hash: str
    chained_at: datetime


@dataclass(frozen=True, slots=True)
class StoredEvent:
    """An event as it is stored; `redacted_at` is when its details were erased."""

    linked: LinkedEvent
    before: Mapping[str, object] | None
    after: Mapping[str, object] | None
    redacted_at: datetime | None

    def words(self) -> str:
        """Return for instance "event 12 (user.added on 2026-06-09 at 12:00:00 UTC)"."""
        return f"event {self.linked.id} ({self.linked.action} on {_when(self.linked.happened_at)})"


def find_gap(before: ChainEnd, link: StoredLink) -> str | None:
    """Return a sentence if links are missing between `before` and `link`, else None."""
    missing = link.position - before.position - 1
    if missing == 0:
        return None
    first, last = before.position + 1, link.position - 1
    which = f"Link {first} is" if missing == 1 else f"Links {first} to {last} are"
    return (
        f"{which} missing, before event {link.event_id}, which was chained on"
        f" {_when(link.chained_at)}: events were deleted."
    )


def find_change(before: ChainEnd | None, link: StoredLink, event: StoredEvent | None) -> str | None:
    """Return a sentence if the link fits neither its event nor the link before it, else None.

    `before` is None after a gap: what the link named is not known then.
    """
    if event is None:
        return (
            f"Event {link.event_id} was deleted; link {link.position}, made on"
            f" {_when(link.chained_at)}, belongs to it."
        )
    if (problem := _find_in_details(link, event)) is not None:
        return problem
    if before is None:
        return None
    text = link_text(before, event.linked, link.details_digest, link.chained_at)
    if hash_text(text) == link.hash:
        return None
    return (
        f"Link {link.position} does not fit: {event.words()} was changed, or the link before it,"
        " or one was slipped in."
    )


def is_out_of_order(newest: datetime | None, event: StoredEvent) -> bool:
    """Whether an event says it happened long before one that the chain has already."""
    return newest is not None and newest - event.linked.happened_at > OUT_OF_ORDER


def out_of_order_words(event: StoredEvent) -> str:
    """Return the sentence about an event that is out of order."""
    words = event.words()
    return (
        f"{words[0].upper()}{words[1:]} stands after events that are more than an hour newer: it"
        " was added later, or a clock was wrong."
    )


def _find_in_details(link: StoredLink, event: StoredEvent) -> str | None:
    words = event.words()
    if link.details_salt is None:
        is_erased = event.redacted_at is not None and event.before is None and event.after is None
        return None if is_erased else f"The details of {words} were changed after erasing."
    if digest_details(link.details_salt, event.before, event.after) == link.details_digest:
        return None
    return f"The details of {words} were changed."


def _when(moment: datetime) -> str:
    return f"{moment:%Y-%m-%d at %H:%M:%S} UTC"
