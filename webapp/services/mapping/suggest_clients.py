"""Suggesting clients whose names are similar to an organization's; they are never linked."""

import unicodedata
from collections.abc import Sequence
from functools import lru_cache

from rapidfuzz import fuzz, process

from webapp.domain.name_match import normalize_name

MOST = 3
LEAST_SCORE = 88.0
"""The least score, of 100, of a similar name.

`Acme Dental LLC` is similar to `Acme Dental`, but `Apex Dental` is not.
"""

_FORMS = frozenset(
    (
        *("inc", "llc", "ltd", "limited", "corp", "corporation", "co", "company", "gmbh", "ag"),
        *("bv", "nv", "sa", "sarl", "srl", "plc", "pty", "lp", "llp", "kg"),
        *("the", "group", "holding", "holdings"),
    )
)
"""Words that say what kind of company it is, not which one; they are not compared."""


class SimilarClients:
    """Clients by name, prepared once for the many organizations of a page."""

    def __init__(self, clients: Sequence[str]) -> None:
        self._clients = clients
        self._essences = [_essence(client) for client in clients]

    def suggest(self, name: str) -> list[str]:
        """Return up to three clients with a name similar to `name`, the most similar first."""
        wanted = _essence(name)
        if not wanted:
            return []
        found = process.extract(
            wanted,
            self._essences,
            scorer=fuzz.token_ratio,  # also finds a name whose words are all in the other one
            score_cutoff=LEAST_SCORE,
            limit=MOST * 3,
        )
        closest = sorted(found, key=lambda match: -fuzz.token_sort_ratio(wanted, match[0]))
        return [self._clients[place] for _, _, place in closest[:MOST]]


def find_alike(names: Sequence[str]) -> dict[str, list[str]]:
    """Return by name the other names that only differ in accents or in the form of the company."""
    groups: dict[str, list[str]] = {}
    for name in dict.fromkeys(names):
        groups.setdefault(_essence(name) or name, []).append(name)
    return {
        name: [other for other in group if other != name]
        for group in groups.values()
        for name in group
    }


@lru_cache(maxsize=20_000)
def _essence(name: str) -> str:
    """Return the part of a name that is compared: without accents and without the words in _FORMS.

    A name that has only such words keeps them.
    """
    plain = (c for c in unicodedata.normalize("NFD", name) if not unicodedata.combining(c))
    normalized = normalize_name("".join(plain))
    return " ".join(w for w in normalized.split() if w not in _FORMS) or normalized
