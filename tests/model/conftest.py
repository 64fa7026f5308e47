"""Who plays histories."""

from pathlib import Path

import pytest

from tests.support.databases import PostgresTemplate, SqliteTemplate
from tests.support.model_player import Player


@pytest.fixture
def player(
    database_kind: str,
    database_url: str,
    database_templates: dict[str, SqliteTemplate | PostgresTemplate],
    tmp_path: Path,
) -> Player:
    assert database_url, "asked for because it makes the template"
    return Player(database_templates[database_kind], tmp_path)
