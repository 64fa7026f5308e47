"""The words by which a row of a list tells an incident: what it is and how far it is."""

import re
from collections.abc import Sequence

from webapp.domain.incident import CLOSED_STATUSES, DELETED, DELETING, DRAFT
from webapp.domain.ticket_title import title_parts
from webapp.domain.triage.incident_kinds import KindsInWords, gravest_kind

AUTO_REMEDIATING = "auto_remediating"
_STANDING = re.compile(r"Incident on \S.*")
"""What Huntress calls nearly every incident; the row says where it is beside it."""


def what_words(title: str, kinds: Sequence[str] | None, *, is_edited: bool = False) -> KindsInWords:
    """What a ticket is about: its kinds, or else its title without the standing words.

    A title that a person wrote (`is_edited`) says more than the kinds do.
    """
    short = title_parts(title).short
    found = gravest_kind(kinds or ())
    if found is None or (is_edited and not _STANDING.fullmatch(short)):
        return KindsInWords(short, 0)
    return found


def progress_words(
    status: str | None,
    *,
    total: int | None,
    left: int | None,
    is_isolated: bool | None,
    is_identity: bool = False,
) -> tuple[str, ...]:
    """How far an incident is, such as `("isolated", "8 of 10 steps left")`.

    `status` is the recorded one, in lower case. What Huntress has closed or deleted says only that.
    """
    state = _state_words(status)
    if status in CLOSED_STATUSES or status == DELETED:
        return (state,) if state else ()
    contained = ("disabled" if is_identity else "isolated") if is_isolated else ""
    return tuple(word for word in (contained, state, _steps_words(total, left)) if word)


def _state_words(status: str | None) -> str:
    if status in CLOSED_STATUSES:
        return "closed in Huntress"
    return {
        AUTO_REMEDIATING: "auto-remediating",
        DELETED: "deleted in Huntress",
        DELETING: "being deleted in Huntress",
        DRAFT: "a draft in Huntress",
    }.get(status or "", "")


def _steps_words(total: int | None, left: int | None) -> str:
    if not total or left is None:
        return ""
    if left <= 0:
        return "the only step done" if total == 1 else f"all {total:,} steps done"
    noun = "step" if total == 1 else "steps"
    return f"{left:,} of {total:,} {noun} left"
