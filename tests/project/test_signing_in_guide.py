"""docs/signing-in.md says the numbers that hold."""

import re
from datetime import timedelta
from pathlib import Path

import pytest
from argon2 import PasswordHasher, extract_parameters

from webapp.config import SecuritySettings
from webapp.domain.security.passwords import LEAST, LEAST_WITH_FACTOR, MOST, PRODUCT_WORDS
from webapp.domain.security.throttle import LIMITS, Counted
from webapp.models.user import PURPOSE_INVITATION, PURPOSE_RESET
from webapp.services.people.password_links import LINK_LIFETIMES
from webapp.services.people.users import hash_password

GUIDE = (Path(__file__).parents[2] / "docs" / "signing-in.md").read_text(encoding="utf-8")
ROWS = {
    Counted.ACCOUNT: "an account, from browsers that do not know it",
    Counted.ADDRESS: "an address (an IPv6 /64 network)",
    Counted.DEVICE: "an account in a browser that signed in to it before",
    Counted.FACTOR: "the second factor of a person",
    Counted.SESSION: "a session in which a password or code is shown again",
}


def seconds(words: str) -> timedelta:
    number, unit = re.fullmatch(r"(\d+) (s|min|h)", words).groups()
    return timedelta(**{{"s": "seconds", "min": "minutes", "h": "hours"}[unit]: int(number)})


@pytest.mark.parametrize("kind", Counted)
def test_the_table_of_waits(kind: Counted) -> None:
    [row] = [line for line in GUIDE.splitlines() if line.startswith(f"| {ROWS[kind]} |")]
    _, _, free, waits, most, forgotten, _ = (cell.strip() for cell in row.split("|"))
    limit = LIMITS[kind]
    assert int(free) == limit.free
    first, second, third, _ = waits.split(", ")
    assert [seconds(wait) for wait in (first, second, third)] == [
        limit.first_wait * factor for factor in (1, 2, 4)
    ]
    assert seconds(most) == limit.longest_wait
    assert seconds(forgotten) == limit.forgotten_after


def test_the_defaults() -> None:
    settings = SecuritySettings()
    assert f"lasts {settings.session_lifetime.days} days" in GUIDE
    assert f"asked for {settings.idle_lifetime // timedelta(hours=1)} hours" in GUIDE


def test_the_rules_of_passwords() -> None:
    text = " ".join(GUIDE.split())
    assert f"at least {LEAST} characters, at most {MOST}; {LEAST_WITH_FACTOR} are enough" in text
    assert f"and {', '.join(PRODUCT_WORDS)}." in text
    invitation, reset = (
        LINK_LIFETIMES[purpose] // timedelta(hours=1)
        for purpose in (PURPOSE_INVITATION, PURPOSE_RESET)
    )
    assert f"an invitation works for {invitation} hours" in text
    assert f"chooses a new password for {reset}, each once" in text


def test_how_passwords_are_stored(real_passwords: PasswordHasher) -> None:
    cost = extract_parameters(hash_password("correct horse"))
    words = f"{cost.memory_cost // 1024} MiB, {cost.time_cost} passes, {cost.parallelism} lanes"
    assert f"Argon2id ({words})" in GUIDE
