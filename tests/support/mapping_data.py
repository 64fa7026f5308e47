"""Organizations in every state, written straight into the database."""

from collections.abc import Sequence
from datetime import datetime, timedelta

from sqlalchemy import insert, select

from webapp.models import Client, OrganizationMapping
from webapp.services.transactions import reading, transaction

PLACES = ("Ashford", "Birchwood", "Copperfield", "Dunmore", "Elmhurst", "Fairview", "Glenwood")
KINDS = ("Dental", "Legal Partners", "Veterinary Clinic", "Accounting", "Logistics", "Bakery")
STATES = ("mapped", "auto", "unmapped", "similar", "ambiguous", "excluded", "gone", "inactive")
FIRST_ID = 40_000


def organization_name(number: int) -> str:
    """A believable name; each is another one."""
    place, kind = PLACES[number % 7], KINDS[number // 7 % 6]
    again = number // 42
    return f"{place} {kind}" + (f" {again + 1}" if again else "")


def add_mappings(
    connection_id: int,
    now: datetime,
    *,
    organizations: int,
    clients: int = 0,
    states: Sequence[str] = STATES,
) -> list[str]:
    """Organizations that go through `states` in turn, and more clients; returns the ids."""
    wanted = {f"Client {number:04d} of the desk" for number in range(clients)}
    states = [states[number % len(states)] for number in range(organizations)]
    named = {number: organization_name(number) for number in range(organizations)}
    for number, state in enumerate(states):
        if state in ("mapped", "auto", "inactive", "gone"):
            wanted.add(named[number])
        elif state == "similar":
            wanted.add(f"{named[number]} Ltd")
        elif state == "ambiguous":
            wanted |= {f"{named[number]}.", f"{named[number]}!"}
    inactive = {named[n] for n, state in enumerate(states) if state == "inactive"}
    with transaction() as session:
        known = set(session.scalars(select(Client.name)))
        rows = [{"name": name, "is_active": name not in inactive} for name in wanted - known]
        if rows:
            session.execute(insert(Client), sorted(rows, key=lambda row: str(row["name"])))
        ids = {client.name: client.id for client in session.scalars(select(Client))}
        values = [
            _values(connection_id, now, number, state, named[number], ids)
            for number, state in enumerate(states)
        ]
        session.execute(insert(OrganizationMapping), values)
    return [str(row["external_id"]) for row in values]


def _values(
    connection_id: int, now: datetime, number: int, state: str, name: str, ids: dict[str, int]
) -> dict[str, object]:
    has_client = state in ("mapped", "auto", "inactive", "gone")
    candidates = [ids[f"{name}."], ids[f"{name}!"]] if state == "ambiguous" else None
    return {
        "connection_id": connection_id,
        "external_id": str(FIRST_ID + number),
        "name": name,
        "client_id": ids[name] if has_client else None,
        "creates_tickets": state != "excluded",
        "is_auto_matched": state == "auto",
        "candidate_ids": candidates,
        "decided_by_person_at": now if state in ("mapped", "inactive") else None,
        "gone_at": now if state == "gone" else None,
        "last_incident_at": now - timedelta(hours=number * 7) if number % 3 else None,
        "version": 1,
        "created_at": now,
        "updated_at": now,
    }


def client_ids() -> dict[str, int]:
    """The ids of all clients by name."""
    with reading() as session:
        return {client.name: client.id for client in session.scalars(select(Client))}
