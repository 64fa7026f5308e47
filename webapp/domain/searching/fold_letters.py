"""Letters without accents and case, as the search index has them (migration 0015)."""

import re
import unicodedata
from functools import cache

OTHER_LETTERS = {
    **{"ł": "l", "ø": "o", "đ": "d", "ð": "d", "ħ": "h", "ŧ": "t", "ı": "i"},
    **{"ß": "ss", "æ": "ae", "œ": "oe", "þ": "th"},
}
"""Letters that Unicode does not know as another letter with an accent, in lower case."""

_MARKS = "\u0300-\u036f"
_MARK = re.compile(f"[{_MARKS}]+")
_LETTERS_WITH_ACCENTS = (range(0xC0, 0x250), range(0x1E00, 0x1F00))
_IN_TWO = re.compile(r"s{2,}|ae|oe|th|.", re.DOTALL)
_SHARP = "ß"


def fold_letters(text: str) -> str:
    """Return `text` in lower case, accents taken off: `Müller` is `muller`, `Łódź` is `lodz`."""
    lowered = text.lower()
    if lowered.isascii():
        return lowered
    bare = unicodedata.normalize("NFC", _MARK.sub("", unicodedata.normalize("NFD", lowered)))
    return plain_letters(bare)


def plain_letters(text: str) -> str:
    """Return `text` with the OTHER_LETTERS as plain ones, in lower case; the rest stays."""
    if text.isascii():
        return text
    return "".join(OTHER_LETTERS.get(letter.lower(), letter) for letter in text)


def pattern_of(word: str) -> str:
    """Return a regular expression for all spellings of `word`; it ignores case by re.IGNORECASE.

    It is quicker to look for spellings in a text than to fold the text, and where they are is
    known.
    """
    return "".join(_spelling(part) for part in _IN_TWO.findall(fold_letters(word)))


@cache
def _variants() -> dict[str, str]:
    """All letters (in lower case) that fold to each plain letter or pair of letters."""
    found: dict[str, str] = {}
    for letters in _LETTERS_WITH_ACCENTS:
        for letter in map(chr, letters):
            if letter == letter.lower() and (plain := fold_letters(letter)) != letter:
                found[plain] = found.get(plain, "") + letter
    return found


@cache
def _spelling(part: str) -> str:
    if part.startswith("ss"):
        return f"(?:{_spelling('s')}|{_SHARP}){{{(len(part) + 1) // 2},{len(part)}}}"
    other_letters = _variants().get(part, "")
    if len(part) > 1:
        apart = "".join(_spelling(letter) for letter in part)
        return f"(?:{apart}|[{other_letters}])" if other_letters else apart
    letter = f"[{re.escape(part)}{other_letters}]" if other_letters else re.escape(part)
    return f"{letter}[{_MARKS}]*" if part.isalpha() else letter
