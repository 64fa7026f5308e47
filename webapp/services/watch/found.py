"""One thing that is not well, as it was found."""

from dataclasses import dataclass

from webapp.domain.watch.alarm_kinds import Trouble


@dataclass(frozen=True, slots=True)
class Found:
    """A condition of a kind that holds of `subject` (empty where there is only one)."""

    kind: Trouble
    subject: str
    sentence: str


def subject_of(connection_id: int) -> str:
    """Return how an alarm names a connection."""
    return f"connection:{connection_id}"
