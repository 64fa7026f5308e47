"""Why a ticket was closed although Huntress still has something to be done."""

from dataclasses import dataclass
from enum import StrEnum


class CloseReason(StrEnum):
    """The reasons to choose from; tickets keep the word."""

    DONE_IN_PORTAL = "done_in_portal"
    ACCEPTED_RISK = "accepted_risk"
    FALSE_POSITIVE = "false_positive"
    DUPLICATE = "duplicate"
    OTHER = "other"

    @property
    def words(self) -> str:
        """The reason in words, such as `accepted risk`."""
        return self.value.replace("_", " ").replace("portal", "the portal")


@dataclass(frozen=True, slots=True)
class LeftAtHuntress:
    """What Huntress still has to be done for a ticket's incident."""

    is_open: bool = False
    steps_left: int = 0
    steps_total: int = 0

    @property
    def asks(self) -> bool:
        """Whether closing the ticket needs a reason."""
        return self.is_open or self.steps_left > 0

    @property
    def words(self) -> str:
        """What is left, such as `the incident is open at Huntress, 2 of 5 steps are not done`."""
        parts = ["the incident is open at Huntress"] if self.is_open else []
        if self.steps_left:
            total = max(self.steps_total, self.steps_left)
            noun, verb = ("step", "is") if total == 1 else ("steps", "are")
            verb = "is" if self.steps_left == 1 else verb
            parts.append(f"{self.steps_left:,} of {total:,} {noun} there {verb} not done")
        return ", ".join(parts)


def parse_reason(text: str | None) -> CloseReason | None:
    """Return the reason with this word, None for any other text."""
    return next((one for one in CloseReason if one.value == text), None)
