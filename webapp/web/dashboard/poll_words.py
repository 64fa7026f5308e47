"""A poll in words: what it is doing, and what came of it."""

from collections.abc import Mapping

PHASES = {
    "walking": "Collecting incident reports",
    "collecting": "Collecting incident reports",
    "processing": "Turning reports into tickets",
    "sweeping": "Looking at all open incidents",
    "sweep": "Looking at all open incidents",
    "details": "Filling in host details",
    "enriching": "Filling in host details",
    "organizations": "Synchronizing organizations",
}


def phase_words(phase: str | None) -> str:
    """What a phase is called on the page; one without words is shown as it is."""
    if not phase:
        return "Starting"
    return PHASES.get(phase, phase.replace("_", " ").capitalize())


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
