"""`triagedesk retention` and `triagedesk client`: ages of records, and clients that leave."""

import os
from collections.abc import Callable, Iterable
from pathlib import Path

import click

from webapp import clock
from webapp.cli.output import json_option, print_json, print_table, refusing
from webapp.domain.retention.kinds import RetentionKind, age_words
from webapp.models import Erasure
from webapp.services.desk.read_client import read_client
from webapp.services.errors import RefusedError
from webapp.services.notices.mute_client import find_client
from webapp.services.retention.ages import list_ages, set_ages
from webapp.services.retention.backups_left import find_backups_left
from webapp.services.retention.client_scope import count_client
from webapp.services.retention.delete_old_records import delete_old_records
from webapp.services.retention.erasures import CLIENT, find_erasure
from webapp.services.retention.export_client import export_client
from webapp.services.retention.forget_client import begin_forgetting_client
from webapp.services.retention.go_on import go_on_forgetting
from webapp.services.retention.preview import preview_retention, preview_words
from webapp.services.retention.wipe import compact_database

KINDS = [kind.value.replace("_", "-") for kind in RetentionKind]


@click.group("retention")
def retention() -> None:
    """Show and set how long records are kept, and delete what is too old."""


@retention.command("show")
@json_option
@refusing
def show(as_json: bool) -> None:
    """Show how long each kind of records is kept."""
    rows = [{**row.as_dict(), "kind": _option(row.kind)} for row in list_ages()]
    if as_json:
        print_json(rows)
    else:
        print_table(rows, ("kind", "label", "kept"), "")


@retention.command("set")
@click.argument("kind", type=click.Choice(KINDS))
@click.argument("days")
@json_option
@refusing
def set_(kind: str, days: str, as_json: bool) -> None:
    """Keep KIND for DAYS days, or "never" delete it; nothing is deleted by this."""
    wanted = RetentionKind(kind.replace("-", "_"))
    set_ages({wanted: days})
    [row] = [one for one in list_ages() if one.kind is wanted]
    if as_json:
        print_json({**row.as_dict(), "kind": kind})
    else:
        click.echo(f"{row.rule.label}: {age_words(row.days)}.")


@retention.command("preview")
@json_option
@refusing
def preview(as_json: bool) -> None:
    """Say what would be deleted now, without deleting it."""
    rows = preview_retention(clock.utcnow())
    if as_json:
        print_json([{**row.as_dict(), "kind": _option(row.age.kind)} for row in rows])
    else:
        click.echo(preview_words(rows))


@retention.command("apply")
@json_option
@refusing
def apply(as_json: bool) -> None:
    """Delete what is too old now; a worker does it by itself once a day."""
    deleted = {table: count for table, count in delete_old_records(clock.utcnow()).items() if count}
    if as_json:
        print_json({"success": True, "deleted": deleted})
    else:
        parts = [f"{count:,} of {table.replace('_', ' ')}" for table, count in deleted.items()]
        click.echo(f"Deleted {', '.join(parts)}." if parts else "Nothing was old enough.")


@retention.command("compact")
@json_option
@refusing
def compact(as_json: bool) -> None:
    """Rewrite the database without what was deleted, so that its files hold none of it.

    On SQLite nothing can be written meanwhile, and the disk needs room for a second copy.
    """
    compact_database()
    _tell({"success": True}, "The database holds nothing that was deleted any more.", as_json)


@click.group("client")
def client() -> None:
    """Download everything of a client, and forget clients that leave."""


@client.command("export")
@click.argument("name")
@click.argument("place", type=click.Path(path_type=Path))
@json_option
@refusing
def export(name: str, place: Path, as_json: bool) -> None:
    """Write everything of the client NAME to PLACE, a new ZIP file or a folder for one."""
    client_id = find_client(name)
    file = write_new_file(place, f"client-{client_id}.zip", lambda: export_client(client_id))
    _tell({"success": True, "file": str(file)}, f"{file} holds everything of {name}.", as_json)


@client.command("forget")
@click.argument("name")
@click.option("--confirm", is_flag=True, help="Erase it; without this, say what would be erased.")
@json_option
@refusing
def forget(name: str, confirm: bool, as_json: bool) -> None:
    """Erase everything of the client NAME for good; run again, it goes on where it stopped."""
    client_id = find_client(name)
    erasure = find_erasure(CLIENT, client_id)
    if erasure is None and not confirm:
        _tell_counts(client_id, name, as_json)
        return
    if erasure is None:
        erasure = begin_forgetting_client(client_id, typed_name=_exact(client_id))
    go_on_forgetting(erasure)
    tell_erasure(find_erasure(CLIENT, client_id), as_json)


def tell_erasure(erasure: Erasure | None, as_json: bool) -> None:
    """Say what was erased, and what backups still hold."""
    if erasure is None:
        raise RefusedError("There is nothing to forget.")
    backups = find_backups_left(erasure).words
    counts = {name.replace("_", " "): count for name, count in erasure.counts.items() if count}
    parts = [f"{name} {count:,}" for name, count in counts.items()]
    erased = f"Erased: {', '.join(parts) or 'nothing but the name'}."
    is_wiped = erasure.wiped_at is not None
    if not is_wiped:
        erased += (
            " Somebody reads the database (a backup, say): its write-ahead log is emptied later."
        )
    document = {"success": True, "erased": erasure.counts, "wiped": is_wiped, "backups": backups}
    _tell(document, f"{erased}\n{backups}", as_json)


def write_new_file(place: Path, name_in_folder: str, export: Callable[[], Iterable[bytes]]) -> Path:
    """Write a file that only its owner may read; an existing one is refused, not overwritten.

    `export` is only asked for once there is a file for it. Where writing fails, nothing is left
    behind. Raises RefusedError.
    """
    file = place / name_in_folder if place.is_dir() else place
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        raise RefusedError(f"{file} cannot be written: {error.strerror}.") from error
    try:
        with os.fdopen(descriptor, "wb") as stream:
            stream.writelines(export())
    except BaseException:
        file.unlink(missing_ok=True)
        raise
    return file


def _exact(client_id: int) -> str:
    """The client's name as it is written: who gave --confirm need not type it twice."""
    return read_client(client_id).client.name


def _tell_counts(client_id: int, name: str, as_json: bool) -> None:
    counts = count_client(client_id).as_dict()
    parts = [f"{count:,} {what}" for what, count in counts.items() if what != "elsewhere"]
    elsewhere = counts["elsewhere"]
    stays = (
        f" {elsewhere:,} tickets of its organizations stay with other clients." if elsewhere else ""
    )
    words = (
        f"Would erase of {name}: {', '.join(parts)}.{stays} Give --confirm to erase that for good, "
        "`triagedesk client export` before it to keep a copy."
    )
    _tell({"success": True, "would_erase": counts}, words, as_json)


def _tell(document: object, sentence: str, as_json: bool) -> None:
    if as_json:
        print_json(document)
    else:
        click.echo(sentence)


def _option(kind: RetentionKind) -> str:
    return kind.value.replace("_", "-")


commands: list[click.Command] = [retention, client]
