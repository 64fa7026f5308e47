"""The real parts while the database and Redis are away: two lines for each outage."""

from collections.abc import Iterator
from pathlib import Path

import pytest
from rq.job import Job

from tests.support.databases import ENCRYPTION_KEY, SECRET_KEY
from tests.support.postgres import PostgresServer
from tests.support.processes import Command, clean_environment, close_all, run_triagedesk
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.jobs.scheduler import TriageScheduler

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

PARTS = ("worker", "scheduler")


@pytest.fixture
def database() -> Iterator[PostgresServer]:
    server = PostgresServer().start()
    yield server
    server.stop()


@pytest.fixture
def redis_server() -> Iterator[ValkeyServer]:
    server = ValkeyServer().start()
    yield server
    server.close()


def lines(part: Command, words: str) -> int:
    return part.output.count(words)


def pass_ticks(redis_server: ValkeyServer, ticks: int = 3) -> None:
    """Wait until so many ticks were run, whatever came of them."""
    with redis_server.connect() as redis:
        [tick] = redis.zrange(TriageScheduler.scheduled_jobs_key, 0, -1)
        seen: set[bytes | None] = set()

        def has_passed() -> bool:
            seen.add(redis.hget(Job.key_for(tick.decode()), "ended_at"))
            return len(seen) > ticks

        assert wait_until(has_passed, 30), seen


def test_an_outage_is_two_lines_and_a_request_to_stop_no_traceback(
    database: PostgresServer, redis_server: ValkeyServer, tmp_path: Path
) -> None:
    database.sql("CREATE DATABASE desk")
    env = clean_environment(
        TRIAGEDESK_DATABASE_URL=database.url("desk"),
        TRIAGEDESK_REDIS_URL=redis_server.url,
        TRIAGEDESK_SECRET_KEY=SECRET_KEY,
        TRIAGEDESK_ENCRYPTION_KEYS=ENCRYPTION_KEY,
    )
    given = {name: value for name, value in env.items() if name.startswith("TRIAGEDESK_")}
    assert run_triagedesk("migrate", **given).returncode == 0
    worker, scheduler = [
        Command(["-m", "tests.support.parts", part], tmp_path / part, env) for part in PARTS
    ]
    try:
        assert scheduler.says("Scheduled tick")
        pass_ticks(redis_server)
        database.sql("ALTER DATABASE desk ALLOW_CONNECTIONS false")
        database.sql(
            "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = 'desk'"
        )
        assert worker.says("The database cannot be used, trying again: ")
        pass_ticks(redis_server)
        database.sql("ALTER DATABASE desk ALLOW_CONNECTIONS true")
        assert worker.says("The database is back after "), worker.output
        redis_server.stop()
        for part in (worker, scheduler):
            assert part.says("Redis cannot be used, trying again: "), part.output
        tries = lines(worker, "retrying in")
        assert wait_until(lambda: lines(worker, "retrying in") > tries + 2, 30), worker.output
        redis_server.start()
        assert worker.says("Redis is back after "), worker.output
        assert scheduler.says("Redis is back after "), scheduler.output
    finally:
        close_all([worker, scheduler])
    for part, what in ((worker, "The database"), (worker, "Redis"), (scheduler, "Redis")):
        assert lines(part, f"{what} cannot be used") == 1, part.output
        assert lines(part, f"{what} is back after") == 1, part.output
    for part in (worker, scheduler):
        assert "Traceback" not in part.output, part.output
