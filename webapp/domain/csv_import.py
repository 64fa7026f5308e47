"""Importing rows of a CSV file: choosing the columns, and planning what each row does."""

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from hashlib import sha256
from typing import Any

YES = frozenset({"yes", "y", "true", "1", "on", "active", "x"})
NO = frozenset({"no", "n", "false", "0", "off", "inactive"})


@dataclass(frozen=True, slots=True)
class ImportField:
    """A field that a column can hold; `aliases` are the headers that name it, in lower case."""

    name: str
    label: str
    aliases: tuple[str, ...]
    is_required: bool = False
    hint: str = ""


class Outcome(StrEnum):
    """What an import does with a row."""

    ADDED = "added"
    CHANGED = "changed"
    UNCHANGED = "unchanged"
    WRONG = "wrong"


@dataclass(frozen=True, slots=True)
class PlannedRow:
    """What a row of the file does; `details` says it in words, `values` are the values to write."""

    number: int
    outcome: Outcome
    title: str
    details: tuple[str, ...] = ()
    values: Mapping[str, Any] = field(default_factory=dict)
    row_id: int | None = None


@dataclass(frozen=True, slots=True)
class ImportPlan:
    """What an import would do with each row.

    `missing` are the names of clients that rows name and that do not exist: each with the names of
    similar clients. `creates` says whether the import creates them.
    """

    rows: Sequence[PlannedRow]
    missing: Mapping[str, Sequence[str]] = field(default_factory=dict)
    creates: bool = False

    def of(self, outcome: Outcome | str) -> list[PlannedRow]:
        """Return the rows with this outcome."""
        return [row for row in self.rows if row.outcome == outcome]

    def count(self, outcome: Outcome | str) -> int:
        """Return how many rows have this outcome."""
        return len(self.of(outcome))

    @property
    def has_errors(self) -> bool:
        """Whether any row is wrong, so that nothing is imported."""
        return any(row.outcome == Outcome.WRONG for row in self.rows)

    @property
    def changes_anything(self) -> bool:
        """Whether there is anything to import."""
        return any(row.outcome in (Outcome.ADDED, Outcome.CHANGED) for row in self.rows)

    @property
    def fingerprint(self) -> str:
        """A hash that differs as soon as the import would do something else.

        Rows that change nothing are left out, because the stored rows they name may change
        meanwhile.
        """
        told = [
            [row.number, row.outcome, row.title, row.details, dict(row.values), row.row_id]
            for row in self.rows
            if row.outcome != Outcome.UNCHANGED
        ]
        return sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def guess_columns(header: Sequence[str], fields: Iterable[ImportField]) -> dict[str, int]:
    """Return the column of each field that the header names; no column is used twice."""
    names = [_as_key(name) for name in header]
    found: dict[str, int] = {}
    for one in fields:
        for alias in (_as_key(one.label), *one.aliases):
            if alias in names and names.index(alias) not in found.values():
                found[one.name] = names.index(alias)
                break
    return found


def check_columns(
    columns: Mapping[str, int],
    fields: Sequence[ImportField],
    width: int,
    one_of: Sequence[str] = (),
) -> dict[str, str]:
    """Return what is wrong with a choice of columns, by field.

    The choice needs at least one of the fields in `one_of`.
    """
    errors: dict[str, str] = {}
    used: dict[int, str] = {}
    for one in fields:
        column = columns.get(one.name)
        if column is None:
            if one.is_required:
                errors[one.name] = f"Choose the column with the {one.label.lower()}."
        elif not 0 <= column < width:
            errors[one.name] = "Choose a column of the file."
        elif column in used:
            errors[one.name] = f"This column is used for {used[column].lower()} already."
        else:
            used[column] = one.label
    if one_of and not any(name in columns for name in one_of):
        labels = [one.label.lower() for one in fields if one.name in one_of]
        errors[one_of[0]] = f"Choose a column for {' or '.join(labels)}."
    return errors


def read_flag(text: str) -> bool | None:
    """Return True for yes, False for no, and None for an empty cell.

    Raises ValueError with a sentence for any other text.
    """
    word = text.strip().casefold()
    if not word:
        return None
    if word not in YES | NO:
        raise ValueError(f'"{text[:30]}" is neither yes nor no.')
    return word in YES


def describe_change(label: str, before: object, after: object) -> str:
    """Return the change of a short value in words."""
    return f"{label}: {before or 'empty'} → {after or 'empty'}"


def describe_added(given: Mapping[str, Any], labels: Mapping[str, str]) -> tuple[str, ...]:
    """Return the labelled values of a new row in words, and "Inactive" where it is inactive."""
    words = [f"{label}: {given[name]}" for name, label in labels.items() if name in given]
    return (*words, "Inactive") if given.get("is_active") is False else tuple(words)


def _as_key(name: str) -> str:
    return " ".join(name.replace("_", " ").split()).casefold()
