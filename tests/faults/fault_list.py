"""The faults of the table: each is made in the midst of a poll, and ends."""

import resource
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import psutil

from tests.faults.world import World
from tests.support.processes import all_ended

AWAY_SECONDS = 10.0
HERE = 15.0
"""Seconds until all is well again after a fault's end, on one machine."""

NOTICED = 45.0
"""The same for a process that hangs: its hanging has to be noticed first."""


@dataclass(frozen=True)
class FaultCase:
    """A fault: `happen` makes it and returns when it has ended; `limit` is in seconds.

    `may_lock` says that it can leave the database locked for a while.
    """

    name: str
    happen: Callable[[World], None]
    limit: float = HERE
    may_lock: bool = False


def kill_poll(world: World) -> None:
    world.poll_process().kill()


def kill_worker(world: World) -> None:
    world.up.part("worker").kill()


def kill_forked_workers(world: World) -> None:
    for worker in world.workers():
        worker.kill()


def kill_supervisor(world: World) -> None:
    world.up.process.kill()
    world.up.process.wait()
    world.start()


def stop_and_start(world: World) -> None:
    family = world.up.family()
    world.up.process.terminate()
    world.up.process.wait(60)
    assert all_ended(family, 1), "something outlives it"
    world.start()


def terminate_worker(world: World) -> None:
    world.up.part("worker").terminate()


def kill_valkey(world: World) -> None:
    next(one for one in world.up.family() if "valkey" in one.name()).kill()


def valkey_hangs(world: World) -> None:
    server = next(one for one in world.up.family() if "valkey" in one.name())
    server.suspend()
    time.sleep(AWAY_SECONDS)
    if server.is_running():
        server.resume()


def flush_valkey(world: World) -> None:
    from redis import Redis

    with Redis(unix_socket_path=str(world.data_dir / "valkey" / "valkey.sock")) as redis:
        redis.flushall()
    world.poll_process().kill()  # with it, nothing would be left to do


def poll_hangs(world: World) -> None:
    world.poll_process().suspend()


def worker_hangs(world: World) -> None:
    poll = world.poll_process()
    world.up.part("worker").suspend()
    poll.kill()


def forked_workers_hang(world: World) -> None:
    poll = world.poll_process()
    for worker in world.workers():
        worker.suspend()
    poll.kill()


@contextmanager
def full_disk(world: World) -> Iterator[None]:
    """No file of the product may grow, as where the disk is full."""
    used = (world.data_dir / "triagedesk.db-wal").stat().st_size
    everybody = list(world.family())
    for process in everybody:
        limit_files(process, used)
    yield
    for process in {*everybody, *world.family()}:
        limit_files(process, resource.RLIM_INFINITY)


def limit_files(process: psutil.Process, size: int) -> None:
    try:
        process.rlimit(resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))
    except (psutil.NoSuchProcess, ProcessLookupError):
        return


def disk_is_full(world: World) -> None:
    with full_disk(world):
        time.sleep(AWAY_SECONDS)


def database_is_locked(world: World) -> None:
    with world.locked_database():
        time.sleep(AWAY_SECONDS)


FAULTS = (
    FaultCase("the polling process is killed", kill_poll),
    FaultCase("the worker is killed", kill_worker),
    FaultCase("the workers it forked are killed", kill_forked_workers),
    FaultCase("the supervisor is killed, and started again", kill_supervisor),
    FaultCase("all of it is stopped (SIGTERM) and started again", stop_and_start),
    FaultCase("the worker is told to end (SIGTERM)", terminate_worker),
    FaultCase("Valkey is killed", kill_valkey),
    FaultCase("Valkey hangs for 10 s", valkey_hangs),
    FaultCase("Valkey loses all it has (FLUSHALL), the poll is killed", flush_valkey),
    FaultCase("the polling process hangs (SIGSTOP)", poll_hangs, limit=150, may_lock=True),
    FaultCase("the worker hangs (SIGSTOP)", worker_hangs, limit=NOTICED),
    FaultCase("the workers it forked hang (SIGSTOP)", forked_workers_hang, NOTICED, may_lock=True),
    FaultCase("the disk is full for 10 s", disk_is_full),
    FaultCase("the database is locked for 10 s", database_is_locked, may_lock=True),
)
