"""Polls of random histories: with faults, deaths, other pollers, and people in between."""

import contextlib
import random
from functools import partial

from sqlalchemy import select

from tests.model.model_steps import STEPS
from tests.model.model_world import LEASE, RunningPoll, World
from tests.support.interruptions import Plan, ProcessDied
from webapp.huntress.simulator import Fault, Faults
from webapp.models import Connection
from webapp.services.polling.outcome import PollOutcome
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.transactions import reading

_FAULTS = (
    Fault(status=500),
    Fault(status=503),
    Fault(cut=True),
    Fault(status=429),
    Fault(status=429, headers=(("Retry-After", "7"),), body=b"slow down"),
    Fault(html_200=True),
    Fault(status=403),
)


_ACTS = (
    *("new", "change", "change", "change", "bump", "delete", "restore"),
    *("map", "exclude", "settings", "comment", "status", "status", "priority"),
    *("add client", "switch client", "retry", "dismiss", "cure"),
)


def poll(world: World, rng: random.Random) -> None:
    """One poll, mostly with something in its way."""
    world.clock.advance(minutes=rng.choice((0.2, 1, 5, 5, 5, 5)))
    world.simulator.faults = _faults(rng)
    plan = _plan(world, rng)
    is_disturbed = bool(plan.before or plan.die_at or world.simulator.faults.on_request)
    outcome = run_poll(world, plan, sweep=rng.random() < 0.2)
    world.simulator.faults = Faults()
    is_done = outcome is not None and outcome.is_success and outcome.joined_run_id is None
    world.check(is_strict=is_done and not is_disturbed)


def _plan(world: World, rng: random.Random) -> Plan:
    plan = Plan(dies_over=partial(_is_lethal, world))
    kind = rng.random()
    if kind < 0.35:
        plan.die_at = rng.choice((rng.randrange(1, 30), rng.randrange(1, 160)))
    if kind > 0.25:
        for _ in range(rng.choice((0, 1, 1, 3))):
            step = (rng.choice(_ACTS), rng.randrange(10**9))
            plan.before[rng.randrange(1, 45)] = partial(_in_between, world, *step)
    if rng.random() < 0.15:
        seed = rng.randrange(10**9)
        plan.before[rng.randrange(2, 45)] = partial(_steal, world, random.Random(seed))
    return plan


def _is_lethal(world: World, context: object) -> bool:
    """Whether the statement writes the alert of an incident that kills the process."""
    if not world.lethal or "INTO alerts" not in str(getattr(context, "statement", "")):
        return False
    rows = getattr(context, "compiled_parameters", None) or []
    return any(
        str(row.get("external_alert_id")) in world.lethal and not row.get("is_incomplete")
        for row in rows
    )


def _faults(rng: random.Random) -> Faults:
    if rng.random() < 0.6:
        return Faults()
    first, fault = rng.randrange(1, 12), rng.choice(_FAULTS)
    count = rng.choice((1, 2, 3, 4, 1000))
    return Faults(on_request=lambda number, _path: fault if 0 <= number - first < count else None)


def _in_between(world: World, name: str, number: int) -> None:
    with world.app.app_context():
        STEPS[name](world, random.Random(number))


def _steal(world: World, rng: random.Random) -> None:
    """The poll hangs until its lease is over; another process polls; then it wakes up."""
    world.clock.advance(seconds=LEASE.total_seconds())
    plan = Plan(dies_over=partial(_is_lethal, world))
    if rng.random() < 0.3:
        plan.die_at = rng.randrange(3, 100)
    run_poll(world, plan, sweep=rng.random() < 0.3)


def run_poll(world: World, plan: Plan, *, sweep: bool) -> PollOutcome | None:
    """Poll in an app context of its own; None where the process died."""
    outer, mine = world.running, RunningPoll(world.next_poller(), _lease(world))
    is_before_claim = outer is not None and outer.lease_before == mine.lease_before
    world.running = mine
    world.set_boundary()
    begun, place = world.make_event("began"), len(world.events)
    outcome: PollOutcome | None = None
    with contextlib.suppress(ProcessDied), world.app.app_context(), world.interruptions.of(plan):
        outcome = poll_connection(world.desk.connection_id, trigger="command", sweep=sweep)
    has_joined = outcome is not None and outcome.joined_run_id is not None
    is_claimed = not has_joined and (outcome is not None or _lease(world) != mine.lease_before)
    if is_claimed:
        world.events.insert(place, begun)
        world.note("ended", value=outcome is not None and outcome.is_success)
    world.running = outer
    if outer is not None and is_claimed and is_before_claim:
        _begin_again(world, outer)
    return outcome


def _begin_again(world: World, poll: RunningPoll) -> None:
    """Another poll came and went before this one's claim: it begins only now."""
    poll.number, poll.lease_before = world.next_poller(), _lease(world)
    world.note("began")


def _lease(world: World) -> str | None:
    with world.app.app_context(), reading() as session:
        query = select(Connection.lease_token).where(Connection.id == world.desk.connection_id)
        return session.scalar(query)
