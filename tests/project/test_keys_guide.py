"""docs/keys.md tells of every secret, every command and all cryptography, and tells the truth."""

import re

import pytest

from tests.support.source_tree import ROOT
from webapp.cli.keys import keys
from webapp.config import PREFIX, SECRETS
from webapp.services.people import users

GUIDE = (ROOT / "docs" / "keys.md").read_text(encoding="utf-8")
INVENTORY = GUIDE.partition("## Inventory")[2]
PATHS = sorted(set(re.findall(r"`((?:webapp|deploy)/?[\w/.]*)`", GUIDE)))
CRYPTOGRAPHY = re.compile(
    r"^(?:import|from)"
    r" (hmac|cryptography[\w.]*|argon2|itsdangerous|joserfc|pyotp|webauthn|pyrage)\b",
    re.MULTILINE,
)
ONLY_COMPARED = {
    "webapp/huntress/simulator/simulator.py",
    "webapp/services/people/single_sign_on/finish.py",
    "webapp/web/operations/metrics_token.py",
}
"""They compare texts in constant time."""


@pytest.mark.parametrize("path", PATHS)
def test_every_path_exists(path: str) -> None:
    assert (ROOT / path).exists()


@pytest.mark.parametrize("name", SECRETS)
def test_every_secret_is_told_of(name: str) -> None:
    assert PREFIX + name in GUIDE


def test_every_command_is_told_of() -> None:
    told = set(re.findall(r"\| `triagedesk keys (\w+)", GUIDE))
    assert told == set(keys.commands)


def test_every_use_of_cryptography_is_in_the_inventory() -> None:
    """A module that imports cryptography stands in the table, by itself or by its folder."""
    told = re.findall(r"`(webapp/[\w/.]+)`", INVENTORY)
    modules = [path.relative_to(ROOT) for path in (ROOT / "webapp").rglob("*.py")]
    using = {str(path) for path in modules if CRYPTOGRAPHY.search((ROOT / path).read_text("utf-8"))}
    assert "webapp/crypto/cipher.py" in using
    assert {one for one in using - ONLY_COMPARED if one not in told} == set()


def test_the_cost_of_passwords_is_the_one_that_is_told(real_passwords: object) -> None:
    hasher = users._hasher
    assert f"{hasher.memory_cost // 1024} MiB, {hasher.time_cost} passes" in INVENTORY
    assert f"{hasher.parallelism} lanes" in INVENTORY
    assert (hasher.salt_len * 8, hasher.hash_len * 8) == (128, 256)
    assert "salt of 128 bits, hash of 256 bits" in INVENTORY
