"""`triagedesk restore` and `triagedesk recovery`: putting a backup back, and going on after it."""

import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager
from pathlib import Path

import click

from webapp.cli.output import json_option, print_json, refusing
from webapp.cli.recovery.options import FILE, app_alone_on, opener_options, read_opener
from webapp.config import Config, read_backups, read_data_dir
from webapp.domain.recovery.settle import full_moment
from webapp.models import TicketCounter
from webapp.runtime.data_dir import alone_in, create_data_dir, locked
from webapp.services.keys.verify_values import find_unreadable
from webapp.services.operations.check_encryption import columns_without_key
from webapp.services.recovery.release_restore import read_open_restore, release_restore
from webapp.services.recovery.restore_backup import describe_restored, restore_backup
from webapp.services.transactions import reading

NEXT_STEPS = """\
Everybody has to sign in again. Messages are held and polling is paused:
  1. `triagedesk up`, and look around. New tickets have numbers above {number}.
  2. `triagedesk recovery release`, or the button on the page Backups: messages go out again.
  3. Resume polling on each connection's page: the next poll brings what the backup lacks."""


@click.command("restore")
@click.argument("file", type=FILE)
@opener_options
@json_option
@refusing
def restore(file: Path, passphrase_file: Path | None, identity: Path | None, as_json: bool) -> None:
    """Restore FILE into the configured data directory or database, which must be empty.

    All of it or nothing: it may be ended at any moment and run again. Keys are put in place where
    the configuration gives none. Afterwards everybody has to sign in again, messages are held and
    polling is paused until somebody has looked.
    """
    env = os.environ
    opener = read_opener(passphrase_file, identity, read_backups(env).passphrase)
    found: list[tuple[int, list[str]]] = []
    with _alone(env):

        @contextmanager
        def open_app(config: Config) -> Iterator[None]:
            with app_alone_on(config):
                yield
                found.append(_look_around())

        restored = restore_backup(env, file, opener, open_app)
    [(number, unreadable)] = found
    notes = [*restored.notes]
    if unreadable:
        notes.append(f"The keys of the backup cannot decrypt {', '.join(unreadable)}.")
    if as_json:
        print_json(
            {
                "success": True,
                "rows": restored.rows,
                "taken_at": restored.manifest.taken_at.isoformat(),
                "restored_at": restored.restored_at.isoformat(),
                "product_version": restored.manifest.product_version,
                "last_number": number,
                "unreadable": unreadable,
                "notes": notes,
            }
        )
    else:
        click.echo("\n".join([describe_restored(restored), *notes]))
        click.echo(NEXT_STEPS.format(number=f"{number:,}"))


def _look_around() -> tuple[int, list[str]]:
    """The last ticket number of what was restored, and the columns that cannot be decrypted."""
    with reading() as session:
        unreadable = columns_without_key(find_unreadable(session))
        return session.get_one(TicketCounter, 1).last_number, unreadable


@contextmanager
def _alone(env: Mapping[str, str]) -> Iterator[None]:
    """Keep `up` and another restore away from the data directory."""
    data_dir = read_data_dir(env)
    create_data_dir(data_dir)
    with ExitStack() as stack:
        stack.enter_context(locked(data_dir))
        stack.enter_context(alone_in(data_dir))
        yield


@click.group("recovery")
def recovery() -> None:
    """Go on after a restore."""


@recovery.command("status")
@json_option
@refusing
def status(as_json: bool) -> None:
    """Say whether messages are held since a restore, and how many wait."""
    held = read_open_restore()
    if as_json:
        print_json({"held": held is not None, **(held.as_dict() if held else {})})
    elif held is None:
        click.echo("No restore holds messages.")
    else:
        click.echo(
            f"Restored from {full_moment(held.taken_at)}: messages are held,"
            f" {held.waiting:,} of the backup wait."
        )


@recovery.command("release")
@click.option(
    "--send-waiting",
    is_flag=True,
    help="Also send what waited in the backup; most of it was sent before the restore.",
)
@refusing
def release(send_waiting: bool) -> None:
    """Let messages go out again; what waited in the backup is dropped."""
    dropped = release_restore(drops_waiting=not send_waiting)
    click.echo(f"Messages go out again. {dropped:,} of the backup were dropped.")


commands: list[click.Command] = [restore, recovery]
