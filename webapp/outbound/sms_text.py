"""What a text message costs: segments, and the two alphabets of GSM (3GPP TS 23.038).

A text whose characters are all in the 7-bit alphabet has 160 characters in one segment and 153 in
each of several; one other character anywhere makes it UCS-2, with 70 and 67.
"""

from collections.abc import Callable, Sequence

from webapp.outbound.cut_text import ELLIPSIS, cut_to_fit

SEGMENTS = 3
ROOM_FOR_TEXT = 100
"""What a second ending has to leave for the text."""
_BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
_EXTENDED = frozenset("^{}\\[~]|€\f")
_GSM_SIZE, _UCS2_SIZE = 153 * SEGMENTS - 2, 67 * SEGMENTS - 2
"""A character of two units is not split, so each segment but the last may lose a unit."""
_PLAIN = str.maketrans(
    {
        **dict.fromkeys("‘’‚′", "'"),
        **dict.fromkeys("“”„″", '"'),
        **dict.fromkeys("‐‑‒–—−·•", "-"),
        **dict.fromkeys("\u00a0\u202f\u2009", " "),
        **{"→": "->", ELLIPSIS: "..."},
    }
)


def fit_endings(text: str, endings: Sequence[str]) -> str:
    """Return `text` and `endings`, each whole on a line of its own, as `fit_segments` does.

    Endings that leave too little room for the text are left out, but for the first.
    """
    measure, size = _counting("".join((text.translate(_PLAIN), *endings)))
    needed = min(measure(text.translate(_PLAIN)), ROOM_FOR_TEXT)
    chosen = ""
    for ending in endings:
        longer = f"{chosen}\n{ending}"
        if not chosen or measure(longer) + needed <= size:
            chosen = longer
    return fit_segments(text, chosen)


def fit_segments(text: str, ending: str) -> str:
    """Return `text` and `ending` as one message of at most `SEGMENTS` segments.

    Only `text` is cut. Dashes, quotation marks and the like are written so that they alone do not
    make the message twice as dear.
    """
    text = text.translate(_PLAIN)
    measure, size = _counting(text + ending)
    ellipsis = "..." if measure is _septets else ELLIPSIS
    return cut_to_fit(text, max(size - measure(ending), 0), measure, ellipsis=ellipsis) + ending


def count_segments(text: str) -> int:
    """Return how many segments `text` takes."""
    measure, _ = _counting(text)
    single, each = (160, 153) if measure is _septets else (70, 67)
    return 1 if measure(text) <= single else -(-measure(text) // each)


def _counting(text: str) -> tuple[Callable[[str], int], int]:
    """Return how to count in the alphabet that `text` needs, and what there is room for."""
    if all(character in _BASIC or character in _EXTENDED for character in text):
        return _septets, _GSM_SIZE
    return _utf16_units, _UCS2_SIZE


def _septets(text: str) -> int:
    return len(text) + sum(character in _EXTENDED for character in text)


def _utf16_units(text: str) -> int:
    return len(text.encode("utf-16-le", errors="replace")) // 2
