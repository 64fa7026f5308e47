"""How far an incident is: steps that are left, and whether it is cut off."""

import itertools

import pytest

from webapp.domain.incident import parse_incident
from webapp.domain.triage.steps import Steps, count_steps


def counted(*items: tuple[str | None, str, str | None], total: int | None = None) -> Steps:
    rows = [{"type": kind, "action": action, "status": status} for kind, action, status in items]
    holder = {"items": rows, "total_count": len(rows) if total is None else total}
    return count_steps(parse_incident({"id": 1, "remediations": holder}))


@pytest.mark.parametrize(
    ("status", "is_left"),
    [
        *((word, False) for word in ("completed", "cancelled", "rejected", "COMPLETED")),
        *((word, True) for word in ("unapproved", "approved", "failed", "something new", None)),
    ],
)
def test_which_steps_are_left(status: str | None, is_left: bool) -> None:
    assert counted(("manual", "Call", status)) == Steps(1, int(is_left), False)


def test_steps_that_are_not_listed_are_left() -> None:
    assert counted(("manual", "Call", "completed"), total=14) == Steps(14, 13, False)
    assert count_steps(parse_incident({"id": 1})) == Steps(0, 0, False)
    assert count_steps(parse_incident({"id": 1, "remediations": "see portal"})).total == 0


@pytest.mark.parametrize(
    ("action", "is_isolated"),
    [
        ("Isolate Host", True),
        ("Host isolated", True),
        ("Disable Identity", True),
        ("Lock account", True),
        ("Suspend user", True),
        ("Quarantine Messages", False),
        ("Revoke sessions", False),
        ("Release Host from isolation", False),
        ("Re-enable Identity", False),
        ("Unisolate Host", False),
        ("Unlock account", False),
    ],
)
def test_what_cuts_off(action: str, is_isolated: bool) -> None:
    assert counted(("containment", action, "completed")).is_isolated == is_isolated
    assert counted(("Containment", action, "Completed")).is_isolated == is_isolated
    for kind, status in (("manual", "completed"), ("containment", "approved"), (None, None)):
        assert not counted((kind, action, status)).is_isolated


def test_what_was_let_in_again_is_not_cut_off() -> None:
    steps = [
        ("containment", "Isolate Host", "completed"),
        ("containment", "Release Host", "completed"),
    ]
    for order in itertools.permutations(steps):
        assert not counted(*order).is_isolated
    assert counted(steps[0], ("containment", "Release Host", "unapproved")).is_isolated
