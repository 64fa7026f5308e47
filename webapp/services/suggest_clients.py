"""Clients whose names are similar to an organization's: only ever offered, never linked."""

from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

from webapp.domain.name_match import normalize_name

MOST = 3
LEAST_SCORE = 88.0
"""Of 100: `Acme Dental LLC` and `Acme Dental` are similar, `Acme Dental` and `Apex Dental` not."""

_FORMS = frozenset(
    (
        *("inc", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "gmbh", "ag"),
        *("bv", "nv", "sa", "sarl", "srl", "plc", "pty", "lp", "llp", "kg"),
        *("the", "group", "holding", "holdings"),
    )
)
"""Words that say what kind of company it is, not which."""


def suggest_clients(name: str, clients: Sequence[str]) -> list[str]:
    """Up to three of `clients` with a name similar to `name`, the most similar first."""
    wanted = _essence(name)
    if not wanted:
        return []
    found = process.extract(
        wanted,
        [_essence(client) for client in clients],
        scorer=fuzz.token_ratio,  # also finds a name that is all of the other one's words, and more
        score_cutoff=LEAST_SCORE,
        limit=MOST * 3,
    )
    closest = sorted(found, key=lambda match: -fuzz.token_sort_ratio(wanted, match[0]))
    return [clients[place] for _, _, place in closest[:MOST]]


@lru_cache(maxsize=20_000)
def _essence(name: str) -> str:
    """What of a name is compared; one that is nothing but such words stays as it is."""
    normalized = normalize_name(name)
    return " ".join(w for w in normalized.split() if w not in _FORMS) or normalized
