"""The mapping table with 2,000 organizations and 1,000 clients: page time and size, saving."""

import statistics
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory

from flask import Flask
from flask.testing import FlaskClient

from tests.support import desk_data
from tests.support.databases import make_config, migrate_database
from tests.support.mapping_data import FIRST_ID, add_mappings
from tests.support.postgres import PostgresServer
from tests.support.security.sessions import COOKIE, begin
from webapp import clock, create_app
from webapp.extensions import db
from webapp.services.mapping.save_mapping_rows import RowEdit, save_mapping_rows
from webapp.services.people.users import find_user

ORGANIZATIONS = 2_000
STATES = ("mapped", "unmapped", "similar", "unmapped")
"""That makes 1,000 clients, and 1,500 organizations that wait for a choice."""

PATH = "/integrations/huntress/1/organizations"
PAGES = ("", "?state=unmapped&size=100", "?q=dental&sort=client", "?page=30&sort=last")
ROUNDS = 15
SAVED_ROWS = 200


def measure_mapping(kind: str = "sqlite") -> dict[str, float]:
    """Milliseconds for a page (median and 95th percentile over several views; the same of the
    process's own time, which other programs do not disturb), the largest page in kB, and
    milliseconds for saving 200 rows.
    """
    with _table(kind) as app:
        client = _signed_in(app)
        times, own_times, sizes = [], [], []
        for _ in range(ROUNDS):
            for page in PAGES:
                own = time.process_time()
                seconds, size = _timed(partial(_load, client, page))
                own_times.append(time.process_time() - own)
                times.append(seconds)
                sizes.append(size)
        return {
            "page_ms": statistics.median(times) * 1_000,
            "page_p95_ms": statistics.quantiles(times, n=20)[-1] * 1_000,
            "own_p95_ms": statistics.quantiles(own_times, n=20)[-1] * 1_000,
            "largest_page_kb": max(sizes) / 1_000,
            "save_200_rows_ms": _save(app) * 1_000,
        }


@contextmanager
def _table(kind: str) -> Iterator[Flask]:
    with ExitStack() as stack:
        folder = Path(stack.enter_context(TemporaryDirectory()))
        url = None
        if kind == "postgresql":
            server = PostgresServer().start()
            stack.callback(server.stop)
            server.sql("CREATE DATABASE bench")
            url = server.url("bench")
        config = make_config(folder, url)
        migrate_database(config)
        app = create_app(config)
        with app.app_context():
            desk_data.add_people()
            desk_data.add_connection(clock.utcnow())
            add_mappings(1, clock.utcnow(), organizations=ORGANIZATIONS, states=STATES)
        yield app
        with app.app_context():
            db.session.remove()
            db.engine.dispose()


def _signed_in(app: Flask) -> FlaskClient:
    client = app.test_client()
    with app.app_context():
        client.set_cookie(COOKIE, begin(find_user(desk_data.ADMIN[0]).id, "bench"))
    return client


def _load(client: FlaskClient, page: str) -> int:
    response = client.get(PATH + page)
    if response.status_code != 200:
        raise RuntimeError(f"the page answered {response.status}")
    return len(response.data)


def _save(app: Flask) -> float:
    with app.app_context():
        edits = [
            RowEdit(str(FIRST_ID + number), 1, "Ashford Dental", number % 2 == 0)
            for number in range(SAVED_ROWS)
        ]
        seconds, _ = _timed(lambda: len(save_mapping_rows(1, edits, actor_id=1)))
    return seconds


def _timed(work: Callable[[], int]) -> tuple[float, int]:
    started = time.perf_counter()
    result = work()
    return time.perf_counter() - started, result
