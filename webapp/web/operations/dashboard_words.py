"""What a poll is doing, in words."""

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
