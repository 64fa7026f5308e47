"""Random histories of incidents, people, faults and crashes, judged by an independent oracle.

A failing history is shortened by leaving steps out, and printed with what plays it again:

    MODEL_SEED=1 MODEL_HISTORY='[("new", 5), ("poll", 7)]' pytest tests/model -k sqlite

`make soak` plays more of them, with other seeds each time: MODEL_SECONDS says for how long.
"""

import ast
import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.support.databases import both_databases
from tests.support.model_histories import History, make_history
from tests.support.model_player import Player

FIRST_SEED = {"sqlite": 1, "postgresql": 1_000_001}
SECONDS = {"sqlite": 40, "postgresql": 20}


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
