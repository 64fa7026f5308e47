"""Which passwords are taken: long enough, not one thing over and over, not the person's own words.

No kinds of characters are asked for, and passwords never expire: both lead people to worse ones
(OWASP ASVS 5.0, 6.2; NIST SP 800-63B, 3.1.1). What is common is looked up elsewhere.
"""

import re
from collections.abc import Iterable
from enum import StrEnum

LEAST = 12
LEAST_WITH_FACTOR = 8
MOST = 1024
"""The least and the most characters of a password; fewer are enough beside a second factor."""

PRODUCT_WORDS = ("huntress", "triagedesk", "triage", "desk")
SHORTEST_WORD = 3
LEAST_BESIDE_WORDS = 6
"""So many letters and digits have to be left without the words of the context."""
LEAST_DIFFERENT = 4

LOOKALIKES = str.maketrans("013457@$!", "oleastasi")
"""Digits and signs that people write for a letter; they hide nothing."""

RULE = (
    f"At least {LEAST} characters ({LEAST_WITH_FACTOR} beside a second factor). Several words that "
    "have nothing to do with each other are strong."
)
"""The rules in words, for the forms that set a password."""


class Strength(StrEnum):
    """How hard a password is to guess, in a word; a weak one is refused."""

    WEAK = "weak"
    FAIR = "fair"
    GOOD = "good"
    STRONG = "strong"


def context_words(texts: Iterable[str]) -> tuple[str, ...]:
    """The words that are no secret where these texts are known, those of the product included.

    The texts are names, e-mail addresses and host names: each as a whole and its parts. The last
    part of an address or host is left out, because "com" says nothing. The longest word comes
    first.
    """
    words = set(PRODUCT_WORDS)
    for text in texts:
        folded = text.casefold().strip()
        is_host = " " not in folded and "." in folded
        known = folded.rpartition(".")[0] if is_host else folded
        words.update(re.findall(r"[^\W_]+", known))
        words.update(_squeeze(piece) for piece in (folded, *folded.split("@")))
    return tuple(
        sorted((word for word in words if len(word) >= SHORTEST_WORD), key=lambda w: (-len(w), w))
    )


def find_fault(password: str, words: Iterable[str], *, has_factor: bool) -> str | None:
    """What is wrong with a new password by its length, variety and context, as a sentence.

    `words` are those of context_words(). None if nothing is wrong.
    """
    least = LEAST_WITH_FACTOR if has_factor else LEAST
    if len(password) < least:
        return f"A password has at least {least} characters."
    if len(password) > MOST:
        return f"A password has at most {MOST} characters."
    if len(set("".join(password.casefold().split()))) < LEAST_DIFFERENT:
        return "This password is one or a few characters over and over. Several words are better."
    if _piece_length(password) < least:  # it is no longer than what it repeats
        return "This password repeats one short piece over and over. Several words are better."
    if _is_context(password, words):
        return (
            "This password is little more than your name, your address or the name of this "
            "product. Add words that nobody would guess from them."
        )
    return None


def _piece_length(password: str) -> int:
    """The length of the shortest piece that gives the password when it is repeated."""
    folded = password.casefold()  # it may be longer: an "ß" becomes "ss"
    times = len(folded) // (folded + folded).find(folded, 1)
    return len(password) // times


def _is_context(password: str, words: Iterable[str]) -> bool:
    """Whether hardly anything is left of the password without the words of the context."""
    for text in (password.casefold(), password.casefold().translate(LOOKALIKES)):
        squeezed = left = _squeeze(text)
        for word in words:
            left = left.replace(word, "")
        if left != squeezed and len(left) < LEAST_BESIDE_WORDS:
            return True
    return False


def _squeeze(text: str) -> str:
    """The letters and digits of a text."""
    return re.sub(r"[\W_]+", "", text)
