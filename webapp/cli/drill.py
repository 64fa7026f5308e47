"""`triagedesk drill`: a made-up critical report through the real chain, and its seconds."""

import os
from collections.abc import Iterator
from pathlib import Path

import click

from webapp import clock, task_queue
from webapp.cli.output import json_option, print_json, refusing
from webapp.cli.recovery.options import FILE, opener_options
from webapp.services.notices.deliver_due import deliver_due
from webapp.services.notices.escalate import advance_escalations
from webapp.services.recovery.drill_restore import drill_restore
from webapp.services.watch.drill import follow_drill, process_drill, start_drill
from webapp.services.watch.read_drills import DrillView, read_drills

LOOKS_EVERY = 2.0


class RunOrCommand(click.Group):
    """Runs the drill of messages where no other one is named."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Put the command in front that is meant without a name."""
        is_named = args and (args[0] in self.commands or args[0] == "--help")
        return super().parse_args(ctx, args if is_named else ["run", *args])


@click.group("drill", cls=RunOrCommand)
def drill() -> None:
    """Try whether it works while all is well: telling of a critical report, restoring a backup.

    Without a name it is the drill of messages (`drill run`).
    """


@drill.command("run")
@json_option
@refusing
def run(as_json: bool) -> None:
    """Send a made-up critical report through the real chain until somebody takes its ticket.

    It is marked DRILL everywhere and counts in no figure. Whoever is told of criticals is told of
    it; take the ticket by the link in the message to your own contact method or on its page, and it
    is closed by itself. Exit code 0 if every station was reached, 1 if one was not.
    """
    view = None
    told: set[str] = set()
    for view in _run(start_drill().id):
        for one in view.stations:
            if one.at is not None and one.station.name not in told and not as_json:
                click.echo(f"{one.station.label}: {one.seconds or 0:.1f} s")
                told.add(one.station.name)
    assert view is not None  # noqa: S101 - a drill that was started is there
    if as_json:
        print_json(view.as_dict())
    elif not view.is_success:
        click.echo(f"Failed at {view.failed_at}: {view.problem}", err=True)
    if not view.is_success:
        raise SystemExit(1)


def _run(drill_id: int) -> Iterator[DrillView]:
    """Follow the drill to its end; without a worker, this process delivers the messages."""
    process_drill(drill_id)
    while True:
        if not task_queue.read_queue_status().can_run_jobs:
            advance_escalations(clock.utcnow())
            deliver_due(clock.utcnow())
        follow_drill(drill_id, clock.utcnow())
        [view] = read_drills(drill_id)
        yield view
        if view.ended_at is not None:
            return
        clock.sleep(LOOKS_EVERY)


@drill.command("restore")
@click.argument("file", type=FILE, required=False)
@opener_options
@json_option
@refusing
def restore(
    file: Path | None, passphrase_file: Path | None, identity: Path | None, as_json: bool
) -> None:
    """Restore FILE, or the newest backup of the schedule, in a scratch place, and report.

    It is the command of the worst day, with the keys of the backup and an empty database. Exit code
    0 if everything came back and can be read, 1 if not.
    """
    options = []
    for name, path in (("--passphrase-file", passphrase_file), ("--identity", identity)):
        options += [name, str(path.absolute())] if path is not None else []
    result = drill_restore(file.absolute() if file else None, options, os.environ)
    if as_json:
        print_json(result.as_dict())
    elif result.success:
        click.echo(
            f"{result.file}: restored in {result.seconds:.1f} s, {result.rows:,} rows of"
            f" {result.taken_at}; every stored secret can be read."
        )
    else:
        click.echo(f"{result.file}: the restore failed. {result.problem}", err=True)
    if not result.success:
        raise SystemExit(1)


commands: list[click.Command] = [drill]
