"""What a restore changes in what was restored: ticket numbers, and what is said of pauses."""

from datetime import UTC, datetime, timedelta

from webapp.domain.markdown_text import escape_line

LEAST_GAP = 100_000
"""Numbers cost nothing, and a burst of tickets since the backup is no rate that was seen before."""

ROUND = 1000
CAUTION = 3
"""So many times the tickets that the last weeks' rate lets expect."""

RATE_DAYS = 28


def raise_number(
    last: int, *, created_lately: int, taken_at: datetime, restored_at: datetime
) -> int:
    """Return the ticket number after which numbers go on, a whole thousand.

    `last` is the last number in the backup and `created_lately` how many tickets were created in
    the RATE_DAYS before it. Numbers that were given out between the two times (UTC) are left free
    generously, so that no number stands for two tickets.
    """
    away = max(restored_at - taken_at, timedelta(0)) / timedelta(days=1)
    expected = created_lately / RATE_DAYS * away
    gap = max(LEAST_GAP, round(CAUTION * expected))
    return -(-(last + gap) // ROUND) * ROUND


def full_moment(at: datetime) -> str:
    """Return a time in words, such as `Tuesday 02:00 UTC (3 November 2026)`."""
    at = at.astimezone(UTC)
    return f"{at:%A %H:%M} UTC ({at.day} {at:%B %Y})"


def pause_words(taken_at: datetime, reason_before: str | None = None) -> str:
    """Return the reason of the pause after a restore; a pause of before keeps its own as well."""
    words = f"Restored from {full_moment(taken_at)}: look, then resume."
    return f"{words} It was paused before: {reason_before}" if reason_before else words


def outside_note(taken_at: datetime, restored_at: datetime, incident: str) -> str:
    """Return the note of a ticket whose incident may have had one before the restore."""
    return (
        f"Triagedesk was restored on {full_moment(restored_at)} from a backup of"
        f" {full_moment(taken_at)}. A ticket for this incident may have existed here in between:"
        " in mails, messages and other systems it has an earlier number. Look there for incident"
        f" {escape_line(incident)}."
    )
