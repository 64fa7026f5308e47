"""Who plays histories, and a desk to play a single one by hand."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from flask import Flask

from tests.model.model_player import Player
from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, simulated_desk
from webapp.huntress.simulator import SimulatedAccount


@pytest.fixture
def player(
    database_kind: str,
    database_url: str,
    database_templates: dict[str, SqliteTemplate | PostgresTemplate],
    tmp_path: Path,
) -> Player:
    assert database_url, "asked for because it makes the template"
    return Player(database_templates[database_kind], tmp_path)


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Iterator[Desk]:
    """A connected, routed and started desk over an empty account."""
    with simulated_desk(app, fake_clock, SimulatedAccount(now=fake_clock.now())) as desk:
        yield desk
