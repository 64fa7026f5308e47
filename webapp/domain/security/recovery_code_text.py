"""Recovery codes as text: how they are written down, and read again as people type them.

A code has 120 random bits, so that its plain SHA-256 is stored (OWASP ASVS 6.5.2 asks for at least
112); nobody can try them all.
"""

import base64

CODE_COUNT = 10
RECOVERY_CODE_BYTES = 15
FEW_CODES = 3
"""From this number of unused codes on, people are told to make new ones."""

_CODE_CHARACTERS = 24
_GROUP = 4
_ALPHABET = frozenset("abcdefghijklmnopqrstuvwxyz234567")


def write_recovery_code(secret: bytes) -> str:
    """15 random bytes as six groups of four letters and digits, such as `k7wm-2aqx-…`."""
    text = base64.b32encode(secret).decode().lower()
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def read_recovery_code(typed: str) -> str | None:
    """The code as it was written, in any case and grouping; None for anything else."""
    text = "".join(typed.replace("-", " ").split()).lower()
    if len(text) != _CODE_CHARACTERS or not _ALPHABET.issuperset(text):
        return None
    return "-".join(text[at : at + _GROUP] for at in range(0, len(text), _GROUP))


def is_running_low(unused: int) -> bool:
    """Whether somebody with so many unused codes should make new ones."""
    return unused <= FEW_CODES
