"""Adding and editing assets, which only admins may do.

See delete_guard for deactivating and deleting them.
"""

from dataclasses import asdict, dataclass

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.models import Asset, Client
from webapp.services.desk.edit_rows import (
    apply_edit,
    read_line,
    record_added,
    version_of,
)
from webapp.services.desk.link_assets import hostname_key
from webapp.services.errors import FieldError
from webapp.services.lookups import get_row
from webapp.services.transactions import transaction

FIELDS = ("client_id", "name", "serial_number", "type", "asset_tag")


@dataclass(frozen=True, slots=True)
class AssetValues:
    """What a person enters about an asset; `name` is its hostname."""

    client_id: int
    name: str
    serial_number: str | None = None
    type: str | None = None
    asset_tag: str | None = None

    @property
    def key(self) -> tuple[str, str]:
        """Hostname and serial number, regardless of case: they tell a client's assets apart."""
        return asset_key(self.name, self.serial_number)


def asset_key(name: str, serial_number: str | None) -> tuple[str, str]:
    """Build the key that AssetValues.key describes."""
    return hostname_key(name), (serial_number or "").strip().casefold()


def read_asset_values(
    client_id: int | None,
    name: str | None,
    serial_number: str | None = None,
    type: str | None = None,
    asset_tag: str | None = None,
) -> AssetValues:
    """Clean the typed values and return them. Raises FieldError."""
    errors: dict[str, str] = {}
    hostname = read_line(name, "name", "The hostname", errors)
    if hostname is None:
        errors["name"] = "Enter a hostname."
    if client_id is None:
        errors["client_id"] = "Choose a client."
    serial = read_line(serial_number, "serial_number", "The serial number", errors)
    kind = read_line(type, "type", "The type", errors)
    tag = read_line(asset_tag, "asset_tag", "The asset tag", errors)
    if errors:
        raise FieldError(errors)
    return AssetValues(client_id or 0, hostname or "", serial, kind, tag)


def asset_version(row: Asset) -> str:
    """The version of the values that can be edited; see edit_rows.apply_edit."""
    return version_of({field: getattr(row, field) for field in FIELDS})


def add_asset(values: AssetValues, actor_id: int | None = None) -> Asset:
    """Add an active asset of an active client. Raises FieldError."""
    with transaction() as session:
        _lock_client(session, values.client_id)
        _check_is_new(session, values)
        row = Asset(**asdict(values), hostname_key=hostname_key(values.name))
        session.add(row)
        session.flush()
        record_added(session, row, asdict(values), actor_id)
        return row


def edit_asset(
    asset_id: int, values: AssetValues, *, seen: str | None = None, actor_id: int | None = None
) -> bool:
    """Save an asset's values; returns False if nothing changed.

    Raises FieldError, NotFoundError, and EditConflictError if `seen` is outdated.
    """
    with transaction() as session:
        sentence = f"There is no asset {asset_id}."
        current = get_row(session, Asset, asset_id, sentence).client_id
        _lock_client(session, values.client_id, is_kept=values.client_id == current)
        row = get_row(session, Asset, asset_id, sentence, lock=True)
        _check_is_new(session, values, asset_id)
        changed = apply_edit(session, row, asdict(values), seen=seen, actor_id=actor_id)
        row.hostname_key = hostname_key(row.name)
        return changed


def _lock_client(session: Session, client_id: int, *, is_kept: bool = False) -> None:
    """Lock the client, because no unique constraint tells its assets apart: writers take turns.

    Raises FieldError if the client is gone, or is inactive and not `is_kept`.
    """
    query = select(Client.is_active).where(Client.id == client_id).with_for_update()
    is_active = session.scalar(query)
    if is_active is None or not (is_active or is_kept):
        raise FieldError({"client_id": "Choose an active client; this one is gone or inactive."})


def _check_is_new(session: Session, values: AssetValues, asset_id: int | None = None) -> None:
    same_name = select(Asset).where(
        Asset.client_id == values.client_id, Asset.hostname_key == hostname_key(values.name)
    )
    for other in session.scalars(same_name):
        if other.id != asset_id and asset_key(other.name, other.serial_number) == values.key:
            state = "" if other.is_active else " (inactive)"
            raise FieldError(
                {
                    "name": f"This client has an asset named {other.name} with this serial number"
                    f" already{state}."
                    if other.serial_number
                    else f"This client has an asset named {other.name} without a serial number"
                    f" already{state}."
                }
            )
