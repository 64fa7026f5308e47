"""What happens at Huntress and what people do: the steps of random histories.

A step is a name and a number: everything about it is chosen from the number and from what is
there when it is played. So any part of a history is a history too, and a failing one can be
shortened by leaving steps out.
"""

import random
from collections.abc import Callable, Sequence
from datetime import timedelta
from typing import Any, TypeVar

from sqlalchemy import select

from tests.model.model_world import World
from tests.model.oracle_rules import DELETING, DRAFT, LISTED, TicketState
from tests.support.poison import cure_all, poison
from webapp.models import Client, InboxRow, Priority, Ticket
from webapp.services.mapping.map_organizations import UNCHANGED, set_mapping
from webapp.services.polling.answer_quarantine import dismiss, retry
from webapp.services.tickets.change_ticket import TicketChange, change_ticket
from webapp.services.tickets.comment_ticket import add_internal_note
from webapp.services.transactions import reading, transaction

Thing = TypeVar("Thing")

_STATUSES = ("sent", "sent", "sent", "auto_remediating", "closed", "dismissed", "partner_dismissed")
_ODD_STATUSES = (DELETING, "pondering", None)
_SEVERITIES: tuple[object, ...] = ("low", "high", "critical")
_ODD_SEVERITIES: tuple[object, ...] = ("apocalyptic", None, ["high"])
# --- Huntress


def new_incident(world: World, rng: random.Random) -> None:
    organizations = [row["id"] for row in world.account.organizations()]
    number = world.next_number()
    now = world.clock.now()
    is_old = rng.random() < 0.1
    status = _any_status(rng, number)
    if status not in LISTED:
        world.clock.advance(seconds=2)
    row = world.account.add_incident(
        rng.choice([*organizations, None, 990]),
        now=world.started_at - timedelta(days=8) if is_old else world.clock.now(),
        subject=f"Case {number}",
        agent_id=rng.choice((None, *(agent["id"] for agent in world.account.agents()), 77)),
        summary=world.content(number),
        status=status,
        severity=rng.choice(_SEVERITIES if rng.random() < 0.85 else _ODD_SEVERITIES),
        **_odd_time(rng, 0.08, now),
    )
    if not is_old:
        world.normal.add(number)
    if status not in LISTED:
        world.clock.advance(seconds=2)
    if rng.random() < 0.07:
        _poison(world, str(row["id"]), is_lethal=rng.random() < 0.4)


def _any_status(rng: random.Random, number: int) -> str | None:
    status = rng.choice(_STATUSES if rng.random() < 0.85 else _ODD_STATUSES)
    return DRAFT if status == "pondering" and number % 2 else status


def _poison(world: World, key: str, *, is_lethal: bool) -> None:
    if is_lethal:
        world.lethal.add(key)
    else:
        poison(key)
    world.set_rules(poisoned=world.rules.poisoned | {key})


def _odd_time(rng: random.Random, share: float, now: object) -> dict[str, Any]:
    if rng.random() >= share:
        return {}
    return {"updated_at": rng.choice((None, "2099-01-01T00:00:00Z", "yesterday", 17))}


def change_incident(world: World, rng: random.Random) -> None:
    row = _pick(rng, world.account.incidents())
    if row is None:
        return
    number = world.next_number()
    fields: dict[str, object] = {"summary": world.content(number)}
    if rng.random() < 0.6:
        fields["status"] = _any_status(rng, number)
    if rng.random() < 0.4:
        fields["severity"] = rng.choice(_SEVERITIES if rng.random() < 0.85 else _ODD_SEVERITIES)
    if rng.random() < 0.1:
        ids = [one["id"] for one in world.account.organizations()]
        fields["organization_id"] = rng.choice([*ids, None])
    is_listed = fields.get("status", row["status"]) in LISTED
    if not is_listed:
        world.clock.advance(seconds=2)
    kind = rng.random()
    if kind < 0.1:
        fields["updated_at"] = row["updated_at"]
    elif kind < 0.15:
        fields["updated_at"] = world.clock.now() - timedelta(minutes=rng.choice((1, 20, 600)))
    elif kind < 0.25:
        fields.update(_odd_time(rng, 1, None))
    else:
        world.normal.add(number)
    world.account.update_incident(int(str(row["id"])), now=world.clock.now(), **fields)
    if not is_listed:
        world.clock.advance(seconds=2)


def bump_incident(world: World, rng: random.Random) -> None:
    """Only its time moves."""
    row = _pick(rng, world.account.incidents())
    if row is not None:
        world.account.update_incident(int(str(row["id"])), now=world.clock.now())


def delete_incident(world: World, rng: random.Random) -> None:
    row = _pick(rng, world.account.incidents())
    if row is not None:
        key = int(str(row["id"]))
        world.gone[key] = dict(world.account.incident_rows[key])
        world.account.delete_incident(key)


def restore_incident(world: World, rng: random.Random) -> None:
    """A 404 may also have meant "no permission": it is back as it was."""
    key = _pick(rng, sorted(world.gone))
    if key is not None:
        row = world.gone.pop(key)
        number = int("".join(filter(str.isdigit, str(row["summary"]))))
        world.normal.discard(number)
        with world.account.lock:
            world.account.incident_rows[key] = row


def add_organization(world: World, rng: random.Random) -> None:
    world.account.add_organization(f"Organization {rng.randrange(1000)} {world.next_number()}")
    world.note_names()


def rename_organization(world: World, rng: random.Random) -> None:
    row = _pick(rng, world.account.organizations())
    if row is not None:
        with world.account.lock:
            held = world.account.organization_rows[int(str(row["id"]))]
            held["name"] = rng.choice((held["name"], None, f"New {world.next_number()}"))
        world.note_names()


def add_raw_row(world: World, rng: random.Random) -> None:
    """A row that is no proper report."""
    if len(world.raw_rows) >= 4:
        return
    number = world.next_number()
    mark = f"Raw row {number}."
    row = rng.choice((mark, [mark], {"subject": mark}, {"id": [1], "subject": mark}))
    world.raw_rows[number] = row
    world.account.add_raw_incident(row)


def wait(world: World, rng: random.Random) -> None:
    world.clock.advance(minutes=rng.choice((0.01, 1, 3, 10, 60, 25 * 60)))


# --- people


def map_organization(world: World, rng: random.Random) -> None:
    organization = _pick(rng, sorted(world.read_links()))
    clients = _clients(is_active=True)
    if organization is None:
        return
    name = rng.choice([*clients, None])
    set_mapping(
        world.desk.connection_id, organization, client_id=None if name is None else clients[name]
    )
    world.choose(organization, client=name, is_decided=True)


def exclude_organization(world: World, rng: random.Random) -> None:
    organization = _pick(rng, sorted(world.read_links()))
    if organization is not None:
        is_excluded = rng.random() < 0.5
        set_mapping(
            world.desk.connection_id, organization, client_id=UNCHANGED, tickets=not is_excluded
        )
        world.choose(organization, is_excluded=is_excluded)
        world.note("renewed")


def add_client(world: World, rng: random.Random) -> None:
    """Sometimes one that is called as an organization is."""
    name = f"Client {world.next_number()}"
    names = [row["name"] for row in world.account.organizations() if row["name"]]
    if names and rng.random() < 0.8:
        name = str(rng.choice(names))
    if name not in _clients() and name.casefold() != "internal":
        world.desk.add_client(name)


def switch_client(world: World, rng: random.Random) -> None:
    name = _pick(rng, sorted(set(_clients()) - {"Internal (unmapped security)"}))
    if name is None:
        return
    with transaction() as session:
        client = session.scalars(select(Client).where(Client.name == name)).one()
        client.is_active = not client.is_active
        is_active = client.is_active
    inactive = world.rules.inactive_clients - {name} if is_active else {*_inactive(world), name}
    world.set_rules(inactive_clients=frozenset(inactive))


def _inactive(world: World) -> frozenset[str]:
    return world.rules.inactive_clients


def change_settings(world: World, rng: random.Random) -> None:
    name = rng.choice(("auto_close_tickets", "leave_touched_open", "reopen_tickets"))
    value = rng.random() < 0.6
    world.desk.set(**{name: value})
    values = vars(world.rules.settings) | {name: value}
    world.set_rules(settings=type(world.rules.settings)(**values))


def comment(world: World, rng: random.Random) -> None:
    ticket = _pick_ticket(world, rng)
    if ticket is not None:
        add_internal_note(ticket.id, "Looked at it.", author_id=world.person_id)
        _note_act(world, ticket, lambda one: _with(one, is_touched=True))


def set_status(world: World, rng: random.Random) -> None:
    ticket = _pick_ticket(world, rng)
    if ticket is not None:
        name = rng.choice(("Open", "In progress", "Waiting", "Closed", "Resolved"))
        _change(world, ticket, TicketChange(status_id=world.desk_status(name)))
        _note_act(
            world,
            ticket,
            lambda one: one if one.status == name else _with(one, status=name, is_touched=True),
        )


def set_priority(world: World, rng: random.Random) -> None:
    ticket = _pick_ticket(world, rng)
    if ticket is None:
        return
    name = rng.choice(("Critical", "High", "Medium", "Low"))
    with reading() as session:
        priority_id = session.scalars(select(Priority.id).where(Priority.name == name)).one()
    _change(world, ticket, TicketChange(priority_id=priority_id))

    def change(one: TicketState) -> TicketState:
        if one.priority == name:
            return one
        return _with(one, priority=name, is_touched=True, is_priority_chosen=True)

    _note_act(world, ticket, change)


def retry_quarantined(world: World, rng: random.Random) -> None:
    row = _pick_quarantined(rng)
    if row is not None:
        retry(row.id)
        _note_waiting(world, "renewed", row)


def dismiss_quarantined(world: World, rng: random.Random) -> None:
    row = _pick_quarantined(rng)
    if row is not None:
        dismiss(row.id)
        _note_waiting(world, "dismissed", row)


def _note_waiting(world: World, kind: str, row: InboxRow) -> None:
    if not row.external_key.startswith("sha256:"):
        world.note(kind, key=row.external_key)


def cure(world: World, _rng: random.Random) -> None:
    """A release that can read everything was installed."""
    cure_all()
    world.lethal.clear()
    world.set_rules(poisoned=frozenset())


def _change(world: World, ticket: Ticket, change: TicketChange) -> None:
    change_ticket(ticket.id, change, actor_id=world.person_id, seen_at=None)


def _with(ticket: TicketState, **values: object) -> TicketState:
    return TicketState(**{**vars(ticket), **values})


def _note_act(world: World, ticket: Ticket, change: Callable[[TicketState], TicketState]) -> None:
    world.note("acted", key=ticket.source_reference, value=change)


def _pick(rng: random.Random, things: Sequence[Thing]) -> Thing | None:
    return rng.choice(things) if things else None


def _pick_ticket(world: World, rng: random.Random) -> Ticket | None:
    with reading() as session:
        query = select(Ticket).where(Ticket.source_reference.not_like("sha256:%"))
        return _pick(rng, session.scalars(query.order_by(Ticket.id)).all())


def _pick_quarantined(rng: random.Random) -> InboxRow | None:
    with reading() as session:
        query = select(InboxRow).where(
            InboxRow.quarantined_at.is_not(None), InboxRow.dismissed_at.is_(None)
        )
        return _pick(rng, session.scalars(query.order_by(InboxRow.id)).all())


def _clients(*, is_active: bool | None = None) -> dict[str, int]:
    with reading() as session:
        query = select(Client.name, Client.id).order_by(Client.name)
        if is_active is not None:
            query = query.where(Client.is_active == is_active)
        return dict(session.execute(query).all())


STEPS: dict[str, Callable[[World, random.Random], None]] = {
    "new": new_incident,
    "change": change_incident,
    "bump": bump_incident,
    "delete": delete_incident,
    "restore": restore_incident,
    "add organization": add_organization,
    "rename organization": rename_organization,
    "raw row": add_raw_row,
    "wait": wait,
    "map": map_organization,
    "exclude": exclude_organization,
    "add client": add_client,
    "switch client": switch_client,
    "settings": change_settings,
    "comment": comment,
    "status": set_status,
    "priority": set_priority,
    "retry": retry_quarantined,
    "dismiss": dismiss_quarantined,
    "cure": cure,
}
