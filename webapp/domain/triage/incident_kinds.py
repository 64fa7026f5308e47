"""The kinds of incidents, which Huntress calls indicator types: their words and their gravity."""

from collections.abc import Iterable, Sequence
from typing import NamedTuple

KIND_WORDS = {
    "ransomware_canaries": "Ransomware canaries",
    "behavioral_detections": "Suspicious behavior",
    "process_detections": "Malicious process",
    "managed_identity": "Identity threat",
    "footholds": "Persistent foothold",
    "mde_detections": "Defender for Endpoint",
    "email_security_detections": "Malicious email",
    "siem_detections": "SIEM detection",
    "antivirus_detections": "Antivirus detection",
    "favicon_detections": "Look-alike site",
    "monitored_files": "Monitored file changed",
    "ai_misuse": "AI misuse",
    "app_control": "Blocked program",
}
"""The words for each known kind, the gravest first."""

_GRAVITY = {kind: place for place, kind in enumerate(KIND_WORDS)}


class KindsInWords(NamedTuple):
    """The gravest kind in words, and how many others there are."""

    words: str
    more: int


def order_kinds(kinds: Iterable[str]) -> list[str]:
    """The kinds without doubles, the gravest first; those nobody knows last, in their order."""
    return sorted(dict.fromkeys(kinds), key=lambda kind: _GRAVITY.get(kind, len(_GRAVITY)))


def kind_words(kind: str) -> str:
    """The words for one kind; an unknown one is shown as Huntress writes it, without underscores.

    >>> kind_words("rogue_things")
    'Rogue things'
    """
    plain = " ".join(kind.replace("_", " ").split())
    return KIND_WORDS.get(kind) or plain[:1].upper() + plain[1:]


def gravest_kind(kinds: Sequence[str]) -> KindsInWords | None:
    """The first of `kinds`, which are in the order of `order_kinds`; None if there is none."""
    named = [words for words in map(kind_words, kinds) if words]
    return KindsInWords(named[0], len(named) - 1) if named else None
