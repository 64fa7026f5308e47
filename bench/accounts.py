"""Simulated accounts of a given size, and a desk that polls them."""

import tempfile
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from datetime import UTC, datetime, timedelta
from multiprocessing import get_context
from pathlib import Path

from flask import Flask
from sqlalchemy import select

from tests.support.databases import make_config, migrate_database
from tests.support.postgres import PostgresServer
from webapp import create_app
from webapp.config import Config
from webapp.extensions import db
from webapp.huntress.simulator import SimulatedAccount
from webapp.models import Board, Client, Connection, Priority
from webapp.services.transactions import transaction

API_KEY = "hk_bench"
API_SECRET = "hs_bench"
SUMMARY = (
    "A scheduled task started an encoded PowerShell command that fetched a second stage from a"
    " rented server. The host was isolated; remove the task, reset the user's password, and look"
    " for the same task on other hosts."
)


def build_account(*, incidents: int, agents: int, organizations: int) -> SimulatedAccount:
    """An account in which every incident is open and was sent within the last six days."""
    now = datetime.now(UTC).replace(microsecond=0)
    account = SimulatedAccount(account_id=7, name="Bench MSP", subdomain="bench", now=now)
    org_ids = [account.add_organization(f"Company {n}")["id"] for n in range(organizations)]
    agent_ids = [
        account.add_agent(org_ids[n % organizations], f"HOST-{n:05d}")["id"] for n in range(agents)
    ]
    for n in range(incidents):
        account.add_incident(
            org_ids[n % agents % organizations],
            agent_id=agent_ids[n % agents],
            now=now - timedelta(seconds=(incidents - n) * 500_000 // incidents),
            subject=f"HIGH - Incident on HOST-{n % agents:05d} (Company {n % organizations})",
            summary=SUMMARY,
            severity=("low", "high", "critical")[n % 3],
            status="sent",
            indicator_types=["footholds", "process_detections"],
            indicator_counts={"footholds": 1, "process_detections": 2},
        )
    return account


@dataclass
class BenchDesk:
    """An app on a fresh database with one connection, organizations mapped to clients."""

    app: Flask
    connection_id: int


@contextmanager
def bench_desk(
    kind: str, base_url: str = "http://127.0.0.1:9", *, calls_per_minute: int = 100_000
) -> Iterator[BenchDesk]:
    """A desk on a fresh database of `kind`; PostgreSQL with fsync on, as in production."""
    with _new_config(kind, base_url, calls_per_minute) as config, _desk(config, base_url) as desk:
        yield desk


@contextmanager
def filled_app(kind: str, fill: Callable[[Flask], None]) -> Iterator[Flask]:
    """An app on a fresh database of `kind` after `fill`, without a context around it.

    Another process fills it: what that leaves in its memory slows no measurement down.
    """
    with _new_config(kind, "http://127.0.0.1:9", 100_000) as config:
        filling = get_context("spawn").Process(target=_fill, args=(config, fill))
        filling.start()
        filling.join()
        if filling.exitcode != 0:
            raise RuntimeError("the database was not filled")
        app = create_app(config)
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _fill(config: Config, fill: Callable[[Flask], None]) -> None:
    fill(create_app(config))


@contextmanager
def _new_config(kind: str, base_url: str, calls_per_minute: int) -> Iterator[Config]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory()))
        url = None
        if kind == "postgresql":
            server = PostgresServer(durable=True).start()
            stack.callback(server.stop)
            server.sql("CREATE DATABASE bench")
            url = server.url("bench")
        config = replace(
            make_config(folder, url),
            huntress_hosts=(base_url,),
            huntress_calls_per_minute=calls_per_minute,
        )
        migrate_database(config)
        yield config


@contextmanager
def _desk(config: Config, base_url: str) -> Iterator[BenchDesk]:
    app = create_app(config)
    with app.app_context():
        yield BenchDesk(app, _connect(base_url))
        db.session.remove()
        db.engine.dispose()


def _connect(base_url: str) -> int:
    now = datetime.now(UTC)
    with transaction() as session:
        boards = {board.name: board.id for board in session.scalars(select(Board))}
        priorities = {one.name: one.id for one in session.scalars(select(Priority))}
        connection = Connection(
            name="Bench MSP",
            base_url=base_url,
            api_key=API_KEY,
            api_secret=API_SECRET,
            account_id="7",
            subdomain="bench",
            created_at=now,
            polling_started_at=now,
            board_id=boards["Security"],
            fallback_board_id=boards["Security Triage"],
            fallback_client_id=session.scalars(select(Client.id)).first(),
            critical_priority_id=priorities["Critical"],
            high_priority_id=priorities["High"],
            low_priority_id=priorities["Low"],
        )
        session.add_all([connection, *(Client(name=f"Company {n}") for n in range(40))])
        session.flush()
        return connection.id
