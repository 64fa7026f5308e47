"""Random histories: made from a seed, played, brought to their end, and shortened."""

import random
import time
from collections.abc import Callable, Sequence
from datetime import datetime

from sqlalchemy import select

from tests.model.model_polls import poll, run_poll
from tests.model.model_steps import STEPS, cure
from tests.model.model_world import World
from tests.model.oracle_rules import (
    CLOSED,
    DELETED,
    DELETING,
    LISTED,
    State,
    Version,
    tells_more,
)
from tests.support.interruptions import Plan
from webapp.extensions import db
from webapp.huntress.simulator import Faults
from webapp.models import InboxRow, Ticket
from webapp.services.transactions import reading

History = Sequence[tuple[str, int]]

_PLAYED = {**STEPS, "poll": poll}
_WEIGHTS = {
    **dict.fromkeys(STEPS, 2),
    "new": 8,
    "change": 14,
    "poll": 22,
    "wait": 4,
    "status": 4,
    "settings": 4,
    "raw row": 1,
    "cure": 1,
}


def make_history(seed: int) -> History:
    """A history, the same for the same seed."""
    rng = random.Random(seed)
    names = rng.choices(list(_WEIGHTS), list(_WEIGHTS.values()), k=rng.choice((6, 12, 25)))
    start = ["add organization"] * rng.randrange(3) + ["add client"] + ["new"] * rng.randrange(1, 6)
    return [(name, rng.randrange(10**9)) for name in [*start, *names]]


def play(world: World, history: History) -> None:
    """Play a history to its end and judge it. Raises AssertionError."""
    for name, number in history:
        _PLAYED[name](world, random.Random(number))
    finish(world)
    db.session.remove()


def shorten(history: History, fails: Callable[[History], bool], seconds: float) -> History:
    """Leave steps out as long as the history still fails, for so many seconds at most."""
    give_up_at = time.monotonic() + seconds
    size = max(1, len(history) // 2)
    while size:
        start = 0
        while start < len(history):
            if time.monotonic() > give_up_at:
                return history
            shorter = [*history[:start], *history[start + size :]]
            if fails(shorter):
                history = shorter
            else:
                start += size
        size //= 2
    return history


def finish(world: World) -> None:
    """Nothing in the way any more: after a complete sweep the desk must know everything."""
    cure(world, random.Random(0))
    world.simulator.faults = Faults()
    world.clock.advance(hours=7)
    asked_at = world.clock.now()
    for _ in range(4):
        outcome = run_poll(world, Plan(), sweep=not _swept(world, asked_at))
        assert outcome is not None
        assert outcome.is_success, outcome.error
        world.check(is_strict=False)
        world.clock.advance(minutes=5)
        if _swept(world, asked_at):
            break
    else:
        raise AssertionError("no sweep came to its end")
    _check_complete(world)
    _check_quiet(world)


def _swept(world: World, asked_at: datetime) -> bool:
    last = world.desk.connection().last_sweep_at
    return last is not None and last >= asked_at


def _check_quiet(world: World) -> None:
    """Polling again changes nothing at all."""
    outcome = run_poll(world, Plan(), sweep=True)
    assert outcome is not None
    assert outcome.is_success, outcome.error
    run = outcome.run
    assert run is not None
    counts = (run.created, run.noted, run.closed, run.reopened, run.failed, run.quarantined)
    assert counts == (0, 0, 0, 0, 0, 0), f"a poll of what is known already: {outcome.words}"
    world.check(is_strict=False)


def _check_complete(world: World) -> None:
    """Everything Huntress has is known as it is now, or the rules say why not."""
    for row in world.account.incidents():
        version = world.read_version(row)
        assert version is not None
        for state in world.judge.possible(str(row["id"])):
            problem = _what_is_missing(world, version, state)
            assert problem is None, f"incident {row['id']} {problem}: {version}, {state}"
    with reading() as session:
        waiting = session.scalars(
            select(InboxRow.external_key).where(
                InboxRow.external_key.not_like("sha256:%"), InboxRow.dismissed_at.is_(None)
            )
        ).all()
        raw = session.scalars(
            select(Ticket.id).where(Ticket.source_reference.like("sha256:%"))
        ).all()
    assert not waiting, f"still waiting: {waiting}"
    assert len(raw) == len(world.raw_rows), "a row without an id has no ticket"


def _what_is_missing(world: World, version: Version, state: State) -> str | None:
    """What is hidden by ties at the edges of pages is found by the sweep, if it is open."""
    recorded = state.recorded
    if state.is_dismissed:
        return None
    is_in_walk = (
        version.number in world.normal
        and version.time is not None
        and version.time >= world.judge.horizon
        and not world.has_ties
    )
    is_seen = is_in_walk or version.status in LISTED
    if recorded is None:
        return "was lost" if is_seen and version.status != DELETING else None
    is_recorded_open = recorded.status not in {*CLOSED, DELETED}
    if tells_more(version, recorded) and (is_seen or is_recorded_open):
        return "is out of date"
    return None
