"""What Prometheus reads, computed from the database at the moment it asks.

No label has a value that somebody outside can choose; targets and connections are told by their
ids, and one metric of each names them.
"""

from collections.abc import Iterable, Iterator
from datetime import datetime

from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.watch.alarm_kinds import Trouble
from webapp.services.schedule.judge_polling import judge_polling
from webapp.services.transactions import reading
from webapp.services.watch.list_alarms import ongoing_alarms
from webapp.services.watch.measure_connections import measure_connections
from webapp.services.watch.measure_messages import measure_messages
from webapp.services.watch.measure_tickets import measure_tickets
from webapp.services.watch.measured import Measured
from webapp.services.watch.other_watchers import list_watchers
from webapp.services.watch.schema import read_schema

CONTENT_TYPE = CONTENT_TYPE_PLAIN_0_0_4


def render_metrics(version: str) -> bytes:
    """Return all metrics in Prometheus's text format, as of one view of the database.

    `version` is that of Triagedesk. Raises a database's error if it is away.
    """
    now = clock.utcnow()
    with reading() as session:
        registry = CollectorRegistry(auto_describe=False)
        registry.register(_Once(list(measure(session, version, now))))
        return generate_latest(registry)


def measure(session: Session, version: str, now: datetime) -> Iterator[Measured]:
    """Yield everything that is measured at `now` (UTC)."""
    connections = judge_polling(session, now)
    yield Measured(
        "build_info",
        "The version of Triagedesk, and of its database.",
        ("version", "schema"),
        [((version, read_schema(session)), 1)],
    )
    yield from measure_connections(session, connections, now)
    yield from measure_tickets(session, connections, now)
    yield from measure_messages(session, now)
    yield from _measure_watch(session)


def _measure_watch(session: Session) -> Iterator[Measured]:
    alarms = ongoing_alarms(session)
    kinds = sorted({*(kind.value for kind in Trouble), *(alarm.kind for alarm in alarms)})
    yield Measured(
        "alarms",
        "Alarms that go on, by kind.",
        ("kind",),
        [((kind,), sum(alarm.kind == kind for alarm in alarms)) for kind in kinds],
    )
    yield Measured(
        "watcher_last_round_timestamp_seconds",
        "When the watcher of a machine last completed a round.",
        ("machine",),
        [
            ((one.machine,), one.completed_at.timestamp())
            for one in list_watchers(session)
            if one.completed_at is not None
        ],
    )


class _Once(Collector):
    """Gives what was measured to the library that writes it."""

    def __init__(self, measured: Iterable[Measured]) -> None:
        self._measured = measured

    def collect(self) -> Iterator[GaugeMetricFamily]:
        for one in self._measured:
            family = GaugeMetricFamily(f"triagedesk_{one.name}", one.help, labels=one.labels)
            for labels, value in one.values:
                family.add_metric([str(label) for label in labels], value)
            yield family
