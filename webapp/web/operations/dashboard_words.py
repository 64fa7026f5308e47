"""Words for the progress of a poll."""

PHASES = {
    "walking": "Collecting incident reports",
    "processing": "Turning reports into tickets",
    "details": "Fetching host details",
    "sweeping": "Looking at all open incidents",
    "checking": "Checking incidents that are not listed as open",
}
PAGED = frozenset({"walking", "sweeping"})
"""The phases that count pages; their total is not known."""


def phase_words(phase: str | None) -> str:
    """Words for a phase; a phase without words is shown by its name."""
    if not phase:
        return "Starting"
    return PHASES.get(phase, phase.replace("_", " ").capitalize())


def progress_words(phase: str | None, done: int, total: int | None) -> str:
    """Words for the progress, such as `40 of 1,200` or `page 3`; empty if it is not known."""
    if total:
        return f"{min(done, total):,} of {total:,}"
    if not done:
        return ""
    return f"page {done:,}" if phase in PAGED else f"{done:,}"
