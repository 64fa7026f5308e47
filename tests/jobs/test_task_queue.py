import json
import socket
import time
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.job import JobStatus

from tests.support.valkey import ValkeyServer
from webapp import task_queue
from webapp.process_identity import own_identity
from webapp.task_queue import (
    JOBS,
    JsonJob,
    QueueStatus,
    QueueUnavailableError,
    UnknownJobError,
    end_heartbeat,
    enqueue,
    enqueue_poll,
    fetch_job,
    is_pending,
    make_queue,
    processes_of_silent_workers,
    read_queue_status,
    send_heartbeat,
)


def waiting(redis: Redis, queue: str = "polls") -> list[str]:
    return make_queue(queue, redis).job_ids


def stored(redis: Redis, job_id: str) -> JsonJob:
    job = fetch_job(job_id, redis)
    assert job is not None
    return job


def test_enqueues_json_with_the_kind_s_queue_and_timeout(redis: Redis) -> None:
    assert enqueue_poll(3, trigger="manual", actor_id=7, sweep=True)

    assert waiting(redis) == ["poll-3"]
    job = stored(redis, "poll-3")
    assert job.func_name == "poll"
    assert job.kwargs == {"connection_id": 3, "trigger": "manual", "actor_id": 7, "sweep": True}
    assert job.timeout == JOBS["poll"].timeout_seconds
    assert b"poll" in job.data
    assert not job.data.startswith(b"\x80")  # no pickle


def test_without_an_id_every_job_is_another(redis: Redis) -> None:
    assert enqueue("housekeeping")
    assert enqueue("housekeeping")
    assert len(waiting(redis, JOBS["housekeeping"].queue)) == 2


def test_a_waiting_poll_is_not_enqueued_twice(redis: Redis) -> None:
    assert enqueue_poll(3, trigger="manual")
    assert not enqueue_poll(3, trigger="schedule")
    assert enqueue_poll(4, trigger="schedule")
    assert waiting(redis) == ["poll-3", "poll-4"]


def test_a_poll_that_waits_for_long_is_not_enqueued_twice(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    job = stored(redis, "poll-3")
    later = datetime.now(UTC) + timedelta(hours=3)
    assert is_pending(job, later)


@pytest.mark.parametrize("status", [JobStatus.FINISHED, JobStatus.FAILED, JobStatus.CANCELED])
def test_a_poll_that_ended_makes_way(redis: Redis, status: JobStatus) -> None:
    enqueue_poll(3, trigger="manual")
    stored(redis, "poll-3").set_status(status)
    redis.delete("rq:queue:polls")

    assert enqueue_poll(3, trigger="manual")
    assert waiting(redis) == ["poll-3"]
    assert stored(redis, "poll-3").get_status() == JobStatus.QUEUED


def test_a_running_poll_is_left_alone_while_it_is_heard_of(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    start(redis, heard_of=datetime.now(UTC) - timedelta(seconds=20))
    assert not enqueue_poll(3, trigger="manual")


def test_a_running_poll_whose_worker_died_makes_way(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    start(redis, heard_of=datetime.now(UTC) - timedelta(minutes=5))
    assert enqueue_poll(3, trigger="manual")
    assert waiting(redis) == ["poll-3"]


def start(redis: Redis, *, heard_of: datetime) -> None:
    """As a worker does that takes the job out of its queue."""
    redis.lpop("rq:queue:polls")
    job = stored(redis, "poll-3")
    job.set_status(JobStatus.STARTED)
    job.heartbeat(heard_of, 60)


def test_a_poll_lost_between_queue_and_worker_makes_way(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    redis.delete("rq:queue:polls")
    job = stored(redis, "poll-3")
    assert is_pending(job, datetime.now(UTC))  # a worker may just be taking it
    assert not is_pending(job, datetime.now(UTC) + timedelta(seconds=11))
    assert not is_pending(job, datetime.now(UTC) - timedelta(hours=1)), "the clock was set back"


def test_a_heartbeat_from_before_the_clock_was_set_back_says_nothing(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    start(redis, heard_of=datetime.now(UTC) + timedelta(hours=1))
    assert enqueue_poll(3, trigger="manual")


@pytest.mark.parametrize(
    "damage",
    [
        lambda redis: redis.hset("rq:job:poll-3", "data", b"\xff\xfe"),
        lambda redis: redis.hset("rq:job:poll-3", "created_at", "yesterday"),
        lambda redis: redis.hset("rq:job:poll-3", "status", "nonsense"),
        lambda redis: redis.hdel("rq:job:poll-3", "data"),
        lambda redis: (redis.delete("rq:job:poll-3"), redis.set("rq:job:poll-3", "text")),
        lambda redis: redis.hset("rq:job:poll-3", "data", b'["os.system",null,["true"],{}]'),
        lambda redis: redis.hset("rq:job:poll-3", "data", b'[["poll"],null,[],{}]'),
    ],
)
def test_a_damaged_job_makes_way(redis: Redis, damage) -> None:
    enqueue_poll(3, trigger="manual")
    damage(redis)
    assert fetch_job("poll-3", redis) is None

    assert enqueue_poll(3, trigger="manual")
    assert waiting(redis) == ["poll-3"]
    assert stored(redis, "poll-3").kwargs["connection_id"] == 3


def test_what_a_stored_job_wants_called_is_dropped(redis: Redis) -> None:
    enqueue_poll(3, trigger="manual")
    redis.hset(
        "rq:job:poll-3",
        mapping={
            "success_callback_name": "os.getcwd",
            "failure_callback_name": "os.getcwd",
            "stopped_callback_name": "os.getcwd",
            "webhooks": '[{"url": "http://127.0.0.1:1/", "statuses": ["failed"]}]',
        },
    )
    job = stored(redis, "poll-3")
    assert job.success_callback is None
    assert job.failure_callback is None
    assert job.stopped_callback is None
    assert job.webhooks == []


def test_only_registered_names_have_a_function(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(JsonJob, "functions", {"tick": len, "os.system": len})
    assert JsonJob.create("tick", connection=redis).func is len
    for name in ("os.system", "poll", "", "webapp.jobs.tasks.tick"):
        with pytest.raises(UnknownJobError):
            JsonJob.create(name, connection=redis).func  # noqa: B018


def test_unknown_names_are_not_enqueued(redis: Redis) -> None:
    with pytest.raises(UnknownJobError, match=r"os\.system"):
        enqueue("os.system")
    assert redis.keys("rq:*") == []


def test_says_soon_that_redis_is_away(valkey: ValkeyServer) -> None:
    valkey.stop()
    before = time.monotonic()
    with pytest.raises(QueueUnavailableError):
        enqueue_poll(3, trigger="manual")
    status = read_queue_status()
    assert not status.is_redis_up
    assert "refused" in status.redis_error
    assert time.monotonic() - before < 10


def test_says_soon_that_redis_does_not_answer() -> None:
    with socket.create_server(("127.0.0.1", 0)) as silent:
        task_queue.configure(f"redis://127.0.0.1:{silent.getsockname()[1]}/0")
        before = time.monotonic()
        assert not read_queue_status().is_redis_up
        assert time.monotonic() - before < 10


def test_works_again_when_redis_is_back(valkey: ValkeyServer, redis: Redis) -> None:
    assert enqueue_poll(3, trigger="manual")
    redis.set("written", "after it")
    redis.waitaof(1, 0, 10_000)  # on a busy disk it would still be in the memory that is lost
    valkey.stop()
    assert not read_queue_status().is_redis_up
    valkey.start()
    assert read_queue_status().is_redis_up
    assert not enqueue_poll(3, trigger="manual")  # the server kept it
    assert enqueue_poll(4, trigger="manual")


def test_status_follows_heartbeats(redis: Redis) -> None:
    assert read_queue_status() == QueueStatus(True, has_worker=False, has_scheduler=False)
    assert read_queue_status().problem == "No worker is running: nothing can be polled."
    send_heartbeat(redis, "worker")
    assert read_queue_status().can_run_jobs
    assert "scheduler" in (read_queue_status().problem or "")
    send_heartbeat(redis, "scheduler")
    assert read_queue_status().problem is None


def test_a_part_that_falls_silent_is_named_until_it_is_forgotten_or_ended(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    now = redis.time()[0]

    def beat(machine: str, seconds_ago: int) -> None:
        redis.hset(
            task_queue.PARTS_KEY,
            f"worker@{machine}",
            json.dumps({"at": now - seconds_ago, "note": "it hung"}),
        )

    beat("host-a", 0)
    beat("host-b", 240)
    beat("host-c", task_queue.FORGOTTEN_AFTER_SECONDS + 60)
    redis.hset(task_queue.PARTS_KEY, "worker@host-d", "{damaged")
    beat("host-e", -3600)  # Redis's clock was set back since then
    status = read_queue_status()
    assert status.has_worker
    assert [(part.machine, part.is_silent) for part in status.parts] == [
        ("host-a", False),
        ("host-b", True),
        ("host-e", True),
    ]
    assert status.parts[0].note == "it hung"
    send_heartbeat(redis, "worker")
    end_heartbeat(redis, "worker")
    assert len(read_queue_status().parts) == 3


def test_a_silent_machine_is_told_from_an_outage_of_redis(
    redis: Redis, monkeypatch: pytest.MonkeyPatch
) -> None:
    """After an outage everybody is silent until they report again."""
    processes = [f"{name}/0123|boot/pid|1|1" for name in ("host-a", "host-b", "host-c")]
    seconds = redis.time()[0]

    def beat(machine: str, at: int) -> None:
        monkeypatch.setattr(task_queue, "machine_name", lambda: machine)
        monkeypatch.setattr(redis, "time", lambda: (seconds + at, 0))
        send_heartbeat(redis, "worker")

    def silent() -> list[str]:
        return sorted(one.partition("/")[0] for one in processes_of_silent_workers(set(processes)))

    for at in range(-100, -60, 3):
        beat("host-a", at)
        beat("host-b", at)
    beat("host-a", 0)
    assert silent() == [], "host-b has had no time to report"
    redis.delete(task_queue.PARTS_KEY)
    beat("host-b", -60)
    for at in range(-18, 1, 3):
        beat("host-a", at)
    assert silent() == ["host-b"], "of host-c nobody has heard"
    redis.hset(task_queue.PARTS_KEY, "worker@host-b", "{damaged")
    assert silent() == []


def test_who_is_asked_about_only_this_machine_asks_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(task_queue, "read_queue_status", None)
    assert processes_of_silent_workers({str(own_identity()), "", "nonsense"}) == set()
