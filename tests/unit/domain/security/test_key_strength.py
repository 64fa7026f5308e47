"""Keys that people make up are found; keys that are random are never refused."""

import random
import secrets

import pytest

from webapp.domain.security.key_strength import are_bytes_weak, find_weakness


@pytest.mark.parametrize(
    ("key", "why"),
    [
        ("a" * 32, "has very few different characters"),
        ("abcabc1" * 6, "has very few different characters"),
        ("correct-hb" * 4, "repeats itself"),
        ("0123456789" * 4 + "0123", "repeats itself"),
        ("abcdefghijklmnopqrstuvwxyz0123456789", "consists of characters in their order"),
        ("zyxwvutsrqponmlkjihgfedcba9876543210", "consists of characters in their order"),
        ("please-change-this-secret-key-in-production", "consists of common words"),
        ("SuperSecretPassword_SuperSecretKey!", "consists of common words"),
        ("correct horse battery staple 12345", "consists of common words"),
        ("triagedesk-secret-key-2026-11-29!!", "consists of common words"),
    ],
)
def test_what_a_person_makes_up_is_found(key: str, why: str) -> None:
    assert find_weakness(key) == why


def test_random_keys_are_taken_in_every_alphabet() -> None:
    chance = random.Random(20261129)
    for _ in range(3_000):
        raw = chance.randbytes(32)
        assert find_weakness(raw.hex()[:32]) is None
        assert find_weakness(raw.hex()) is None
        assert not are_bytes_weak(raw)
        assert find_weakness("".join(chance.choices("abcdefghijklmnopqrstuvwxyz", k=32))) is None
    assert find_weakness(secrets.token_urlsafe(48)) is None


def test_a_random_key_with_a_word_in_it_is_taken() -> None:
    assert find_weakness("Xsecret9fK2mQvR7tLp0wZyB4nHjDkS1uGe") is None


@pytest.mark.parametrize("key", [bytes(32), b"abcd" * 8, bytes(range(32)), b"\0" * 30 + b"xy"])
def test_bytes_that_are_not_random_are_found(key: bytes) -> None:
    assert are_bytes_weak(key)
