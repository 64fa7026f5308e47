"""What a run of the ages would delete now, in numbers and in words, without deleting anything."""

from dataclasses import dataclass
from datetime import datetime

from webapp.domain.retention.kinds import cutoff, pruning_words
from webapp.services.retention.ages import AgeRow, list_ages
from webapp.services.retention.delete_old_records import count_old_records


@dataclass(frozen=True, slots=True)
class PreviewRow:
    """How many records of a kind are older than `before` (UTC); None where all are kept."""

    age: AgeRow
    before: datetime | None
    count: int

    @property
    def words(self) -> str:
        """For instance "12 tickets closed before 3 March 2026"; empty where nothing would go."""
        is_some = self.before is not None and self.count
        return pruning_words(self.age.kind, self.count, self.before) if is_some else ""  # type: ignore[arg-type]

    def as_dict(self) -> dict[str, object]:
        """Return the row for JSON."""
        before = self.before.isoformat() if self.before else None
        return {**self.age.as_dict(), "before": before, "would_delete": self.count}


def preview_retention(now: datetime) -> list[PreviewRow]:
    """Return what `delete_old_records` would delete at `now` (UTC) because of its age."""
    return [_preview(age, now) for age in list_ages()]


def preview_words(rows: list[PreviewRow]) -> str:
    """Return one sentence about everything that would be deleted."""
    parts = [row.words for row in rows if row.words]
    return f"Would delete {', '.join(parts)}." if parts else "Nothing is old enough to be deleted."


def _preview(age: AgeRow, now: datetime) -> PreviewRow:
    if age.days is None:
        return PreviewRow(age, None, 0)
    before = cutoff(age.days, now)
    return PreviewRow(age, before, count_old_records(age.kind, before))
