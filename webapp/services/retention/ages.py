"""How long each kind of record is kept: as people chose, or else as `domain.retention` says."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.retention.kinds import (
    DEFAULT_AGES,
    NEVER,
    RULES,
    AgeError,
    RetentionKind,
    Rule,
    age_words,
    read_age,
)
from webapp.models import RetentionAge
from webapp.services.audit import changes_between, record_event
from webapp.services.errors import ConflictError, FieldError
from webapp.services.transactions import reading, transaction

Ages = Mapping[RetentionKind, int | None]


@dataclass(frozen=True, slots=True)
class AgeRow:
    """The age of a kind in days, None for ever; `changed_at` is None where nobody chose it."""

    kind: RetentionKind
    days: int | None
    changed_at: datetime | None

    @property
    def rule(self) -> Rule:
        """What is known of the kind."""
        return RULES[self.kind]

    @property
    def typed(self) -> str:
        """The age as a person types it."""
        return NEVER if self.days is None else str(self.days)

    def as_dict(self) -> dict[str, object]:
        """Return the row for JSON."""
        return {
            "kind": self.kind.value,
            "label": self.rule.label,
            "days": self.days,
            "kept": age_words(self.days),
            "default_days": self.rule.days,
            "least_days": self.rule.least,
            "may_be_never": self.rule.may_stay,
        }


def list_ages() -> list[AgeRow]:
    """Return every kind with its age, in the order of the rules."""
    with reading() as session:
        stored = {row.kind: row for row in session.scalars(select(RetentionAge))}
    return [
        AgeRow(
            kind,
            stored[kind].days if kind in stored else DEFAULT_AGES[kind],
            stored[kind].updated_at if kind in stored else None,
        )
        for kind in RetentionKind
    ]


def read_ages(session: Session) -> dict[RetentionKind, int | None]:
    """Return the age of every kind, in the caller's transaction; None is for ever."""
    stored = {row.kind: row.days for row in session.scalars(select(RetentionAge))}
    return {kind: stored.get(kind, DEFAULT_AGES[kind]) for kind in RetentionKind}


def set_ages(
    typed: Mapping[RetentionKind, str],
    *,
    seen: Mapping[RetentionKind, str] | None = None,
    actor_id: int | None = None,
) -> dict[RetentionKind, int | None]:
    """Store the ages that were typed and return those that changed; nothing is deleted by this.

    `seen` are the ages as the person saw them. Raises FieldError with a sentence for each kind that
    cannot be kept so long or so short, and ConflictError where somebody else changed one that this
    person wants to change; nothing is stored then.
    """
    wanted = _read(typed)
    with transaction() as session:
        rows = {
            row.kind: row for row in session.scalars(select(RetentionAge).order_by(RetentionAge.id))
        }
        before = read_ages(session)
        changed = {kind: days for kind, days in wanted.items() if before[kind] != days}
        _refuse_stale(before, changed, seen or {})
        for kind, days in changed.items():
            row = rows.get(kind) or RetentionAge(kind=kind.value)
            row.days, row.updated_at = days, clock.utcnow()
            session.add(row)
        if changed:
            _record(session, before, changed, actor_id)
    return changed


def _read(typed: Mapping[RetentionKind, str]) -> dict[RetentionKind, int | None]:
    ages, errors = {}, {}
    for kind, words in typed.items():
        try:
            ages[kind] = read_age(kind, words)
        except AgeError as error:
            errors[kind.value] = str(error)
    if errors:
        raise FieldError(errors)
    return ages


def _refuse_stale(before: Ages, changed: Ages, seen: Mapping[RetentionKind, str]) -> None:
    for kind in changed:
        stored = NEVER if before[kind] is None else str(before[kind])
        if kind in seen and seen[kind] != stored:
            raise ConflictError(
                f"Somebody changed this meanwhile: {RULES[kind].label.lower()} are kept for "
                f"{age_words(before[kind])} now. Nothing was saved; check and save again."
            )


def _record(session: Session, before: Ages, changed: Ages, actor_id: int | None) -> None:
    old, new = changes_between(
        {kind.value: before[kind] for kind in changed},
        {kind.value: days for kind, days in changed.items()},
    )
    record_event(
        session,
        action="retention.ages_set",
        subject_type="retention",
        before=old,
        after=new,
        actor_id=actor_id,
    )
