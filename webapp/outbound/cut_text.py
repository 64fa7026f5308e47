"""Cutting text to what a service takes, as the service counts it.

No cut splits an address or a character that is written with several code points (an emoji, a letter
with its accents). Escapes cannot be split, because what is cut is the text before it is escaped.
"""

import re
import unicodedata
from collections.abc import Callable

ELLIPSIS = "…"
_SCHEME = re.compile(r"[A-Za-z][A-Za-z0-9+.-]*\Z")
_LONGEST_SCHEME = 16
_JOINER = "\u200d"
_FLAG_LETTERS = "".join(map(chr, range(0x1F1E6, 0x1F200)))
_LONGEST_CHARACTER = 32
"""Further back than this nobody looks for the beginning of a character."""


def cut_to_fit(
    text: str, limit: int, measure: Callable[[str], int] = len, *, ellipsis: str = ELLIPSIS
) -> str:
    """Return `text`, or as much of it as `measure` finds no larger than `limit`, with `ellipsis`.

    `measure` must not give less for a longer text. The result is empty where not even the ellipsis
    fits.
    """
    if measure(text) <= limit:
        return text
    fitting, too_long = -1, len(text)
    while too_long - fitting > 1:
        middle = (fitting + too_long) // 2
        if measure(text[:middle] + ellipsis) <= limit:
            fitting = middle
        else:
            too_long = middle
    if fitting < 0:
        return ""
    return text[: _end_before(text, fitting)].rstrip() + ellipsis


def utf8_size(text: str) -> int:
    """Return the size of `text` in bytes of UTF-8."""
    return len(text.encode(errors="replace"))


def _end_before(text: str, end: int) -> int:
    """Return the last place at or before `end` where neither address nor character is split."""
    end = _address_start(text, end)
    for place in range(end, max(end - _LONGEST_CHARACTER, -1), -1):
        if _is_between_characters(text, place):
            return place
    return end


def _address_start(text: str, end: int) -> int:
    """Return where the address begins that `end` would split, or `end`."""
    if end == 0 or text[end - 1].isspace() or text[end].isspace():
        return end
    before, after = text[:end].rsplit(maxsplit=1)[-1], text[end:].split(maxsplit=1)[0]
    word_start = end - len(before)
    scheme_end = (before + after).find("://")
    if scheme_end < 0:
        return end
    scheme = _SCHEME.search((before + after)[max(scheme_end - _LONGEST_SCHEME, 0) : scheme_end])
    length = len(scheme.group()) if scheme else 0
    return min(word_start + scheme_end - length, end)


def _is_between_characters(text: str, place: int) -> bool:
    if place == 0:
        return True
    before, after = text[place - 1], text[place]
    if _JOINER in (before, after) or _continues(after):
        return False
    # A flag is two letters of its own alphabet, so flags beside each other are counted in pairs.
    flags = text[max(place - _LONGEST_CHARACTER, 0) : place]
    return (len(flags) - len(flags.rstrip(_FLAG_LETTERS))) % 2 == 0 or after not in _FLAG_LETTERS


def _continues(character: str) -> bool:
    """Whether this is written onto the character before: an accent, a skin tone, a variant."""
    return unicodedata.category(character) in ("Mn", "Mc", "Me") or (
        "\U0001f3fb" <= character <= "\U0001f3ff"
    )
