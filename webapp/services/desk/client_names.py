"""Finding a client by a typed name."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.name_match import normalize_name
from webapp.models import Client

_SHOWN = 80


class ClientNames:
    """All clients by name, read once for many look-ups."""

    def __init__(self, session: Session) -> None:
        self.clients = list(session.scalars(select(Client).order_by(Client.name, Client.id)))
        self._by_name = {client.name: client for client in self.clients}
        self._by_key: dict[str, list[Client]] = {}
        for client in self.clients:
            self._by_key.setdefault(_key(client.name), []).append(client)
        self._by_normalized = {normalize_name(one.name): one for one in self.clients}

    def find(self, name: str) -> Client | None:
        """The client with this name, or else the only one that differs in case or spaces."""
        if name in self._by_name:
            return self._by_name[name]
        same = self._by_key.get(_key(name), [])
        return same[0] if len(same) == 1 else None

    def find_normalized(self, name: str) -> Client | None:
        """A client whose name only differs in what matching by name does not look at, or None."""
        key = normalize_name(name)
        return self._by_normalized.get(key) if key else None

    def problem(self, name: str) -> str | None:
        """A sentence that says why no organization can be mapped to `name`; None if it can."""
        client = self.find(name)
        shown = name if len(name) <= _SHOWN else name[: _SHOWN - 1] + "…"
        if client is None:
            return f'There is no client "{shown}". Choose one from the list, or create it first.'
        if not client.is_active:
            return (
                f'The client "{client.name}" is not active. Choose another, or activate it first.'
            )
        return None


def _key(name: str) -> str:
    return " ".join(name.split()).casefold()
