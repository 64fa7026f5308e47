import os
import pickle
import signal
import zlib
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from redis import Redis

from tests.support.processes import Command, all_ended, close_all, is_running
from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.task_queue import (
    PARTS_KEY,
    JsonJob,
    enqueue,
    enqueue_poll,
    fetch_job,
    make_queue,
    read_queue_status,
)


class Pool(Command):
    """A pool in a process of its own, and the traces its jobs leave."""

    def __init__(self, folder: Path, url: str, *options: str) -> None:
        self.folder = folder
        super().__init__(["-m", "tests.jobs.pool_process", str(folder), url, *options], folder)

    def left(self, name: str, seconds: float = 10) -> bool:
        return wait_until((self.folder / name).exists, seconds)

    def pid_of(self, name: str) -> int:
        assert self.left(name)
        assert wait_until(lambda: (self.folder / name).read_text())
        return int((self.folder / name).read_text())

    def workers(self, queue: str) -> list[int]:
        pids = [int(path.name.rpartition("-")[2]) for path in self.folder.glob(f"worker-{queue}-*")]
        return [pid for pid in pids if is_running(pid)]

    def finish(self, connection_id: int) -> bool:
        (self.folder / f"finish-{connection_id}").touch()
        return self.left(f"poll-{connection_id}-finished")


@pytest.fixture
def pool(valkey: ValkeyServer, tmp_path: Path) -> Iterator[Pool]:
    pool = Pool(tmp_path, valkey.url)
    yield pool
    pool.close()


def pass_rounds(redis: Redis, rounds: int = 3) -> None:
    """Wait until the pool has seen to its workers and queues so many times."""
    for _ in range(rounds):
        redis.delete(PARTS_KEY)
        assert wait_until(lambda: read_queue_status().has_worker)


def push_raw(redis: Redis, job_id: str, data: bytes, **fields: str) -> None:
    """Put a job into Redis as somebody with access to it could."""
    values = {"data": zlib.compress(data), "status": "queued", "origin": "default", **fields}
    redis.hset(JsonJob.key_for(job_id), mapping=values)
    redis.rpush("rq:queue:default", job_id)


def test_runs_registered_jobs_inside_the_app(pool: Pool, redis: Redis) -> None:
    enqueue("tick")
    assert pool.left("tick")
    assert wait_until(lambda: (pool.folder / "tick").read_text() == "app of the pool")
    assert wait_until(lambda: read_queue_status().has_worker)


def test_refuses_what_is_not_one_of_our_jobs(pool: Pool, redis: Redis) -> None:
    target = pool.folder / "owned"

    class Evil:
        def __reduce__(self) -> tuple[object, tuple[str]]:
            return os.system, (f"touch {target}",)

    push_raw(redis, "pickled", pickle.dumps(("tick", None, (Evil(),), {})))
    push_raw(redis, "importable", f'["os.system",null,["touch {target}"],{{}}]'.encode())
    push_raw(
        redis,
        "callback",
        b'["tick",null,["too many"],{}]',
        failure_callback_name="tests.jobs.pool_process.main",
        webhooks='[{"url": "http://127.0.0.1:1/", "statuses": ["failed"]}]',
    )
    redis.set(JsonJob.key_for("text"), "no hash")
    redis.rpush("rq:queue:default", "text")
    enqueue("tick")

    assert pool.left("tick", 20)  # the worker got past all of them
    assert not target.exists()
    for job_id in ("pickled", "importable"):
        assert redis.hget(JsonJob.key_for(job_id), "status") == b"failed"
    assert "'os.system' is not a job of Triagedesk" in pool.output


def test_a_long_poll_delays_neither_ticks_nor_other_polls(pool: Pool, redis: Redis) -> None:
    for connection_id in (1, 2, 3):
        enqueue_poll(connection_id, trigger="manual")
    assert all(pool.left(f"poll-{n}-started") for n in (1, 2, 3))
    enqueue("tick")
    assert pool.left("tick")

    enqueue_poll(4, trigger="manual")  # the limit is three
    pass_rounds(redis)
    assert not (pool.folder / "poll-4-started").exists()
    assert pool.finish(2)
    assert pool.left("poll-4-started")
    assert all(pool.finish(n) for n in (1, 3, 4))


def test_what_takes_hours_delays_neither_ticks_nor_polls(pool: Pool, redis: Redis) -> None:
    for number in (1, 2, 3):
        enqueue("forget", job_id=f"forget-{number}", erasure=number)
    assert pool.left("erasure-1-started")
    assert pool.left("erasure-2-started")
    for connection_id in (1, 2, 3):  # as many as the limit of polls
        enqueue_poll(connection_id, trigger="manual")
    assert all(pool.left(f"poll-{n}-started") for n in (1, 2, 3))
    enqueue("tick")
    assert pool.left("tick")
    pass_rounds(redis)
    assert not (pool.folder / "erasure-3-started").exists(), "two at a time"
    (pool.folder / "finish-erasure-1").touch()
    assert pool.left("erasure-3-started")


def test_the_proofs_of_a_night_delay_no_erasure(pool: Pool) -> None:
    for number in (1, 2, 3, 4):
        enqueue("prove", job_id=f"prove-{number}", connection_id=number, days=1)
    assert pool.left("proof-2-started")
    enqueue("forget", job_id="forget-1", erasure=1)
    assert pool.left("erasure-1-started")


def test_a_finished_poll_is_gone_from_redis(pool: Pool, redis: Redis) -> None:
    enqueue_poll(1, trigger="manual")
    assert pool.left("poll-1-started")
    assert not enqueue_poll(1, trigger="manual")
    assert pool.finish(1)
    assert wait_until(lambda: fetch_job("poll-1", redis) is None)
    assert enqueue_poll(1, trigger="manual")


def test_stopping_ends_a_running_poll_with_its_cleaning_up_done(pool: Pool, redis: Redis) -> None:
    enqueue_poll(1, trigger="manual")
    assert pool.left("poll-1-started")
    family = pool.family()

    pool.process.terminate()
    assert pool.process.wait(30) == 0
    assert pool.left("poll-1-cleaned-up", 1)
    assert not [process for process in family if is_running(process.pid)]


def test_a_killed_worker_is_replaced(pool: Pool, redis: Redis) -> None:
    assert wait_until(lambda: len(pool.workers("default")) == 1)
    (killed,) = pool.workers("default")
    os.kill(killed, signal.SIGKILL)
    # Until it is gone, Valkey may still hand it a job (which a later tick enqueues again).
    assert wait_until(lambda: [pid for pid in pool.workers("default") if pid != killed])
    enqueue("tick")
    assert pool.left("tick", 20)


def test_a_killed_pool_takes_everything_with_it(pool: Pool, redis: Redis) -> None:
    enqueue_poll(1, trigger="manual")
    job = pool.pid_of("poll-1-started")
    family = pool.family()
    assert job in [process.pid for process in family]

    pool.process.kill()
    pool.process.wait()
    assert all_ended(family, 10)


@pytest.fixture
def open_pool(valkey: ValkeyServer, tmp_path: Path) -> Iterator[Callable[[str], Pool]]:
    """Start a pool with an option of `pool_process`."""
    pools: list[Pool] = []

    def start(option: str) -> Pool:
        pools.append(Pool(tmp_path, valkey.url, option))
        return pools[-1]

    yield start
    close_all(pools)


def test_workers_that_are_not_ready_yet_end_with_their_pool(
    open_pool: Callable[[str], Pool],
) -> None:
    pool = open_pool("slow-start")
    assert wait_until(lambda: all(pool.workers(name) for name in ("default", "polls", "notices")))
    family = pool.family()
    assert len(family) == 4
    pool.process.kill()
    pool.process.wait()
    assert all_ended(family, 10)


def test_a_request_to_stop_between_fork_and_child_reaches_the_poll(
    open_pool: Callable[[str], Pool], redis: Redis
) -> None:
    pool = open_pool("stop-at-fork")
    assert wait_until(lambda: pool.workers("polls"))
    (worker,) = pool.workers("polls")
    enqueue_poll(1, trigger="manual")
    assert wait_until(lambda: not is_running(worker), 20), "the poll goes on for ever"
    assert not pool.left("poll-1-started", 0.5)


def test_a_poll_that_does_not_end_when_told_to_ends_with_the_pool(
    open_pool: Callable[[str], Pool], redis: Redis
) -> None:
    pool = open_pool("stubborn")
    enqueue_poll(1, trigger="manual")
    job = pool.pid_of("poll-1-started")
    pool.process.terminate()
    assert pool.process.wait(30) == 0
    assert wait_until(lambda: not is_running(job), 1)


@pytest.mark.parametrize("option", ["", "stubborn"])
def test_stopping_needs_no_redis(
    open_pool: Callable[[str], Pool], valkey: ValkeyServer, option: str
) -> None:
    pool = open_pool(option)
    enqueue_poll(1, trigger="manual")
    job = pool.pid_of("poll-1-started")
    valkey.stop()
    pool.process.terminate()
    assert pool.process.wait(30) == 0
    assert wait_until(lambda: not is_running(job), 1)
    assert pool.left("poll-1-cleaned-up", 1) is (option == "")


def test_a_worker_that_was_stopped_is_replaced(pool: Pool, redis: Redis) -> None:
    assert wait_until(lambda: pool.workers("default"))
    (stopped,) = pool.workers("default")
    os.kill(stopped, signal.SIGSTOP)
    assert wait_until(lambda: [pid for pid in pool.workers("default") if pid != stopped])
    enqueue("tick")
    assert pool.left("tick", 20)


@pytest.mark.parametrize("is_flushed", [False, True], ids=["", "flushed"])
def test_a_poll_that_is_killed_is_looked_after_at_once(
    pool: Pool, redis: Redis, is_flushed: bool
) -> None:
    """Also where Redis knows no more of the job."""
    enqueue_poll(1, trigger="manual")
    job = pool.pid_of("poll-1-started")
    look = f"looked-after-losses-{psutil.Process(job).ppid()}"
    assert pool.left(look)  # when it started
    for name in (look, "tick"):
        (pool.folder / name).unlink(missing_ok=True)
    if is_flushed:
        redis.flushall()
    os.kill(job, signal.SIGKILL)
    assert pool.left(look, 20)
    assert pool.left("tick", 20)
    assert enqueue_poll(1, trigger="schedule")


def test_the_job_of_a_worker_that_is_gone_is_not_pending(pool: Pool, redis: Redis) -> None:
    enqueue_poll(1, trigger="manual")
    assert pool.left("poll-1-started")
    assert not enqueue_poll(1, trigger="manual")
    family = pool.family()
    for process in family:
        process.kill()
    assert all_ended(family[1:], 10)
    pool.process.wait()
    assert enqueue_poll(1, trigger="manual")


def test_a_poll_goes_on_while_redis_is_away(pool: Pool, valkey: ValkeyServer) -> None:
    enqueue_poll(1, trigger="manual")
    assert pool.left("poll-1-started")
    valkey.stop()
    assert pool.finish(1)
    valkey.start()
    connection = valkey.connect()
    connection.flushall()
    assert wait_until(lambda: read_queue_status().has_worker)
    assert wait_until(lambda: enqueue_poll(2, trigger="manual"))
    assert pool.left("poll-2-started", 20)
    assert make_queue("polls", connection).count == 0
    assert pool.finish(2)
