"""The configuration is shown without anything secret."""

from pathlib import Path

import pytest

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY, make_config
from webapp.config import (
    VARIABLES,
    BackupSettings,
    SignOnSettings,
    StorageSettings,
    embedded_redis_url,
)
from webapp.services.operations.describe_configuration import describe_configuration

FOLDER = Path("/var/lib/triagedesk")
LOCAL = "postgresql+psycopg:///desk"
EMBEDDED = embedded_redis_url(FOLDER)
DOCUMENTED = Path(__file__).parents[3] / "docs" / "configuration.md"


def described(**changes: object) -> dict[str, str]:
    config = make_config(FOLDER, **changes)
    return {
        one.variable.removeprefix("TRIAGEDESK_"): one.value
        for one in describe_configuration(config)
    }


def test_nothing_secret_is_shown() -> None:
    found = described(
        database_url="postgresql+psycopg://desk:hunter2@db.example:5433/desk?password=hunter3",
        redis_url="rediss://:hunter4@redis.example:6380/0?password=hunter5",
    )
    words = str(found)
    for secret in ("hunter", SECRET_KEY, ENCRYPTION_KEY):
        assert secret not in words
    assert found["DATABASE_URL"] == "PostgreSQL, desk on db.example:5433"
    assert found["REDIS_URL"] == "redis.example:6380, with TLS"
    assert (found["SECRET_KEY"], found["ENCRYPTION_KEYS"]) == ("Set", "1 set")


@pytest.mark.parametrize(
    ("changes", "name", "words"),
    [
        ({}, "DATABASE_URL", "SQLite, /var/lib/triagedesk/triagedesk.db"),
        (
            {"database_url": "postgresql+psycopg:///desk"},
            "DATABASE_URL",
            "PostgreSQL, desk on this machine",
        ),
        (
            {"redis_url": embedded_redis_url(Path("/var/lib/triagedesk"))},
            "REDIS_URL",
            "Embedded server",
        ),
        ({"redis_url": "unix:///run/redis.sock"}, "REDIS_URL", "Socket /run/redis.sock"),
        ({"redis_url": "redis://localhost"}, "REDIS_URL", "localhost, without TLS"),
        ({}, "PUBLIC_URL", "Not set"),
        ({"public_url": "https://desk.example"}, "PUBLIC_URL", "https://desk.example"),
        ({"edition": "community"}, "EDITION", "Community"),
    ],
)
def test_values_in_words(changes: dict[str, object], name: str, words: str) -> None:
    assert described(**changes)[name] == words


def test_every_variable_that_is_shown_is_documented() -> None:
    text = DOCUMENTED.read_text(encoding="utf-8")
    sign_on = SignOnSettings("https://id.example.com", "desk", "hunter6")
    for name in described() | described(sign_on=sign_on):
        assert f'id="triagedesk_{name.lower()}"' in text, name


def test_every_variable_is_shown() -> None:
    storage = StorageSettings("https://s3.example.com", "desk", "", "hunter7", "hunter8")
    sign_on = SignOnSettings("https://id.example.com", "desk", "hunter6")
    backups = BackupSettings(storage=storage, passphrase="hunter9")
    found = described(sign_on=sign_on, backups=backups)
    assert set(found) == set(VARIABLES) - {"DEMO_DATA_DIR"}
    assert "hunter" not in str(found)
