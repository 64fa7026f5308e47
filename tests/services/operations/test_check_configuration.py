"""What doctor and Health say of a configuration: each fault by itself, and none that is none."""

from pathlib import Path
from typing import Any

import pytest

from tests.support.databases import make_config
from webapp.config import Config
from webapp.crypto import generate_key
from webapp.services.operations.check_configuration import (
    ConfigurationFacts,
    SecretFile,
    check_configuration,
    gather_facts,
)

PUBLIC = "https://desk.example.com"
WELL = {"public_url": PUBLIC, "trusted_proxies": 1}


def config_with(**changes: Any) -> Config:
    return make_config(Path("/srv/data"), **{**WELL, **changes})


def faults(facts: ConfigurationFacts | None = None, **changes: Any) -> dict[str, str]:
    """The checks that fail, by name: what is wrong, and what to do."""
    checks = check_configuration(config_with(**changes), facts or ConfigurationFacts())
    assert [check.name for check in checks] == ["keys", "addresses", "connections between machines"]
    assert all(check.hint for check in checks if not check.is_ok)
    return {check.name: f"{check.detail} {check.hint}" for check in checks if not check.is_ok}


def files(mode: int, *, is_own: bool = True) -> ConfigurationFacts:
    return ConfigurationFacts((SecretFile(Path("/srv/my data/secret.key"), mode, is_own),))


@pytest.mark.parametrize(
    "changes",
    [
        {},
        {"public_url": None, "trusted_proxies": 0},
        {"public_url": "http://127.0.0.1:8000", "trusted_proxies": 0},
        {"redis_url": "redis://127.0.0.1:6379/0"},
        {"redis_url": "redis://localhost/0"},
        {"redis_url": "rediss://:pw@queue.example:6379/0"},
        {"redis_url": "rediss://user:pw@[2001:db8::1]:6379/0"},
        {"database_url": "postgresql+psycopg://u:p@/desk?host=/run/postgresql"},
        {"database_url": "postgresql+psycopg://u:p@127.0.0.1/desk"},
        {"database_url": "postgresql+psycopg://u:p@[::1]/desk"},
        {"database_url": "postgresql+psycopg://u:p@db.example/desk?sslmode=require"},
        {"database_url": "postgresql+psycopg://u:p@db.example/desk?sslmode=verify-full"},
    ],
)
def test_what_is_well(changes: dict[str, Any]) -> None:
    assert faults(**changes) == {}


@pytest.mark.parametrize(
    ("changes", "check", "said"),
    [
        ({"trusted_proxies": 0}, "addresses", "one person's wrong guesses hold up all others"),
        ({"public_url": "http://desk.example.com"}, "addresses", "travel unencrypted"),
        ({"public_url": None}, "addresses", "TRIAGEDESK_PUBLIC_URL is not set"),
        ({"secret_key": "a" * 32}, "keys", "TRIAGEDESK_SECRET_KEY has very few"),
        ({"encryption_keys": (generate_key(), "A" * 43 + "=")}, "keys", "is not random"),
        ({"redis_url": "redis://:pw@queue.example/0"}, "connections", "without TLS"),
        ({"redis_url": "redis://10.0.0.7/0"}, "connections", "without a password"),
        ({"redis_url": "rediss://queue.example/0"}, "connections", "without a password"),
        ({"database_url": "postgresql+psycopg://u:hunter2@db/d"}, "connections", "sslmode=prefer"),
        (
            {"database_url": "postgresql+psycopg://u:hunter2@db/d?sslmode=allow"},
            "connections",
            "sslmode=allow",
        ),
        ({"database_url": "postgresql+psycopg:///d?host=db.example"}, "connections", "db.example"),
    ],
)
def test_what_is_wrong(changes: dict[str, Any], check: str, said: str) -> None:
    found = faults(**changes)
    [(name, words)] = found.items()
    assert name.startswith(check)
    assert said in words
    assert "hunter2" not in words
    assert ":pw" not in words


def test_the_libpq_variable_counts_as_well() -> None:
    url = "postgresql+psycopg://u:p@db.example/desk"
    assert faults(ConfigurationFacts(ssl_mode="verify-full"), database_url=url) == {}
    assert faults(ConfigurationFacts(ssl_mode="disable"), database_url=url)
    assert faults(ConfigurationFacts(ssl_mode="require"), database_url=f"{url}?sslmode=disable")


@pytest.mark.parametrize("mode", [0o644, 0o640, 0o604, 0o602, 0o620, 0o666])
def test_a_secret_that_others_can_read(mode: int) -> None:
    said = faults(files(mode))["keys"]
    assert "Others on this machine can read /srv/my data/secret.key." in said
    assert "chmod 600 '/srv/my data/secret.key'" in said


@pytest.mark.parametrize(("mode", "is_own"), [(0o600, True), (0o400, True), (0o640, False)])
def test_a_secret_that_only_this_service_can_read(mode: int, is_own: bool) -> None:
    """A file of root's is given to the service by its group."""
    assert faults(files(mode, is_own=is_own)) == {}


def test_a_file_of_roots_that_everybody_reads() -> None:
    assert faults(files(0o644, is_own=False))


def test_several_faults_are_all_told() -> None:
    said = faults(files(0o644), secret_key="a" * 32)["keys"]
    assert "chmod 600" in said
    assert "TRIAGEDESK_SECRET_KEY" in said


def test_facts_are_of_the_files_that_secrets_come_from(tmp_path: Path) -> None:
    for name in ("secret.key", "redis-url", "unrelated"):
        (tmp_path / name).touch(mode=0o600)
    env = {
        "TRIAGEDESK_REDIS_URL_FILE": str(tmp_path / "redis-url"),
        "TRIAGEDESK_METRICS_TOKEN_FILE": str(tmp_path / "missing"),
        "PGSSLMODE": "require",
    }
    facts = gather_facts(make_config(tmp_path), env)
    assert [file.path.name for file in facts.secret_files] == ["secret.key", "redis-url"]
    assert all(file.is_own and file.mode & 0o777 == 0o600 for file in facts.secret_files)
    assert facts.ssl_mode == "require"
