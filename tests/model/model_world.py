"""A Huntress account, a desk, and people: what random histories are played on."""

import json
import random
import re
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from unittest import mock

from flask import Flask
from sqlalchemy import func, select

from tests.model.oracle import Event, Judge, Waiting
from tests.model.oracle_rules import OrganizationChoice, Rules, State, Version
from tests.support.fake_clock import FakeClock
from tests.support.interruptions import Interruptions
from tests.support.poison import install_poison
from tests.support.poller import API_KEY, API_SECRET, Desk, allow_host
from tests.support.watched_simulator import Shown, WatchedSimulator
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import (
    Alert,
    Client,
    Comment,
    InboxRow,
    OrganizationMapping,
    Status,
    Ticket,
    User,
)
from webapp.services.transactions import reading, transaction

LONG_AGO = timedelta(days=7, hours=12)
"""Incidents are made younger than a week or older than eight days: never near the horizon."""

LEASE = timedelta(seconds=121)
_MARK = re.compile(r"Report number (\d+)\.")
_RAW = re.compile(r"Raw row (\d+)\.")
_LATE_NOTES = ("Details were filled in", "Huntress does not know")


@dataclass
class RunningPoll:
    """A poll and who had the lease when it was started."""

    number: int
    lease_before: str | None


class World:
    """Everything a history acts on; `events` is what happened since the desk was last judged."""

    def __init__(self, app: Flask, clock: FakeClock, simulator: WatchedSimulator) -> None:
        self.app = app
        self.clock = clock
        self.account: SimulatedAccount = simulator.account
        self.simulator = simulator
        self.desk = Desk(simulator, clock)
        self.person_id = self._add_people()
        install_poison()
        self.interruptions = Interruptions(db.engine)
        self.started_at = clock.now()
        self.judge = Judge(self.started_at - LONG_AGO)
        self.rules = Rules()
        self.events: list[Event] = []
        self.running: RunningPoll | None = None
        self.has_ties = False
        self.lethal: set[str] = set()
        self.normal: set[int] = set()
        self.raw_rows: dict[int, object] = {}
        self.gone: dict[int, dict[str, object]] = {}
        self.boundary = self.judge.horizon
        self._names: dict[str, set[object]] = {}
        self._number = 0
        self._pollers = 0
        self.given_up: frozenset[str] = frozenset()
        self.linked_before = self.read_links()

    def _add_people(self) -> int:
        with transaction() as session:
            session.add(Status(name="Resolved", is_closed=True, position=9))
            for name in ("Northwind", "Fabrikam"):
                session.add(Client(name=name))
            person = User(
                email="p@example.com",
                name="P",
                password_hash="-",
                role="helpdesk",
                created_at=self.clock.now(),
            )
            session.add(person)
            session.flush()
            person_id = person.id
        closed = self.desk_status("Closed")
        self.desk.set(closed_status_id=closed)
        return person_id

    def desk_status(self, name: str) -> int:
        with reading() as session:
            return session.scalars(select(Status.id).where(Status.name == name)).one()

    # --- Huntress

    def next_number(self) -> int:
        self._number += 1
        return self._number

    def content(self, number: int) -> str:
        """The text by which a version is recognized wherever it turns up."""
        return f"Report number {number}."

    def on_shown(self, shown: Shown) -> None:
        if shown.absent is not None:
            self.note("absent", key=shown.absent)
        for row in shown.rows:
            version = self.read_version(row)
            if version is not None and isinstance(row, dict):
                self.note_served(str(row["id"]), version, is_walk=shown.is_walk)

    def read_version(self, row: object) -> Version | None:
        """A report as one of ours; None for rows that are not proper reports."""
        if not isinstance(row, dict) or not isinstance(row.get("id"), int):
            return None
        found = _MARK.search(str(row.get("summary")))
        assert found is not None, row
        organization = row.get("organization_id")
        return Version(
            number=int(found.group(1)),
            status=_word(row.get("status")),
            severity=_word(row.get("severity")),
            time=self._usable(row.get("updated_at")),
            organization=None if organization is None else str(organization),
        )

    def _usable(self, value: object) -> datetime | None:
        try:
            moment = datetime.strptime(str(value), "%Y-%m-%dT%H:%M:%S%z")
        except ValueError:
            return None
        return moment if moment <= self.clock.now() else None

    # --- what happened

    def note(self, kind: str, *, key: str | None = None, value: object = None) -> None:
        self.events.append(self.make_event(kind, key=key, value=value))

    def make_event(self, kind: str, *, key: str | None = None, value: object = None) -> Event:
        number = self.running.number if self.running else 0
        return Event(kind, self.rules, number, key, value)

    def next_poller(self) -> int:
        self._pollers += 1
        return self._pollers

    def note_served(self, key: str, version: Version, *, is_walk: bool) -> None:
        is_below = is_walk and version.time is not None and version.time < self.boundary
        event = self.make_event("served", key=key, value=version)
        self.events.append(replace(event, is_in_window=not is_below))

    def set_boundary(self) -> None:
        """The boundary of a walk that begins now: 60 s below the cursor."""
        with self.app.app_context():
            cursor = self.desk.connection().cursor
        self.boundary = cursor - timedelta(seconds=60) if cursor else self.judge.horizon

    def set_rules(self, **values: object) -> None:
        self.rules = replace(self.rules, **values)  # type: ignore[arg-type]
        self.note("rules")

    def choose(self, organization: str, **values: object) -> None:
        """A person chose something about an organization."""
        known = self.rules.organizations.get(organization, OrganizationChoice())
        choice = replace(known, **values)  # type: ignore[arg-type]
        self.set_rules(organizations={**self.rules.organizations, organization: choice})

    def read_links(self) -> dict[str, str | None]:
        """The client of each organization that has a row."""
        with reading() as session:
            rows = session.execute(
                select(OrganizationMapping.external_id, Client.name)
                .outerjoin(Client, Client.id == OrganizationMapping.client_id)
                .where(OrganizationMapping.connection_id == self.desk.connection_id)
            )
            return dict(rows.all())

    # --- judging

    def check(self, *, is_strict: bool) -> None:
        """Judge what happened since the last time. Raises AssertionError.

        `is_strict`: nothing was in the way, so an organization seen for the first time was
        matched before its incidents were processed.
        """
        after = self.read_links()
        linked = {
            key: frozenset(
                {client}
                if is_strict and key not in self.linked_before
                else {self.linked_before.get(key), client, *self._namesakes(key)}
            )
            for key, client in after.items()
        }
        self._check_links(after)
        found = _Found(self)
        keys = sorted({*found.keys, *(one.key for one in self.events if one.key)})
        self.judge.judge(
            self.events, linked, found.view, view_of, keys, found.waiting(self.given_up)
        )
        found.check_raw_rows()
        self.linked_before = after
        self.given_up = found.waiting().given_up
        self.events.clear()

    def note_names(self) -> None:
        """Remember what each organization is called: it may be linked by a name it had."""
        for row in self.account.organizations():
            self._names.setdefault(str(row["id"]), set()).add(row["name"])

    def _namesakes(self, organization: str) -> set[str | None]:
        """The clients an organization may have been linked to before a person chose another."""
        with reading() as session:
            names = self._names.get(organization, set())
            return set(session.scalars(select(Client.name).where(Client.name.in_(names))))

    def _check_links(self, after: dict[str, str | None]) -> None:
        """What a person chose stays; what nobody chose is linked by name, once, or not."""
        with reading() as session:
            switches = dict(
                session.execute(
                    select(OrganizationMapping.external_id, OrganizationMapping.creates_tickets)
                ).all()
            )
        for key, client in after.items():
            choice = self.rules.organizations.get(key, OrganizationChoice())
            before = self.linked_before.get(key)
            assert switches[key] is not choice.is_excluded, f"tickets of organization {key}"
            if choice.is_decided:
                assert client == choice.client, f"organization {key} is linked to {client}"
            elif before is not None:
                assert client == before, f"organization {key} was linked anew to {client}"
            else:
                assert client in {None, *self._namesakes(key)}, f"organization {key}: {client}"


class _Found:
    """What is on the desk, as the oracle speaks of it."""

    def __init__(self, world: World) -> None:
        self.world = world
        with reading() as session:
            session.expire_all()
            self.alerts = {one.external_alert_id: one for one in session.scalars(select(Alert))}
            self.inbox = {one.external_key: one for one in session.scalars(select(InboxRow))}
            tickets = session.scalars(
                select(Ticket).where(Ticket.connection_id == world.desk.connection_id)
            ).all()
            self.tickets = {ticket.source_reference: _seen(ticket) for ticket in tickets}
            self.ticket_ids = {ticket.source_reference: ticket.id for ticket in tickets}
            assert len(self.tickets) == len(tickets), "an incident has two tickets"
            self.notes = dict(
                session.execute(
                    select(Comment.ticket_id, func.count())
                    .where(
                        Comment.author_id.is_(None),
                        *(Comment.body.not_like(f"{start}%") for start in _LATE_NOTES),
                    )
                    .group_by(Comment.ticket_id)
                ).all()
            )
        self.keys = {
            key
            for key in {*self.alerts, *self.inbox, *self.tickets}
            if key and not key.startswith("sha256:")
        }

    def view(self, key: str) -> object:
        """The same as `view_of` makes of a state."""
        alert, row = self.alerts.get(key), self.inbox.get(key)
        waiting = None
        if row is not None:
            payload = json.loads(row.payload)
            words = (_word(payload.get("status")), _word(payload.get("severity")))
            waiting = (*words, row.updated_at, row.dismissed_at is not None)
        return self._view_alert(key, alert), waiting

    def _view_alert(self, key: str, alert: Alert | None) -> object:
        if alert is None:
            assert key not in self.tickets, f"incident {key} has a ticket and no alert"
            return None
        assert alert.ticket_id == self.ticket_ids.get(key), f"alert {key} points elsewhere"
        ticket, number = None, None
        if alert.ticket_id is not None:
            ticket = (*self.tickets[key], self.notes.get(alert.ticket_id, 0))
            if not alert.is_incomplete:
                found = _MARK.search(alert.raw_report or "")
                number = int(found.group(1)) if found else "nothing"
        time = None if alert.is_incomplete else alert.processed_at
        return alert.status, alert.severity, alert.is_incomplete, time, number, ticket

    def waiting(self, given_up: frozenset[str] = frozenset()) -> Waiting:
        """What failed; `given_up` had failed three times already."""
        now = self.world.clock.now()
        failed = {key: row for key, row in self.inbox.items() if row.attempts > 0}
        return Waiting(
            until_later=frozenset(
                key for key, row in failed.items() if row.next_try_at and row.next_try_at > now
            ),
            given_up=given_up | {key for key, row in failed.items() if row.attempts >= 3},
        )

    def check_raw_rows(self) -> None:
        """Each row without an id has at most one ticket, and none is made of anything else."""
        raw = [key for key in self.tickets if key is None or key.startswith("sha256:")]
        found = [_RAW.search(self.inbox[key or ""].payload) for key in raw]
        numbers = [int(match.group(1)) for match in found if match]
        assert len(numbers) == len(raw)
        assert len(set(numbers)) == len(numbers), "a row without an id has two tickets"
        assert set(numbers) <= set(self.world.raw_rows)


def _seen(ticket: Ticket) -> tuple[object, ...]:
    """A ticket as the oracle sees it, without its notes; its text must say what happened."""
    is_minimal = "Unreadable" in ticket.title
    assert is_minimal or _MARK.search(ticket.description), f"{ticket.title} says nothing"
    is_closed = ticket.status.is_closed
    assert (ticket.closed_at is not None) is is_closed, f"{ticket.number}: closed time"
    return (
        ticket.client.name,
        ticket.board.name,
        ticket.status.name,
        ticket.priority.name,
        is_minimal,
    )


def view_of(state: State) -> object:
    """What of a state can be seen on the desk."""
    recorded, row = state.recorded, state.inbox
    waiting = None
    if row is not None:
        waiting = (row.status, row.severity, row.time, state.is_dismissed)
    if recorded is None:
        return None, waiting
    ticket, number = None, None
    if recorded.ticket is not None:
        one = recorded.ticket
        ticket = (one.client, one.board, one.status, one.priority, one.is_minimal, one.notes)
        number = None if recorded.is_incomplete else recorded.number
    is_incomplete = recorded.is_incomplete
    time = None if is_incomplete else recorded.time
    return (recorded.status, recorded.severity, is_incomplete, time, number, ticket), waiting


def _word(value: object) -> str | None:
    return value.lower() if isinstance(value, str) and value else None


@contextmanager
def new_world(app: Flask, clock: FakeClock, rng: random.Random) -> Iterator[World]:
    """A world with a few organizations, clients and incidents; served over HTTP."""
    account = SimulatedAccount(now=clock.now())
    holder: list[World] = []

    def on_shown(shown: Shown) -> None:
        holder[0].on_shown(shown)

    page_size = rng.choice((500, 500, 3, 7))
    simulator = WatchedSimulator(
        account, clock=clock.now, on_shown=on_shown, api_key=API_KEY, api_secret=API_SECRET
    )
    with simulator, mock.patch("webapp.huntress.client.MAX_PAGE_SIZE", page_size):
        allow_host(app, simulator.base_url)
        world = World(app, clock, simulator)
        world.has_ties = page_size != 500
        for hostname in ("WS-1", "WS-2")[: rng.randrange(3)]:
            account.add_agent(None, hostname)
        holder.append(world)
        yield world
