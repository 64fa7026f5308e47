"""`triagedesk backup`: one encrypted file with everything, written and checked."""

import os
from pathlib import Path

import click

from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.cli.recovery.options import (
    FILE,
    opener_options,
    passphrase_option,
    read_opener,
    read_sealer,
)
from webapp.cli.support import opened_app
from webapp.config import Config, read_backups, read_data_dir
from webapp.domain.recovery.settle import full_moment
from webapp.services.recovery.check_backup import check_backup
from webapp.services.recovery.places import fetch_file, list_files
from webapp.services.recovery.run_backup import make_backup_now
from webapp.services.recovery.scratch import describing_disk
from webapp.services.recovery.write_backup import record_written, write_backup


class FileOrCommand(click.Group):
    """Takes the name of a file in the place of a command: `backup FILE` is `backup write FILE`."""

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command; what is none is a file."""
        if args and args[0] not in self.commands:
            args = ["write", *args]
        return super().resolve_command(ctx, args)


@click.group("backup", cls=FileOrCommand)
def backup() -> None:
    """Write everything into one encrypted file: `triagedesk backup FILE --passphrase-file F`.

    It works while everything runs. `backup verify FILE` opens a backup and proves that it is whole,
    `backup now` makes the scheduled one at once, `backup list` and `backup fetch` show and fetch
    what is in the places of the schedule.
    """


@backup.command("write")
@click.argument("file", type=FILE)
@passphrase_option
@click.option("--recipient", "recipients", multiple=True, help="A public key of age (age1…).")
@json_option
@refusing
def write(
    file: Path, passphrase_file: Path | None, recipients: tuple[str, ...], as_json: bool
) -> None:
    """Write a backup to FILE, which must not exist.

    It holds the database, all keys and the configuration. Whoever has it and the passphrase has
    everything. Without options it is encrypted as the scheduled backups are.
    """
    with opened_app() as app:
        config: Config = app.extensions["triagedesk_config"]
        sealer = read_sealer(passphrase_file, recipients, config.backups)
        made = write_backup(config, os.environ, file.absolute(), sealer)
        record_written(file, made)
    if as_json:
        print_json(
            {
                "file": str(file.absolute()),
                "bytes": made.size,
                "rows": made.manifest.rows,
                "taken_at": made.manifest.taken_at.isoformat(),
            }
        )
    else:
        click.echo(f"{file}: {made.size:,} bytes, {made.manifest.rows:,} rows.")


@backup.command("verify")
@click.argument("file", type=FILE)
@opener_options
@json_option
@refusing
def verify(file: Path, passphrase_file: Path | None, identity: Path | None, as_json: bool) -> None:
    """Decrypt FILE, look through its database for damage, and compare its rows.

    No installation is needed for it. Exit code 0 if the backup is whole, 1 if it is not.
    """
    settings = read_backups(os.environ)
    opener = read_opener(passphrase_file, identity, settings.passphrase)
    data_dir = read_data_dir(os.environ)
    with describing_disk(file), file.open("rb") as source:
        checked = check_backup(source, opener, data_dir, settings.postgres_bin)
    manifest = checked.manifest
    if as_json:
        print_json(
            {
                "success": True,
                "rows": checked.rows,
                "database": manifest.database,
                "schema": manifest.schema,
                "product_version": manifest.product_version,
                "taken_at": manifest.taken_at.isoformat(),
                "counts": dict(manifest.counts),
            }
        )
    else:
        click.echo(
            f"{file} is whole: {checked.rows:,} rows of {full_moment(manifest.taken_at)}, made by"
            f" Triagedesk {manifest.product_version}."
        )


@backup.command("now")
@json_option
@refusing
def now(as_json: bool) -> None:
    """Make the scheduled backup now, check it, and delete those that are kept no longer.

    For installations without a scheduler, as by a timer. Exit code 1 if a place has failed.
    """
    with opened_app():
        rows = [one.as_dict() for one in make_backup_now(os.environ)]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("place", "file", "bytes", "state", "error"), "No place is configured.")
    if any(row["state"] != "completed" for row in rows):
        raise SystemExit(1)


@backup.command("list")
@json_option
@refusing
def list_(as_json: bool) -> None:
    """List the files in the places of the schedule; no database is needed for it."""
    rows = [one.as_dict() for one in list_files(read_backups(os.environ))]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("place", "name", "bytes", "taken_at"), "No backup is there.")


@backup.command("fetch")
@click.argument("name")
@click.argument("file", type=FILE)
@refusing
def fetch(name: str, file: Path) -> None:
    """Copy the backup NAME from the places of the schedule to FILE; no database is needed."""
    size = fetch_file(read_backups(os.environ), name, file.absolute())
    click.echo(f"{file}: {size:,} bytes.")


commands: list[click.Command] = [backup]
