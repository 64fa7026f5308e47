""" "Did you mean": clients and hosts whose names are like what was searched for in vain."""

from collections.abc import Iterable, Sequence

from rapidfuzz import fuzz, process
from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.searching.fold_letters import fold_letters
from webapp.domain.searching.operators import parse_operators
from webapp.models import Asset, Client, Ticket

MOST_NAMES = 20_000
"""So many of the names of hosts are compared, those of the newest tickets first."""

OFFERED = 3
LEAST_LIKENESS = 74
LEAST_LETTERS = 3
LEAST_OF_WORD = 4
"""A word of a client's name says which client it is only if it has so many letters."""

_TYPED_WORDS = 8


def find_similar(session: Session, typed: str) -> Sequence[str]:
    """Return searches like `typed` with the name of a client or host in it; best first."""
    parsed = parse_operators(typed)
    asked = {one.value: f"{one.name}:" for one in parsed.operators if one.asks in _NAMED}
    words = [word for word in parsed.text.replace('"', " ").split() if word.isprintable()]
    candidates = [*asked, *([" ".join(words)] if len(words) > 1 else []), *words[:_TYPED_WORDS]]
    candidates = [one for one in candidates if len(one) >= LEAST_LETTERS]
    if not candidates:
        return ()
    names = _read_names(session)
    scored: dict[str, float] = {}
    for candidate in candidates:
        for name, likeness in _similar(candidate, names):
            search = _replaced(typed, candidate, name)
            scored[search] = max(likeness, scored.get(search, 0))
    ranked = sorted(scored, key=lambda search: (-scored[search], search))
    return [search for search in ranked if search != typed][:OFFERED]


_NAMED = frozenset({"client", "host"})


def _read_names(session: Session) -> dict[str, str]:
    """Return names of clients and hosts, and the words of clients' names, by their folded form.

    Whoever searches seldom types the whole name of a client.
    """
    clients = session.scalars(select(Client.name).order_by(Client.id).limit(MOST_NAMES)).all()
    words = (word.strip(",;.()&") for name in clients for word in name.split())
    newest = (
        select(Ticket.subject_name)
        .where(Ticket.subject_name.is_not(None))
        .order_by(Ticket.id.desc())
        .limit(MOST_NAMES)
    )
    assets = select(Asset.name).order_by(Asset.id.desc()).limit(MOST_NAMES)
    hosts = (*session.scalars(newest), *session.scalars(assets))
    return _by_fold((*clients, *hosts, *(word for word in words if len(word) >= LEAST_OF_WORD)))


def _by_fold(names: Iterable[str | None]) -> dict[str, str]:
    found: dict[str, str] = {}
    for name in names:
        if name:
            found.setdefault(fold_letters(name), name)
    return found


def _similar(candidate: str, names: dict[str, str]) -> list[tuple[str, float]]:
    folded = fold_letters(candidate)
    if folded in names:
        return []  # it is typed well, and something else is wrong
    close = process.extract(
        folded, names.keys(), scorer=fuzz.ratio, score_cutoff=LEAST_LIKENESS, limit=OFFERED
    )
    return [(names[key], likeness) for key, likeness, _ in close]


def _replaced(typed: str, candidate: str, name: str) -> str:
    quoted = f'"{name}"' if " " in name and '"' not in name else name
    if f'"{candidate}"' in typed:
        return typed.replace(f'"{candidate}"', quoted)
    return typed.replace(candidate, quoted)
