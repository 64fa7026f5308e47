"""Whether a key looks as if a person had made it up, or copied it from an example.

It cannot prove that a key is random; it finds what certainly is not. A key of 32 random characters
or more is taken, in whatever alphabet (hexadecimal digits, base64) it is written.
"""

import re
from itertools import pairwise

FEW_CHARACTERS = 8
"""Of 32 random hexadecimal digits, fewer than eight different ones are one case in 28 million."""

FEW_BYTES = 12
"""32 random bytes are nearly all different."""

LEFT_OF_WORDS = 16
"""With so many characters left that are no common word, a key is not made of words."""

_WORDS = re.compile(
    "development|production|password|example|default|huntress|insecure|abcdef|cookie|correct"
    "|letmein|battery|please|qwerty|qwertz|random|replace|secret|secure|session|staple|string"
    "|ticket|triage|welcome|admin|change|flask|horse|super|value|demo|desk|here|long|must|test"
    "|this|very|your|key",
    re.IGNORECASE,
)
"""What made-up keys are made of; a longer word stands before one that it begins with."""


def find_weakness(key: str) -> str | None:
    """Why a key of characters is no key, as the end of a sentence; None if nothing is found."""
    if len(set(key)) < FEW_CHARACTERS:
        return "has very few different characters"
    if _is_repeated(key):
        return "repeats itself"
    if _is_in_order(key):
        return "consists of characters in their order"
    rest = re.sub(r"[^A-Za-z0-9]", "", _WORDS.sub("", key))
    if len(rest) < LEFT_OF_WORDS and _WORDS.search(key):
        return "consists of common words"
    return None


def are_bytes_weak(key: bytes) -> bool:
    """Whether the bytes of a key are certainly not random."""
    return len(set(key)) < FEW_BYTES or _is_in_order(key)


def _is_repeated(key: str) -> bool:
    """Whether the key is a shorter text over and over, the last time perhaps cut off."""
    return any(key[width:] == key[:-width] for width in range(1, len(key) // 2 + 1))


def _is_in_order(key: str | bytes) -> bool:
    """Whether most characters follow the one before them, up or down, beyond what chance does."""
    codes = list(key) if isinstance(key, bytes) else [ord(one) for one in key]
    steps = sum(abs(after - before) <= 1 for before, after in pairwise(codes))
    return steps * 3 > len(codes) * 2
