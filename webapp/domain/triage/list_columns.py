"""The columns of the ticket list, and which of them a person chose in which order.

A new column is one entry of COLUMNS, and a macro of its name in templates/tickets/_cells.html. What
an incident is stands first in every row and is no column.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

MOST_COLUMNS = 10


@dataclass(frozen=True, slots=True)
class ListColumn:
    """A column: its key, its heading, its width in rem, and whether everybody has it at first."""

    key: str
    words: str
    width: float
    is_usual: bool = False


COLUMNS = {
    column.key: column
    for column in (
        ListColumn("priority", "Priority", 5.4, is_usual=True),
        ListColumn("client", "Client", 8.6, is_usual=True),
        ListColumn("status", "Status", 8.0, is_usual=True),
        ListColumn("assignee", "Assignee", 6.2, is_usual=True),
        ListColumn("age", "Age", 4.8, is_usual=True),
        ListColumn("number", "Number", 6.2, is_usual=True),
        ListColumn("changed", "Changed", 5.5, is_usual=True),
        ListColumn("due", "Due", 6.2),
        ListColumn("reference", "PSA reference", 7.4),
        ListColumn("board", "Board", 7.4),
        ListColumn("severity", "Severity", 5.4),
        ListColumn("source", "Source", 5.5),
        ListColumn("ticketed", "Ticketed", 5.5),
    )
}
"""All columns by their keys, in the order in which they are offered."""

USUAL_COLUMNS = tuple(key for key, column in COLUMNS.items() if column.is_usual)

ROOM = (("", 33.2), ("from-m", 45.0))
"""How many rem of columns there is room for beside the incident: always, and from a width on."""

WIDEST = "from-l"


@dataclass(frozen=True, slots=True)
class ListDisplay:
    """How a person sees the list: columns by their keys, dense or not, by subject or not."""

    columns: tuple[str, ...] = USUAL_COLUMNS
    is_compact: bool = False
    is_grouped: bool = False

    def as_settings(self) -> dict[str, Any]:
        """The form in which this is kept; see `read_display`."""
        return {
            "columns": list(self.columns),
            "is_compact": self.is_compact,
            "is_grouped": self.is_grouped,
        }

    @property
    def left_out(self) -> tuple[str, ...]:
        """The keys of the columns that are not shown, in the order in which they are offered."""
        return tuple(key for key in COLUMNS if key not in self.columns)


def read_display(settings: Mapping[str, Any] | None) -> ListDisplay:
    """What is kept of a person's choices; what makes no sense (any more) is as at first."""
    kept = settings or {}
    columns = kept.get("columns")
    return ListDisplay(
        columns=known_columns(columns) if isinstance(columns, list) else USUAL_COLUMNS,
        is_compact=kept.get("is_compact") is True,
        is_grouped=kept.get("is_grouped") is True,
    )


def known_columns(keys: Iterable[object]) -> tuple[str, ...]:
    """The keys that name columns, each once, in their order."""
    return tuple(dict.fromkeys(key for key in keys if isinstance(key, str) and key in COLUMNS))


def move_column(columns: Sequence[str], key: str, step: int) -> tuple[str, ...]:
    """The columns with one moved by `step` places, as far as there is room."""
    if key not in columns:
        return tuple(columns)
    others = [one for one in columns if one != key]
    place = max(0, min(columns.index(key) + step, len(others)))
    return (*others[:place], key, *others[place:])


def fit_columns(keys: Sequence[str]) -> list[tuple[ListColumn, str]]:
    """Each column with the class that shows it only where there is room; empty where always.

    The columns that come first are kept the longest, so nothing runs over on a narrow screen.
    """
    fitted, used = [], 0.0
    for key in keys:
        column = COLUMNS[key]
        used += column.width
        fitted.append((column, next((name for name, room in ROOM if used <= room), WIDEST)))
    return fitted
