import threading
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

import pytest
from redis import Redis
from rq.job import Job, JobStatus

from tests.support.valkey import ValkeyServer
from tests.support.waiting import wait_until
from webapp.jobs import scheduler as scheduler_module
from webapp.jobs.schedule import PERIODIC_JOBS, PeriodicJob
from webapp.jobs.scheduler import TriageScheduler
from webapp.task_queue import PARTS_KEY, fetch_job, make_queue, read_queue_status

SCHEDULE = TriageScheduler.scheduled_jobs_key
TICK = PeriodicJob("tick", every_seconds=10)


@pytest.fixture
def scheduler(redis: Redis) -> TriageScheduler:
    return TriageScheduler(redis)


def due_times(redis: Redis) -> dict[str, float]:
    return {key.decode(): at for key, at in redis.zrange(SCHEDULE, 0, -1, withscores=True)}


def make_due(redis: Redis, job_id: str = TICK.job_id) -> float:
    due = float(int(time.time()) - 1)
    redis.zadd(SCHEDULE, {job_id: due})
    return due


def waiting(redis: Redis) -> list[str]:
    return make_queue("default", redis).job_ids


class TestReconcile:
    def test_adds_what_is_missing(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        assert due_times(redis).keys() == {job.job_id for job in PERIODIC_JOBS}
        for definition in PERIODIC_JOBS:
            job = fetch_job(definition.job_id, redis)
            assert job is not None
            assert job.func_name == definition.name
            assert job.result_ttl == -1  # a finite one would delete the schedule's job

    def test_the_first_tick_is_due_at_once(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        assert due_times(redis)[TICK.job_id] <= time.time()

    def test_leaves_due_times_alone(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        redis.zadd(SCHEDULE, {TICK.job_id: 12_345})
        TriageScheduler(redis).reconcile()
        assert due_times(redis)[TICK.job_id] == 12_345

    def test_after_the_clock_was_set_back_nothing_waits_for_an_hour(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        scheduler.reconcile()
        redis.zincrby(SCHEDULE, 3600, TICK.job_id)
        before = due_times(redis)
        TriageScheduler(redis).reconcile()
        after = due_times(redis)
        assert after[TICK.job_id] <= time.time() + TICK.every_seconds
        assert {**after, TICK.job_id: 0} == {**before, TICK.job_id: 0}, "the others may wait"

    def test_is_back_after_flushall(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        redis.flushall()
        scheduler.reconcile()
        assert due_times(redis).keys() == {job.job_id for job in PERIODIC_JOBS}
        assert fetch_job(TICK.job_id, redis) is not None

    def test_cancels_what_is_not_ours(self, scheduler: TriageScheduler, redis: Redis) -> None:
        old = PeriodicJob("tick", every_seconds=60)
        TriageScheduler(redis, [old]).reconcile()
        redis.zadd(SCHEDULE, {b"\xff broken": 1, "somebody-else-s": 2})
        scheduler.reconcile()
        assert due_times(redis).keys() == {job.job_id for job in PERIODIC_JOBS}

    def test_a_schedule_of_another_type_is_replaced(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        redis.set(SCHEDULE, "text")
        scheduler.reconcile()
        assert TICK.job_id in due_times(redis)

    @pytest.mark.parametrize(
        "damage",
        [
            lambda redis, key: redis.delete(key),
            lambda redis, key: (redis.delete(key), redis.set(key, "text")),
            lambda redis, key: redis.hset(key, "data", b"\x80\x05not json"),
            lambda redis, key: redis.hset(key, "created_at", "long ago"),
            lambda redis, key: redis.hset(key, "timeout", "soon"),
            lambda redis, key: redis.hset(key, "data", b'["housekeeping",null,[],{}]'),
        ],
    )
    def test_mends_a_damaged_job(self, scheduler: TriageScheduler, redis: Redis, damage) -> None:
        scheduler.reconcile()
        damage(redis, Job.key_for(TICK.job_id))
        scheduler.reconcile()
        job = fetch_job(TICK.job_id, redis)
        assert job is not None
        assert job.func_name == "tick"


class TestEnqueueing:
    @pytest.fixture
    def scheduler(self, redis: Redis) -> TriageScheduler:
        """One that knows of nothing but ticks; the other jobs are due at once as well."""
        return TriageScheduler(redis, [TICK])

    def test_enqueues_what_is_due_and_arms_it_again(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        scheduler.reconcile()
        due = make_due(redis)
        assert scheduler.enqueue_jobs() == [TICK.job_id]
        assert waiting(redis) == [TICK.job_id]
        assert due_times(redis)[TICK.job_id] == due + 10

    def test_enqueues_nothing_before_its_time(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        scheduler.reconcile()
        redis.zadd(SCHEDULE, {TICK.job_id: time.time() + 5})
        assert scheduler.enqueue_jobs() == []

    def test_a_crash_while_enqueueing_does_not_lose_the_schedule(
        self, scheduler: TriageScheduler, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        scheduler.reconcile()
        make_due(redis)

        def crash(_job: object) -> None:
            raise KeyboardInterrupt

        monkeypatch.setattr(scheduler, "enqueue_job", crash)
        with pytest.raises(KeyboardInterrupt):
            scheduler.enqueue_jobs()
        assert due_times(redis)[TICK.job_id] > time.time()

    def test_skips_a_tick_that_still_waits(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        for _ in range(5):
            make_due(redis)
            scheduler.enqueue_jobs()
        assert waiting(redis) == [TICK.job_id]

    def test_skips_a_tick_that_still_runs(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        make_due(redis)
        scheduler.enqueue_jobs()
        self.take(redis, heard_of_seconds_ago=5)

        make_due(redis)
        assert scheduler.enqueue_jobs() == []
        assert due_times(redis)[TICK.job_id] > time.time()

    def test_a_tick_whose_worker_died_does_not_block_the_schedule(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        scheduler.reconcile()
        make_due(redis)
        scheduler.enqueue_jobs()
        self.take(redis, heard_of_seconds_ago=61)

        make_due(redis)
        assert scheduler.enqueue_jobs() == [TICK.job_id]

    @staticmethod
    def take(redis: Redis, *, heard_of_seconds_ago: int) -> None:
        redis.lpop("rq:queue:default")
        job = fetch_job(TICK.job_id, redis)
        assert job is not None
        job.set_status(JobStatus.STARTED)
        job.heartbeat(datetime.now(UTC) - timedelta(seconds=heard_of_seconds_ago), 60)

    def test_two_schedulers_enqueue_each_due_time_once(self, valkey: ValkeyServer) -> None:
        redis = valkey.connect()
        schedulers = [TriageScheduler(valkey.connect(), [TICK]) for _ in range(2)]
        for one in schedulers:
            one.reconcile()
        start = threading.Barrier(len(schedulers))
        enqueued: list[str] = []

        def enqueue(one: TriageScheduler) -> None:
            start.wait()
            enqueued.extend(one.enqueue_jobs())

        for round_number in range(30):
            redis.delete("rq:queue:default", Job.key_for(TICK.job_id))
            make_due(redis)
            threads = [threading.Thread(target=enqueue, args=[one]) for one in schedulers]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert enqueued == [TICK.job_id] * (round_number + 1)

    def test_a_damaged_job_costs_nothing(self, scheduler: TriageScheduler, redis: Redis) -> None:
        scheduler.reconcile()
        redis.hset(Job.key_for(TICK.job_id), "data", b"\x80\x05pickled")
        make_due(redis)
        assert scheduler.enqueue_jobs() == [TICK.job_id]

    def test_what_a_stored_job_says_about_its_queue_is_ignored(
        self, scheduler: TriageScheduler, redis: Redis
    ) -> None:
        scheduler.reconcile()
        key = Job.key_for(TICK.job_id)
        redis.hset(key, "meta", b'{"queue_class_name": "os.getcwd"}')
        redis.hset(key, "origin", "elsewhere")
        make_due(redis)
        scheduler.enqueue_jobs()
        assert waiting(redis) == [TICK.job_id]


class TestRun:
    @pytest.fixture
    def running(
        self, valkey: ValkeyServer, monkeypatch: pytest.MonkeyPatch
    ) -> Iterator[TriageScheduler]:
        for name in ("LOOP_SECONDS", "RECONCILE_SECONDS", "MAX_BACKOFF_SECONDS"):
            monkeypatch.setattr(scheduler_module, name, 0.05)
        scheduler = TriageScheduler(valkey.connect(), [PeriodicJob("tick", every_seconds=1)])
        thread = threading.Thread(target=scheduler.run)
        thread.start()
        yield scheduler
        scheduler.stop()
        thread.join(5)
        assert not thread.is_alive()

    def test_survives_redis_being_away(
        self, running: TriageScheduler, valkey: ValkeyServer
    ) -> None:
        assert wait_until(lambda: read_queue_status().has_scheduler)
        valkey.stop()
        assert wait_until(lambda: running._failures >= 3)
        valkey.start()
        redis = valkey.connect()
        redis.flushall()
        assert wait_until(lambda: read_queue_status().has_scheduler)
        assert wait_until(lambda: waiting(redis))

    def test_survives_flushall_and_rubbish(self, running: TriageScheduler, redis: Redis) -> None:
        assert wait_until(lambda: waiting(redis))
        redis.flushall()
        redis.set(SCHEDULE, "text")
        redis.set("rq:job:" + next(iter(running.definitions)), "text")
        assert wait_until(lambda: waiting(redis))
        assert list(due_times(redis)) == list(running.definitions)

    def test_is_not_called_alive_while_it_can_do_nothing(
        self, running: TriageScheduler, redis: Redis, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        attempts: list[float] = []

        def fail() -> None:
            attempts.append(time.monotonic())
            raise ConnectionError("away")

        assert wait_until(lambda: read_queue_status().has_scheduler)
        monkeypatch.setattr(running, "reconcile", fail)
        assert wait_until(lambda: attempts), "the last step that was well has said so"
        redis.delete(PARTS_KEY)
        attempts.clear()
        assert wait_until(lambda: len(attempts) >= 3)
        assert not read_queue_status().has_scheduler
