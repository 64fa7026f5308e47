"""The job queue on Redis: which jobs may be enqueued, how, and whether a worker takes them.

Payloads are JSON and name one of JOBS. RQ's pickles and importable function names are never
followed. The queue is not a record of anything: due times and outcomes are in the database.
"""

import json
from collections.abc import Callable, Collection, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, ClassVar
from uuid import uuid4

import redis.exceptions
from redis import Redis, WatchError
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry
from rq import Queue
from rq.job import Job, JobStatus
from rq.serializers import JSONSerializer

from webapp import clock
from webapp.process_identity import is_gone, machine_name, other_machine

DEFAULT_QUEUE = "default"
POLL_QUEUE = "polls"
NOTICE_QUEUE = "notices"
LONG_QUEUE = "long"
"""Jobs that may take hours and can wait for one another: backups, forwarding, erasures, upkeep.

Proofs are none of them: after midnight there are as many as connections, and all would wait.
"""

QUEUES = (DEFAULT_QUEUE, POLL_QUEUE, NOTICE_QUEUE, LONG_QUEUE)

CONNECT_SECONDS = 1.0
ANSWER_SECONDS = 2.0
HEARTBEAT_TTL_SECONDS = 15
SILENT_AFTER = timedelta(seconds=60)
PICKED_UP_WITHIN = timedelta(seconds=10)
KEEP_FAILED_SECONDS = 24 * 3600
FORGOTTEN_AFTER_SECONDS = 6 * 3600
PARTS_KEY = "triagedesk:parts"


class UnknownJobError(LookupError):
    """A job has a name that is not one of JOBS; it is never run."""


class QueueUnavailableError(RuntimeError):
    """Redis cannot be reached; nothing was enqueued."""


@dataclass(frozen=True)
class JobKind:
    """The queue for jobs of one name, and the number of seconds after which RQ ends such a job."""

    queue: str
    timeout_seconds: int


JOBS: Mapping[str, JobKind] = {
    "tick": JobKind(DEFAULT_QUEUE, 60),
    "audit_trail": JobKind(DEFAULT_QUEUE, 300),
    "audit_sending": JobKind(LONG_QUEUE, 2 * 3600),
    "housekeeping": JobKind(LONG_QUEUE, 3600),
    "forget": JobKind(LONG_QUEUE, 3600),
    "poll": JobKind(POLL_QUEUE, 12 * 3600),
    "notices": JobKind(NOTICE_QUEUE, 120),
    "account_mails": JobKind(NOTICE_QUEUE, 900),
    "deliver": JobKind(NOTICE_QUEUE, 900),
    "drills": JobKind(DEFAULT_QUEUE, 60),
    "drill": JobKind(POLL_QUEUE, 600),
    "proofs": JobKind(DEFAULT_QUEUE, 60),
    "prove": JobKind(POLL_QUEUE, 2 * 3600),
    "backups": JobKind(DEFAULT_QUEUE, 60),
    "backup": JobKind(LONG_QUEUE, 12 * 3600),
}


class JsonJob(Job):
    """A job whose payload is JSON and whose function is one of `functions`, found by name.

    A stored job may name callbacks and webhooks that RQ would import or call. They are dropped when
    the job is read, because Redis is not trusted with them.
    """

    functions: ClassVar[Mapping[str, Callable[..., Any]]] = {}

    def __init__(
        self, id: str | None = None, connection: Redis | None = None, serializer: Any = None
    ) -> None:
        super().__init__(id, connection, JSONSerializer)

    @property
    def func(self) -> Callable[..., Any]:
        """The registered function; raises UnknownJobError."""
        name = self.func_name
        if not isinstance(name, str) or name not in JOBS or name not in self.functions:
            raise UnknownJobError(f"{str(name)[:100]!r} is not a job of Triagedesk")
        return self.functions[name]

    def restore(self, raw_data: Any) -> None:
        """Read the stored job without the callbacks and webhooks that it names."""
        super().restore(raw_data)
        self._success_callback_name = None
        self._failure_callback_name = None
        self._stopped_callback_name = None
        self.webhooks = []
        self.group_id = None


@dataclass(frozen=True)
class PartStatus:
    """A part ("worker" or "scheduler") of a machine, and the seconds since its last heartbeat.

    `steady_seconds` is for how long its heartbeats have come without a gap.
    """

    name: str
    machine: str
    silent_seconds: int
    note: str | None = None
    is_supervised: bool = False
    steady_seconds: int = 0

    @property
    def is_silent(self) -> bool:
        """Whether it has not been heard of for too long."""
        return self.silent_seconds > HEARTBEAT_TTL_SECONDS

    @property
    def has_reported_for_a_while(self) -> bool:
        """Whether somebody else who is alive would have reported meanwhile."""
        return not self.is_silent and self.steady_seconds > HEARTBEAT_TTL_SECONDS


@dataclass(frozen=True)
class QueueStatus:
    """Whether jobs are taken and run at present, as of at most HEARTBEAT_TTL_SECONDS ago."""

    is_redis_up: bool
    has_worker: bool = False
    has_scheduler: bool = False
    redis_error: str = ""
    parts: tuple[PartStatus, ...] = ()

    @property
    def can_run_jobs(self) -> bool:
        """Whether a worker would run a job that is enqueued now."""
        return self.is_redis_up and self.has_worker

    @property
    def problem(self) -> str | None:
        """A sentence for the page that says what is wrong; None if all is well."""
        if not self.is_redis_up:
            return "The job queue (Redis) cannot be reached."
        if not self.has_worker:
            return "No worker is running: nothing can be polled."
        if not self.has_scheduler:
            return "No scheduler is running: connections are not polled on schedule."
        return None


_redis_url: str | None = None
_connection: Redis | None = None


def configure(redis_url: str) -> None:
    """Use the Redis server at `redis_url` from now on; the first use connects."""
    global _redis_url, _connection
    if redis_url != _redis_url:
        _redis_url, _connection = redis_url, None


def connect(redis_url: str, *, answer_seconds: float = ANSWER_SECONDS) -> Redis:
    """A client that gives up quickly and does not retry; it raises redis.RedisError."""
    return Redis.from_url(
        redis_url,
        socket_connect_timeout=CONNECT_SECONDS,
        socket_timeout=answer_seconds,
        retry=Retry(NoBackoff(), 0),
        health_check_interval=30,
    )


def enqueue(
    name: str, *, job_id: str | None = None, timeout: int | None = None, **kwargs: Any
) -> bool:
    """Enqueue the job `name` with `kwargs`, which must be JSON; call it only after the commit.

    With a `job_id`, nothing is enqueued while a job with this id waits or runs. A job that
    finished, failed, or sent no heartbeat for a minute is replaced. Returns whether the job was
    enqueued. Raises UnknownJobError, and QueueUnavailableError within about two seconds.
    """
    kind = JOBS.get(name)
    if kind is None:
        raise UnknownJobError(f"{name!r} is not a job of Triagedesk")
    try:
        return enqueue_once(
            _configured(),
            name,
            kind,
            job_id or str(uuid4()),
            timeout or kind.timeout_seconds,
            kwargs,
        )
    except RedisError as error:
        raise QueueUnavailableError("The job queue (Redis) cannot be reached.") from error


def enqueue_poll(
    connection_id: int, *, trigger: str, actor_id: int | None = None, sweep: bool = False
) -> bool:
    """Enqueue a poll of the connection unless one waits or runs already; see enqueue()."""
    return enqueue(
        "poll",
        job_id=f"poll-{connection_id}",
        connection_id=connection_id,
        trigger=trigger,
        actor_id=actor_id,
        sweep=sweep,
    )


def enqueue_once(
    connection: Redis, name: str, kind: JobKind, job_id: str, timeout: int, kwargs: dict[str, Any]
) -> bool:
    """Do what enqueue() does on a given connection; raises redis.RedisError."""
    queue = make_queue(kind.queue, connection)
    key = JsonJob.key_for(job_id)
    while True:
        with connection.pipeline() as pipe:
            try:
                pipe.watch(key)  # type: ignore[no-untyped-call]  # redis has no types for it
                if is_pending(fetch_job(job_id, connection), clock.utcnow()):
                    return False
                pipe.multi()
                pipe.delete(key)
                pipe.lrem(queue.key, 0, job_id)
                queue.enqueue_call(
                    name,
                    kwargs=kwargs,
                    job_id=job_id,
                    timeout=timeout,
                    result_ttl=0,
                    failure_ttl=KEEP_FAILED_SECONDS,
                    pipeline=pipe,
                )
                pipe.execute()
            except WatchError:
                continue
            return True


def make_queue(name: str, connection: Redis) -> Queue:
    """The queue `name`, which reads and writes only JSON jobs."""
    return Queue(name, connection=connection, job_class=JsonJob, serializer=JSONSerializer)


def fetch_job(job_id: str, connection: Redis) -> JsonJob | None:
    """The stored job, or None if it does not exist or is damaged."""
    job = JsonJob(job_id, connection)
    try:
        job.refresh()  # type: ignore[no-untyped-call]  # RQ has no types for it
        return job if job.func_name in JOBS else None
    except (redis.exceptions.ConnectionError, redis.exceptions.TimeoutError):
        raise
    except Exception:  # noqa: BLE001 - RQ raises anything for damaged data, AssertionError included
        return None


def is_pending(job: JsonJob | None, now: datetime) -> bool:
    """Whether the job waits in its queue, or runs and has sent a heartbeat lately.

    A worker bears the name of its process: the job of one that has ended on this machine, or whose
    machine has fallen silent, runs no more. Nor do times count that a clock left in the future.
    """
    if job is None:
        return False
    status = job.get_status(refresh=False)
    if status == JobStatus.QUEUED:
        is_new = job.enqueued_at is not None and abs(now - job.enqueued_at) < PICKED_UP_WITHIN
        return is_new or job.connection.lpos(f"rq:queue:{job.origin}", job.id) is not None
    if status == JobStatus.STARTED:
        worker = job.worker_name or ""
        if is_gone(worker) or processes_of_silent_workers({worker}):
            return False
        return job.last_heartbeat is not None and abs(now - job.last_heartbeat) < SILENT_AFTER
    return False


def enqueue_tick(connection: Redis) -> None:
    """Look at once which polls are due; raises redis.RedisError."""
    kind = JOBS["tick"]
    enqueue_once(connection, "tick", kind, str(uuid4()), kind.timeout_seconds, {})


def send_heartbeat(
    connection: Redis, part: str, *, note: str | None = None, is_supervised: bool = False
) -> None:
    """Record that `part` ("worker" or "scheduler") of this machine is alive.

    The time is Redis's, because the clocks of machines differ. `note` is what Health should say
    about the part; `is_supervised` says that `triagedesk up` runs it. Raises redis.RedisError.
    """
    at, _ = connection.time()
    field = f"{part}@{machine_name()}"
    last = _read_beat(connection.hget(PARTS_KEY, field))
    since = at if last is None or at - last.at > HEARTBEAT_TTL_SECONDS else last.since
    beat = {"at": at, "since": since, "note": note, "is_supervised": is_supervised}
    connection.hset(PARTS_KEY, field, json.dumps(beat))


def end_heartbeat(connection: Redis, part: str) -> None:
    """Record that `part` of this machine was stopped on purpose; raises redis.RedisError."""
    connection.hdel(PARTS_KEY, f"{part}@{machine_name()}")


def read_queue_status() -> QueueStatus:
    """Whether Redis, a worker and a scheduler are running; answers within about two seconds."""
    try:
        redis = _configured()
        with redis.pipeline(transaction=False) as pipe:
            pipe.time()
            pipe.hgetall(PARTS_KEY)
            (now, _), stored = pipe.execute()
    except (RedisError, QueueUnavailableError) as error:
        return QueueStatus(is_redis_up=False, redis_error=str(error))
    parts = tuple(_read_parts(stored, now))
    alive = {part.name for part in parts if not part.is_silent}
    return QueueStatus(
        True, has_worker="worker" in alive, has_scheduler="scheduler" in alive, parts=parts
    )


def processes_of_silent_workers(identities: Collection[str]) -> set[str]:
    """Of processes that are named, those of other machines whose worker has fallen silent.

    Nobody counts as silent where Redis cannot be asked or has not heard of that worker, nor before
    another part has reported for a while: after an outage of Redis, everybody seems to be.
    """
    elsewhere = {one: machine for one in identities if (machine := other_machine(one))}
    if not elsewhere:
        return set()
    parts = read_queue_status().parts
    if not any(part.has_reported_for_a_while for part in parts):
        return set()
    silent = {part.machine for part in parts if part.name == "worker" and part.is_silent}
    return {one for one, machine in elsewhere.items() if machine in silent}


def _read_parts(stored: Mapping[bytes, bytes], now: int) -> Iterator[PartStatus]:
    """The parts that have been heard of lately; what is damaged or long forgotten is left out."""
    for field, value in sorted(stored.items()):
        name, _, machine = field.decode(errors="replace").partition("@")
        beat = _read_beat(value)
        if beat is not None and now - beat.at <= FORGOTTEN_AFTER_SECONDS:
            yield PartStatus(
                name,
                machine,
                silent_seconds=abs(now - beat.at),  # in the future: Redis's clock was set back
                note=beat.note,
                is_supervised=beat.is_supervised,
                steady_seconds=max(0, beat.at - beat.since),
            )


@dataclass(frozen=True)
class _Beat:
    """A stored heartbeat; `at` and `since` are seconds of Redis's clock."""

    at: int
    since: int
    note: str | None
    is_supervised: bool


def _read_beat(value: bytes | str | None) -> _Beat | None:
    """The stored heartbeat; None where there is none, or it is damaged."""
    if value is None:
        return None
    try:
        beat = json.loads(value)
        at = int(beat["at"])
        is_supervised = bool(beat.get("is_supervised"))
        return _Beat(at, int(beat.get("since", at)), beat.get("note"), is_supervised)
    except (ValueError, TypeError, KeyError, AttributeError):
        return None


def _configured() -> Redis:
    global _connection
    if _redis_url is None:
        raise QueueUnavailableError("The job queue is not configured.")
    if _connection is None:
        _connection = connect(_redis_url)
    return _connection
