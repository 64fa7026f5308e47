"""A poll in words: what it is doing, and what came of it."""

from collections.abc import Mapping

PHASES = {
    "walking": "Collecting incident reports",
    "processing": "Turning reports into tickets",
    "details": "Fetching host details",
    "sweeping": "Looking at all open incidents",
    "checking": "Checking incidents that are not listed as open",
}
PAGED = frozenset({"walking", "sweeping"})
"""Phases that count pages; how many there will be is not known."""


def phase_words(phase: str | None) -> str:
    """What a phase is called on the page; one without words is shown as it is."""
    if not phase:
        return "Starting"
    return PHASES.get(phase, phase.replace("_", " ").capitalize())


def progress_words(phase: str | None, done: int, total: int | None) -> str:
    """How far a phase is: `40 of 1,200`, `page 3`, or nothing where that is not known yet."""
    if total:
        return f"{min(done, total):,} of {total:,}"
    if not done:
        return ""
    return f"page {done:,}" if phase in PAGED else f"{done:,}"


def count_words(counts: Mapping[str, int]) -> str:
    """`12 collected, 9 tickets created, 3 updated`, with the rest where there is any."""
    created = counts["created"]
    words = [
        f"{counts['collected']:,} collected",
        f"{created:,} {'ticket' if created == 1 else 'tickets'} created",
        f"{counts['noted']:,} updated",
    ]
    rest = ("closed", "reopened", "failed", "quarantined")
    words += [f"{counts[name]:,} {name}" for name in rest if counts[name]]
    if counts["missed_open"]:
        words.append(f"{counts['missed_open']:,} opened and closed between polls")
    return ", ".join(words)
