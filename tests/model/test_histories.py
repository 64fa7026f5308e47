"""Random histories of incidents, people, faults and crashes, judged by an independent oracle.

A failing history is shortened by leaving steps out, and printed with what plays it again:

    MODEL_SEED=1 MODEL_HISTORY='[("new", 5), ("poll", 7)]' pytest tests/model -k sqlite

`make soak` plays more of them, with other seeds each time: MODEL_SECONDS says for how long.
"""

import ast
import os
import random
import shutil
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tests.support.databases import PostgresTemplate, SqliteTemplate, both_databases, make_config
from tests.support.fake_clock import FakeClock
from tests.support.model_histories import History, make_history, play, shorten
from tests.support.model_world import new_world
from webapp import clock, create_app
from webapp.extensions import db

SHORTENING_SECONDS = 60
FIRST_SEED = {"sqlite": 1, "postgresql": 1_000_001}
SECONDS = {"sqlite": 45, "postgresql": 20}


@dataclass
class Player:
    """Plays histories, each on a database of its own."""

    template: SqliteTemplate | PostgresTemplate
    folder: Path
    played: int = 0

    def play(self, history: History, seed: int) -> None:
        """Raises whatever a history fails with."""
        self.played += 1
        folder = self.folder / str(self.played)
        folder.mkdir()
        url = self.template.new_url(folder)
        try:
            self._play_on(url, folder, history, seed)
        finally:
            self.template.drop(url)
            shutil.rmtree(folder)

    def _play_on(self, url: str, folder: Path, history: History, seed: int) -> None:
        random.seed(seed)  # the jitter of retries
        fake = FakeClock()
        app = create_app(make_config(folder, url))
        with app.app_context(), clock.replaced(fake.now, fake.sleep):
            try:
                with new_world(app, fake, random.Random(seed)) as world:
                    play(world, history)
            finally:
                db.session.remove()
                db.engine.dispose()

    def problem(self, history: History, seed: int) -> Exception | None:
        """What a history fails with, None where it does not."""
        try:
            self.play(history, seed)
        except Exception as error:  # noqa: BLE001 - whatever it is, the history failed
            return error
        return None

    def require(self, history: History, seed: int) -> None:
        """Play; raises AssertionError with a shortened history."""
        problem = self.problem(history, seed)
        if problem is None:
            return

        def fails_alike(shorter: History) -> bool:
            found = self.problem(shorter, seed)
            return found is not None and _kind(found) == _kind(problem)

        short = list(shorten(history, fails_alike, SHORTENING_SECONDS))
        found = self.problem(short, seed) or problem
        raise AssertionError(
            f"shortened: MODEL_SEED={seed} MODEL_HISTORY='{short}'\n{found}"
        ) from found


def _kind(problem: Exception) -> tuple[type, str]:
    """What two failures of the same cause have in common: the first words, less the numbers."""
    return type(problem), "".join(c for c in str(problem)[:40] if not c.isdigit())


@pytest.fixture
def player(
    database_kind: str,
    database_url: str,
    database_templates: dict[str, SqliteTemplate | PostgresTemplate],
    tmp_path: Path,
) -> Player:
    assert database_url, "asked for because it makes the template"
    return Player(database_templates[database_kind], tmp_path)


def histories(first_seed: int, seconds: float) -> Iterator[tuple[History, int]]:
    """Histories with their seeds for so many seconds, or the one that was asked for."""
    given = os.environ.get("MODEL_HISTORY")
    if given is not None:
        yield ast.literal_eval(given), int(os.environ["MODEL_SEED"])
        return
    give_up_at = time.monotonic() + seconds
    seed = first_seed
    while time.monotonic() < give_up_at:
        yield make_history(seed), seed
        seed += 1


@both_databases
def test_random_histories(player: Player, database_kind: str) -> None:
    for history, seed in histories(FIRST_SEED[database_kind], SECONDS[database_kind]):
        player.require(history, seed)
    assert player.played >= 1


@pytest.mark.soak
@pytest.mark.timeout(0)
@both_databases
def test_many_random_histories(player: Player, database_kind: str) -> None:
    seconds = float(os.environ.get("MODEL_SECONDS", "600")) / len(FIRST_SEED)
    first_seed = int(os.environ.get("MODEL_SEED", random.SystemRandom().randrange(10**9)))
    for history, seed in histories(first_seed, seconds):
        player.require(history, seed)
    print(f"{player.played} histories on {database_kind}, from seed {first_seed}")
