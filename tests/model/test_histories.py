"""Random histories of incidents, people, faults and crashes, judged by an independent oracle.

A failing history is shortened by leaving steps out, and printed with what plays it again:

    MODEL_SEED=1 MODEL_HISTORY='[("new", 5), ("poll", 7)]' pytest tests/model -k sqlite

`make soak` plays more of them, with other seeds each time: MODEL_SECONDS says for how long.
"""

import ast
import itertools
import os
import random
import time
from collections.abc import Iterator

import pytest

from tests.model.model_histories import History, make_history
from tests.model.model_player import Player
from tests.support.databases import both_databases

FIRST_SEED = {"sqlite": 1, "postgresql": 1_000_001}
HISTORIES = {"sqlite": 24, "postgresql": 12}
"""How many `make test` plays: a number, not a time, so that every run plays the same."""

PARTS = 4
"""They are played in so many tests, which several processes share."""


def given_history() -> tuple[History, int] | None:
    """The one history that was asked for, with its seed."""
    given = os.environ.get("MODEL_HISTORY")
    return (ast.literal_eval(given), int(os.environ["MODEL_SEED"])) if given else None


def histories_for(first_seed: int, seconds: float) -> Iterator[tuple[History, int]]:
    """Histories with their seeds, for so many seconds."""
    give_up_at = time.monotonic() + seconds
    for seed in itertools.count(first_seed):
        if time.monotonic() >= give_up_at:
            return
        yield make_history(seed), seed


@both_databases
@pytest.mark.parametrize("part", range(PARTS))
def test_random_histories(player: Player, database_kind: str, part: int) -> None:
    first = FIRST_SEED[database_kind]
    seeds = range(first + part, first + HISTORIES[database_kind], PARTS)
    given = given_history()
    if given and part:
        pytest.skip("one history was asked for")
    for history, seed in [given] if given else ((make_history(seed), seed) for seed in seeds):
        player.require(history, seed)


@pytest.mark.soak
@pytest.mark.timeout(0)
@both_databases
def test_many_random_histories(player: Player, database_kind: str) -> None:
    seconds = float(os.environ.get("MODEL_SECONDS", "600")) / len(FIRST_SEED)
    first_seed = int(os.environ.get("MODEL_SEED", random.SystemRandom().randrange(10**9)))
    for history, seed in histories_for(first_seed, seconds):
        player.require(history, seed)
    print(f"{player.played} histories on {database_kind}, from seed {first_seed}")
