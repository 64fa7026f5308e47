"""Messages while processes are killed, a receiver is down, and nothing is left but the watcher.

Real processes of `triagedesk up`; where something has to run out first, the clock is a fast one.
"""

import signal
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import suppress

import psutil
import pytest
from sqlalchemy import select

from tests.faults.conftest import BuildWorld
from tests.faults.scaled import VARIABLE
from tests.faults.world import World
from tests.support.fake_clock import scaled_now
from tests.support.processes import run_triagedesk
from tests.support.receivers.http_receiver import Handler, HttpReceiver, Received, answer, reset
from tests.support.receivers.notices_data import add_policy, add_target
from tests.support.waiting import wait_until
from webapp.domain.notices.target_kinds import Kind
from webapp.models import OutboxRow
from webapp.services.transactions import reading

pytestmark = [pytest.mark.soak, pytest.mark.timeout(600)]

FACTOR = 20
"""The lease of a target, two minutes, runs out after six seconds."""

DELIVERED_SECONDS = 30
ALARM_SECONDS = 60
PATH = "/hook"


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as receiver:
        yield receiver


def build_fast(build_world: BuildWorld, receiver: HttpReceiver) -> World:
    """An installation that lives twenty times as fast."""
    start = time.time()
    return build_world(
        module="tests.faults.scaled",
        now=scaled_now(start, FACTOR),
        TRIAGEDESK_OUTBOUND_HOSTS=receiver.origin,
        **{VARIABLE: f"{start}:{FACTOR}"},
    )


def tell_everything(world: World, receiver: HttpReceiver) -> None:
    """A webhook that gets every new ticket, and alarms; the first poll is over."""
    world.settle()
    with world.app.app_context():
        target_id = add_target(f"{receiver.origin}{PATH}", Kind.WEBHOOK, tells_alarms=True)
        add_policy("all", [(0, [target_id])])


def add_incidents(world: World, count: int) -> set[str]:
    """Add critical incidents and ask for a poll; returns their ids."""
    ids = {
        str(world.account.add_incident(number, now=world.now(), severity="critical")["id"])
        for number in range(1, count + 1)
    }
    with world.app.app_context():
        world.desk.set(poll_requested_at=world.now())
    return ids


def created(receiver: HttpReceiver) -> list[Received]:
    """What the webhook was sent about new tickets."""
    requests = [one for one in list(receiver.requests) if one.path == PATH]
    return [one for one in requests if one.json["type"] == "ticket.created"]


def incidents(receiver: HttpReceiver) -> Counter[str]:
    return Counter(one.json["data"]["incident_id"] for one in created(receiver))


def rows(world: World) -> list[OutboxRow]:
    with world.app.app_context(), reading() as session:
        query = select(OutboxRow).where(OutboxRow.event == "ticket.created").order_by(OutboxRow.id)
        return list(session.scalars(query.execution_options(populate_existing=True)))


def are_sent(world: World, count: int) -> bool:
    states = [row.state for row in rows(world)]
    return states == ["sent"] * count


def find_sender(world: World, receiver: HttpReceiver) -> psutil.Process | None:
    """The process that is connected to the receiver."""
    for process in world.family():
        with suppress(psutil.Error):
            for one in process.net_connections("tcp"):
                if one.raddr and one.raddr.port == receiver.port:
                    return process
    return None


def test_killed_between_sending_and_marking_it_is_sent_again_with_the_same_key(
    build_world: BuildWorld, receiver: HttpReceiver
) -> None:
    world = build_fast(build_world, receiver)
    tell_everything(world, receiver)
    has_arrived, was_killed = threading.Event(), threading.Event()

    def hold_back(handler: Handler) -> None:
        has_arrived.set()
        was_killed.wait(60)
        receiver.behaviour = answer(200)
        reset(handler)

    receiver.behaviour = hold_back
    [incident] = add_incidents(world, 1)
    assert has_arrived.wait(DELIVERED_SECONDS), world.up.output
    sender = find_sender(world, receiver)
    assert sender is not None
    assert sender.cmdline() != world.up.part("web").cmdline()
    sender.kill()
    assert wait_until(lambda: not psutil.pid_exists(sender.pid) or _is_over(sender), 20)
    assert [row.state for row in rows(world)] == ["pending"]
    was_killed.set()
    assert wait_until(lambda: are_sent(world, 1), DELIVERED_SECONDS), world.up.output
    first, second = created(receiver)
    assert first.headers["webhook-id"] == second.headers["webhook-id"]
    assert first.body == second.body
    assert second.json["data"]["incident_id"] == incident
    assert rows(world)[0].attempts == 2


def _is_over(process: psutil.Process) -> bool:
    with suppress(psutil.Error):
        return bool(process.status() == psutil.STATUS_ZOMBIE)
    return True


def test_what_a_target_missed_while_it_was_down_arrives_once(
    build_world: BuildWorld, receiver: HttpReceiver
) -> None:
    world = build_fast(build_world, receiver)
    tell_everything(world, receiver)
    is_up, arrived = threading.Event(), list[str]()

    def be_down(handler: Handler) -> None:
        if not is_up.is_set():
            return reset(handler)
        arrived.append(handler.headers["webhook-id"])
        return answer(200)(handler)

    receiver.behaviour = be_down
    ids = add_incidents(world, 12)
    assert wait_until(lambda: len(created(receiver)) >= 3, DELIVERED_SECONDS), world.up.output
    assert {row.state for row in rows(world)} == {"pending"}
    is_up.set()
    assert wait_until(lambda: are_sent(world, 12), 3 * DELIVERED_SECONDS), world.up.output
    keys = {one.headers["webhook-id"]: one.json["data"]["incident_id"] for one in created(receiver)}
    assert len(keys) == 12, "a try has the key of the try before"
    assert Counter(keys[key] for key in arrived) == Counter(dict.fromkeys(ids, 1))


def test_with_nothing_left_but_the_watcher_alarms_and_criticals_leave(
    build_world: BuildWorld, receiver: HttpReceiver
) -> None:
    """The supervisor is stopped, so that nothing comes back; the clock is the real one."""
    world = build_world(TRIAGEDESK_OUTBOUND_HOSTS=receiver.origin)
    tell_everything(world, receiver)
    watcher = world.up.part("watch")
    world.up.process.send_signal(signal.SIGSTOP)
    family = [one for one in world.family(without_valkey=False) if one.pid != watcher.pid]
    for process in family:
        with suppress(psutil.NoSuchProcess):
            process.kill()
    killed = time.monotonic()
    try:
        is_told = wait_until(lambda: "alarm.began" in told(receiver), ALARM_SECONDS)
        assert is_told, world.up.output
        assert time.monotonic() - killed < ALARM_SECONDS
        [alarm] = [one.json for one in receiver.requests if one.json["type"] == "alarm.began"]
        assert alarm["data"]["kind"] == "redis-gone"
        [incident] = add_incidents(world, 1)
        done = run_triagedesk(
            *("poll", str(world.desk.connection_id), "--json"),
            **{**world.env, "TRIAGEDESK_DATA_DIR": str(world.data_dir)},
        )
        assert done.returncode == 0, done.stderr
        assert wait_until(lambda: incidents(receiver)[incident] == 1, DELIVERED_SECONDS)
        assert watcher.is_running()
    finally:
        world.up.process.send_signal(signal.SIGCONT)


def told(receiver: HttpReceiver) -> set[str]:
    return {one.json["type"] for one in list(receiver.requests)}
