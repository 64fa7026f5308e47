"""Every route, method and role with hostile input: no failure, no leak, nothing past the rules."""

from collections.abc import Iterator
from random import Random

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.made_once import COMPILED_TEMPLATES
from tests.support.security.fuzzed_desk import (
    ABSENT,
    NOBODY,
    ROLES,
    WORK,
    FuzzedDesk,
    changed_by,
    no_network,
)
from tests.support.security.hostile_input import Attacker
from webapp import create_app
from webapp.config import Config
from webapp.extensions import db, limiter

GUARDED = {"users", "password_links", "backups", "setup_tokens"}
"""What an admin changes only after showing again who they are, of others."""

ODD_METHODS = ("HEAD", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE")
SEEDS = (1,)
REQUESTS_IN_SOAK = 1
"""Of each route, method and role, with each seed."""


@pytest.fixture
def fuzzed(
    config: Config, fake_clock: FakeClock, monkeypatch: pytest.MonkeyPatch
) -> Iterator[FuzzedDesk]:
    """A desk whose people are not held up by how often they ask."""
    app: Flask = create_app(config)
    app.jinja_env.bytecode_cache = COMPILED_TEMPLATES
    monkeypatch.setattr(limiter, "enabled", False)
    with no_network():
        yield FuzzedDesk(app)
    with app.app_context():
        db.session.remove()
        db.engine.dispose()


def play(desk: FuzzedDesk, clock: FakeClock, seed: int, share: float, times: int = 1) -> None:
    """Attack with each role in turn: a share of all routes and methods, so often each."""
    print(f"seed {seed}")
    random = Random(seed)
    attacker = Attacker(seed, desk.forms())
    faults: list[str] = []
    for role in ROLES:
        before = desk.rows()
        routes = desk.routes()
        random.shuffle(routes)
        for endpoint, rule, method in routes[: round(len(routes) * share)]:
            for _ in range(times):
                odd = random.choice(ODD_METHODS) if random.random() < 0.1 else method
                clock.advance(seconds=61 if role == NOBODY else 1)
                request, found = desk.attack(attacker, role, endpoint, rule, odd)
                faults += [f"{role}: {one}: {request}" for one in found]
        changed = changed_by(before, desk.rows(), desk.people[role].id)
        faults += [f"{role} changed {table}: {rows[:3]}" for table, rows in _wrong(role, changed)]
    print(f"{sum(desk.statuses.values())} requests, by status {sorted(desk.statuses.items())}")
    assert not faults, f"seed {seed}, {len(faults)} faults:\n" + "\n\n".join(faults[:20])


def _wrong(
    role: str, changed: dict[str, list[tuple[object, ...]]]
) -> Iterator[tuple[str, list[tuple[object, ...]]]]:
    for table, rows in changed.items():
        may = {"helpdesk": table in WORK, ABSENT: table not in GUARDED, "admin": True}
        if not may.get(role, False):
            yield table, rows


@pytest.mark.slow
def test_a_few_hostile_requests_to_a_share_of_all_routes(
    fuzzed: FuzzedDesk, fake_clock: FakeClock
) -> None:
    play(fuzzed, fake_clock, seed=10, share=0.2)
    assert fuzzed.statuses[200] > 10
    assert fuzzed.statuses[403] > 10


@pytest.mark.soak
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("seed", SEEDS)
@both_databases
def test_hostile_requests_to_every_route_by_every_role(
    fuzzed: FuzzedDesk, fake_clock: FakeClock, seed: int
) -> None:
    play(fuzzed, fake_clock, seed, share=1, times=REQUESTS_IN_SOAK)
