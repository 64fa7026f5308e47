"""The oracle sees what a broken engine does: each of these bugs fails one of a few histories."""

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

from tests.model.model_histories import make_history
from tests.model.model_player import Player
from webapp.domain import plan
from webapp.services.polling import (
    collect_incidents,
    sweep_incidents,
    walk_incidents,
    write_incidents,
)

MOST = 60
Breakage = Callable[[pytest.MonkeyPatch], None]


def lose_every_seventh(patch: pytest.MonkeyPatch) -> None:
    """Rows of a page are dropped, and the cursor moves on all the same."""
    collect = walk_incidents.collect_rows

    def collect_some(cycle: Any, rows: Any) -> int:
        return collect(cycle, [row for row in rows if not _is_seventh(row)])

    patch.setattr(walk_incidents, "collect_rows", collect_some)


def _is_seventh(row: Any) -> bool:
    return isinstance(row, dict) and str(row.get("updated_at")).endswith("2Z")


def reopen_what_people_closed(patch: pytest.MonkeyPatch) -> None:
    """Any update of an open incident opens its ticket again."""
    decide = plan._plan_ticketed

    def decide_otherwise(incident: Any, existing: Any, settings: Any) -> Any:
        action = decide(incident, existing, settings)
        return replace(action, reopen=not incident.is_closed and settings.reopen_tickets)

    patch.setattr(plan, "_plan_ticketed", decide_otherwise)


def never_ask_by_id(patch: pytest.MonkeyPatch) -> None:
    """The sweep lists what is open and leaves it at that."""
    patch.setattr(sweep_incidents, "_check_unlisted", lambda *_: True)


def write_notes_twice(patch: pytest.MonkeyPatch) -> None:
    """A batch that was interrupted is processed again as if nothing had been recorded of it."""
    take = write_incidents._Writer._comment

    def comment(self: Any, ticket_id: int, body: str) -> None:
        for _ in range(2 if any(e.in_flight_token for e in self.entries) else 1):
            take(self, ticket_id, body)

    patch.setattr(write_incidents._Writer, "_comment", comment)


def forget_the_times(patch: pytest.MonkeyPatch) -> None:
    """An older payload replaces a newer one."""
    patch.setattr(plan, "_is_progress", lambda *_: True)
    patch.setattr(collect_incidents, "_is_held", lambda *_: False)


SLOWLY_CAUGHT = (never_ask_by_id, write_notes_twice)


@pytest.mark.parametrize(
    "break_it",
    [
        lose_every_seventh,
        reopen_what_people_closed,
        *(pytest.param(one, marks=pytest.mark.soak) for one in SLOWLY_CAUGHT),
        forget_the_times,
    ],
)
def test_a_broken_engine_is_caught(
    player: Player, monkeypatch: pytest.MonkeyPatch, break_it: Breakage
) -> None:
    break_it(monkeypatch)
    found = (player.problem(make_history(seed), seed) for seed in range(1, MOST + 1))
    problem = next((one for one in found if one is not None), None)
    assert problem is not None, f"{MOST} histories and nothing was seen"
