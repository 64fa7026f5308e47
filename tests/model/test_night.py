"""Random nights against an oracle: who was told what, in time, and never after it was taken.

`make soak` plays MODEL_NIGHTS of them.
"""

import os
import random
import shutil

import pytest

from tests.model.model_player import Player
from tests.model.night import BEGINS_AT, night
from tests.model.night_judge import judge
from tests.support.databases import make_config
from tests.support.fake_clock import FakeClock
from tests.support.poller import simulated_desk
from webapp import clock, create_app
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount

NIGHTS = int(os.environ.get("MODEL_NIGHTS", "200"))
FIRST_SEED = 1_000
AT_ONCE = 10
"""So many nights are one test, which several processes share."""


def play(player: Player, seed: int) -> None:
    player.played += 1
    folder = player.folder / str(player.played)
    folder.mkdir()
    url = player.template.new_url(folder)
    random.seed(seed)
    fake = FakeClock(BEGINS_AT)
    app = create_app(make_config(folder, url))
    try:
        with app.app_context(), clock.replaced(fake.now, fake.sleep):
            with (
                simulated_desk(app, fake, SimulatedAccount(now=fake.now())) as desk,
                night(desk, seed, is_calm=seed % 3 == 0) as world,
            ):
                is_calm = world.is_calm
                world.play()
                judge(world, is_calm=is_calm)
            db.session.remove()
            db.engine.dispose()
    except AssertionError as error:
        raise AssertionError(f"seed {seed}: {error}") from error
    finally:
        player.template.drop(url)
        shutil.rmtree(folder)


def test_a_random_night(player: Player) -> None:
    play(player, seed=1)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("first_seed", range(FIRST_SEED, FIRST_SEED + NIGHTS, AT_ONCE))
def test_many_random_nights(player: Player, first_seed: int) -> None:
    for seed in range(first_seed, min(first_seed + AT_ONCE, FIRST_SEED + NIGHTS)):
        play(player, seed)
