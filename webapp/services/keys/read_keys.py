"""Which keys there are, where they come from, and how many stored values use each."""

from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from sqlalchemy.orm import Session

from webapp.config import SourceKind
from webapp.crypto import DecryptionError, cipher, is_of_today
from webapp.extensions import current_config
from webapp.services.keys.stored_values import list_values
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class KeyUse:
    """A configured key; `outdated` of its `uses` have the form from before there were key ids."""

    id: str
    is_newest: bool
    source: str
    uses: int
    outdated: int

    def as_dict(self) -> dict[str, object]:
        """The row of lists and JSON documents."""
        return {
            "id": self.id,
            "role": "encrypts" if self.is_newest else "only decrypts",
            "source": self.source,
            "values": self.uses,
            "old_form": self.outdated,
        }


def list_keys() -> list[KeyUse]:
    """The configured keys, the newest first."""
    with reading() as session:
        uses, outdated = count_uses(session)
    source = describe_source()
    return [
        KeyUse(one, place == 0, source, uses[one], outdated[one])
        for place, one in enumerate(cipher.key_ids)
    ]


def count_uses(session: Session) -> tuple[Counter[str], Counter[str]]:
    """How many stored values each key decrypts, and how many of these have an older form."""
    uses: Counter[str] = Counter()
    outdated: Counter[str] = Counter()
    for value in list_values(session):
        try:
            _, used = cipher.open(value.stored, value.place)
        except DecryptionError:
            continue
        uses[used] += 1
        outdated[used] += not is_of_today(value.stored)
    return uses, outdated


def describe_source() -> str:
    """Where the keys come from, in words."""
    source = current_config().encryption_source
    if source.kind is SourceKind.VARIABLE:
        return "TRIAGEDESK_ENCRYPTION_KEYS"
    return f"{source.kind}: {source.path}"


def own_key_file() -> Path | None:
    """The key file in the data directory; None where the keys come from elsewhere."""
    source = current_config().encryption_source
    return source.path if source.kind is SourceKind.DATA_DIR else None
