"""Describing a connection's routing settings in sentences."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class RoutingNames:
    """The settings with the names of the chosen rows; None where nothing is chosen.

    `priorities` is by severity.
    """

    board: str | None = None
    category: str | None = None
    subcategory: str | None = None
    fallback_client: str | None = None
    fallback_board: str | None = None
    priorities: Mapping[str, str | None] = field(default_factory=dict)
    poll_interval_minutes: int = 5
    backfill_days: int = 7
    closed_status: str | None = None
    leave_touched_open: bool = False
    reopen_tickets: bool = True


def describe_routing(names: RoutingNames) -> list[str]:
    """Return one sentence for each complete decision."""
    lines = [
        f"{severity.capitalize()} incidents become tickets of priority {priority} on board "
        f"{names.board}."
        for severity, priority in names.priorities.items()
        if priority and names.board
    ]
    if names.category:
        inner = f" / {names.subcategory}" if names.subcategory else ""
        lines.append(f"They get the category {names.category}{inner}.")
    if names.fallback_client and names.fallback_board:
        lines.append(
            f"Incidents of an unmapped organization go to client {names.fallback_client} on board "
            f"{names.fallback_board}."
        )
    minutes, days = names.poll_interval_minutes, names.backfill_days
    every = "minute" if minutes == 1 else f"{minutes} minutes"
    back = "one day" if days == 1 else f"{days} days"
    lines.append(f"Huntress is asked every {every}; the first poll looks back {back}.")
    lines.append(_describe_closing(names))
    lines.append(
        "A closed ticket is reopened when its incident needs work again."
        if names.reopen_tickets
        else "A closed ticket stays closed when its incident is reopened; a note says so."
    )
    return lines


def _describe_closing(names: RoutingNames) -> str:
    if names.closed_status is None:
        return "When Huntress closes an incident, its ticket gets a note and stays open."
    except_touched = ", unless a person has worked on it" if names.leave_touched_open else ""
    return (
        f"When Huntress closes an incident, its ticket gets the status {names.closed_status}"
        f"{except_touched}."
    )
