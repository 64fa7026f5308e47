"""`triagedesk poll`: one poll cycle in this process, which needs no Redis."""

import logging
import queue
import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from types import FrameType
from typing import Any

import click
from flask import current_app

from webapp import clock
from webapp.cli.output import json_option, print_json, refusing
from webapp.domain.polling_health import TIMER
from webapp.extensions import current_config
from webapp.services.operations.upkeep import do_upkeep
from webapp.services.polling.give_back import give_back_own_leases
from webapp.services.polling.outcome import PollOutcome
from webapp.services.polling.poll_connection import poll_connection
from webapp.services.schedule.due_connections import find_due_connections
from webapp.stop_signals import stop_is_heard, stop_with

MOST_AT_ONCE = 8
"""So many connections are polled at the same time by `poll --due`."""

logger = logging.getLogger(__name__)


@click.command("poll")
@click.argument("connection_id", metavar="[ID]", type=int, required=False)
@click.option("--sweep", is_flag=True, help="Look at all open incidents as well.")
@click.option("--due", is_flag=True, help="Every connection that is due, for timers.")
@json_option
@refusing
def poll(connection_id: int | None, sweep: bool, due: bool, as_json: bool) -> None:
    """Poll a connection now, or every one that is due.

    The first poll of a connection that is ready for it begins its schedule. Where another process
    polls it already, this waits for that run and reports it. Exit code 0 on success or a
    deliberate skip, 1 on failure or missing credentials. With --due, it also makes the daily proofs
    and does what a worker does hourly, such as deleting old records and chaining the audit log;
    messages need `triagedesk watch`, or a worker.
    """
    if due and connection_id is not None:
        raise click.UsageError("Give either the ID of a connection or --due, not both.")
    if not due and connection_id is None:
        raise click.UsageError(
            "Give the ID of a connection (`triagedesk connection list` shows them), or --due."
        )
    with _leaving_when_told():
        if connection_id is None:
            results = _poll_all(find_due_connections(clock.utcnow()), sweep=sweep)
            do_upkeep(current_config(), has_worker=False)  # nobody else does so without Redis
            document: object = results
        else:
            outcome = poll_connection(
                connection_id, trigger="command", sweep=sweep, wait_for_running=True
            )
            results = [_result(connection_id, outcome)]
            document = outcome.as_dict()
    if as_json:
        print_json(document)
    else:
        _tell(results)
    if not all(result["success"] for result in results):
        raise SystemExit(1)


@contextmanager
def _leaving_when_told() -> Iterator[None]:
    """End as if by sys.exit() on SIGTERM and Ctrl-C, so that leases are given back.

    A second Ctrl-C does not wait, as for a database that does not answer. Where Ctrl-C is ignored,
    as in the background of a script, it stays so.
    """

    def leave(signum: int, _frame: FrameType | None) -> None:
        if signum == signal.SIGINT:
            signal.signal(signal.SIGINT, signal.default_int_handler)
            stop_with(KeyboardInterrupt())
            return
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        click.echo("The poll was asked to stop; the next one goes on where it stopped.", err=True)
        stop_with(SystemExit(1))

    before = {
        signum: signal.signal(signum, leave)
        for signum in (signal.SIGTERM, signal.SIGINT)
        if signal.getsignal(signum) is not signal.SIG_IGN
    }
    try:
        yield
    finally:
        stop_is_heard()
        for signum, handler in before.items():
            signal.signal(signum, handler)


def _poll_all(connection_ids: Sequence[int], *, sweep: bool) -> list[dict[str, Any]]:
    """Poll several connections at the same time, so that a slow account delays no other one.

    Where the command is told to stop, it gives the leases of all of them back.
    """
    app = current_app._get_current_object()  # type: ignore[attr-defined]  # flask's proxy
    waiting: queue.SimpleQueue[int] = queue.SimpleQueue()
    results: dict[int, dict[str, Any]] = {}
    for connection_id in connection_ids:
        waiting.put(connection_id)

    def work() -> None:
        with app.app_context():
            while True:
                try:
                    connection_id = waiting.get_nowait()
                except queue.Empty:
                    return
                results[connection_id] = _poll_safely(connection_id, sweep=sweep)

    threads = [
        threading.Thread(target=work, daemon=True)
        for _ in range(min(MOST_AT_ONCE, len(connection_ids)))
    ]
    try:
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    except (SystemExit, KeyboardInterrupt):
        while not waiting.empty():
            waiting.get_nowait()
        give_back_own_leases()
        raise
    return [results[connection_id] for connection_id in connection_ids]


def _poll_safely(connection_id: int, *, sweep: bool) -> dict[str, Any]:
    """Poll one of several connections.

    Any exception is logged, so that the others are polled too.
    """
    try:
        outcome = poll_connection(connection_id, trigger=TIMER, sweep=sweep)
    except Exception:  # whatever it is, the other connections are polled
        logger.exception("The poll of connection %s broke", connection_id)
        error = "The poll failed; the log says why."
        return {"connection_id": connection_id, "success": False, "error": error, "words": error}
    return _result(connection_id, outcome)


def _result(connection_id: int, outcome: PollOutcome) -> dict[str, Any]:
    return {"connection_id": connection_id, **outcome.as_dict(), "words": outcome.words}


def _tell(results: list[dict[str, Any]]) -> None:
    if not results:
        click.echo("No connection is due.")
    for result in results:
        click.echo(f"Connection {result['connection_id']}: {result['words']}")


commands: list[click.Command] = [poll]
