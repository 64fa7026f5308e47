"""What the timeline says of ticked steps: one entry for what a person ticks within a short time."""

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from datetime import datetime, timedelta
from typing import Any

from webapp.domain.markdown_text import escape_line

BUNDLED_WITHIN = timedelta(minutes=10)
"""So long after a person's last tick their next one goes into the same entry of the timeline."""

CHECKLIST, STEPS = "checklist_id", "steps"


@dataclass(frozen=True, slots=True)
class StepChange:
    """A step that was ticked, or whose tick was taken back."""

    position: int
    text: str
    is_done: bool


def is_bundled(details: object, checklist_id: int, last_at: datetime, now: datetime) -> bool:
    """Whether a tick now belongs to a person's entry of `last_at` with these details."""
    is_same = isinstance(details, dict) and details.get(CHECKLIST) == checklist_id
    return is_same and timedelta(0) <= now - last_at <= BUNDLED_WITHIN


def read_changes(details: dict[str, Any]) -> list[StepChange]:
    """The changes that an entry's details hold."""
    return [StepChange(**one) for one in details[STEPS]]


def write_details(checklist_id: int, changes: Sequence[StepChange]) -> dict[str, Any]:
    """The details of an entry about these changes."""
    return {CHECKLIST: checklist_id, STEPS: [asdict(one) for one in changes]}


def add_change(changes: Sequence[StepChange], new: StepChange) -> list[StepChange]:
    """The changes with a new one; it cancels one of the same step, which was the opposite."""
    left = [one for one in changes if one.position != new.position]
    return left if len(left) < len(changes) else [*left, new]


def step_entry_words(name: str, changes: Sequence[StepChange]) -> str:
    """The Markdown of an entry about the changes of a checklist of this name.

    The words of a step stand in it as they were written, its own Markdown included.
    """
    head = f"Runbook {escape_line(name)}"
    lines = [
        f"{'Done' if one.is_done else 'Not done after all'}: {escape_line(one.text)}"
        for one in changes
    ]
    if len(lines) == 1:
        return f"{head}. {lines[0]}"
    return f"{head}\n\n" + "\n".join(f"- {line}" for line in lines)
