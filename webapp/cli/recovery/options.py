"""What commands about backups have in common: who can open one, and apps on other databases."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TypeVar

import click

from webapp import create_app
from webapp.config import BackupSettings, Config, require_passphrase, require_recipient
from webapp.extensions import db
from webapp.runtime.database_lock import database_alone
from webapp.services.recovery.encryption import (
    Opener,
    Sealer,
    read_identities,
    read_passphrase,
)
from webapp.services.recovery.scratch import BackupError

Command = TypeVar("Command", bound=Callable[..., object])

FILE = click.Path(dir_okay=False, path_type=Path)
NOBODY_OPENS = (
    "Say who can open the backup: --passphrase-file FILE, or --recipient age1… (which may be given"
    " several times)."
)

passphrase_option = click.option(
    "--passphrase-file", type=FILE, help="A file whose first line is the passphrase."
)


def opener_options(command: Command) -> Command:
    """Add the options that say what opens a backup."""
    identity = click.option(
        "--identity", type=FILE, help="A file with private keys of age, as age-keygen writes it."
    )
    return passphrase_option(identity(command))


def read_sealer(
    passphrase_file: Path | None, recipients: tuple[str, ...], configured: BackupSettings
) -> Sealer:
    """Return what encrypts a backup; without options it is what is configured.

    Raises BackupError and ConfigError.
    """
    if passphrase_file is not None and recipients:
        raise BackupError("The age format takes a passphrase or recipients, not both.")
    if passphrase_file is not None:
        passphrase = read_passphrase(passphrase_file)
        require_passphrase(passphrase, str(passphrase_file))
        return Sealer(passphrase=passphrase)
    for one in recipients:
        require_recipient(one, "--recipient")
    if recipients:
        return Sealer(recipients=recipients)
    if configured.passphrase or configured.recipients:
        return Sealer(configured.passphrase, configured.recipients)
    raise BackupError(NOBODY_OPENS)


def read_opener(
    passphrase_file: Path | None, identity: Path | None, configured: str | None
) -> Opener:
    """Return what opens a backup; without options it is the configured passphrase.

    Raises BackupError.
    """
    if passphrase_file is None and identity is None and configured is None:
        raise BackupError("Say what opens the backup: --passphrase-file FILE or --identity FILE.")
    passphrase = configured if identity is None else None
    if passphrase_file is not None:
        passphrase = read_passphrase(passphrase_file)
    return Opener(passphrase, read_identities(identity) if identity is not None else ())


@contextmanager
def app_alone_on(config: Config) -> Iterator[None]:
    """Open an app on a database that is not complete yet, with nobody else at work on it."""
    app = create_app(config)
    with app.app_context(), database_alone():
        try:
            yield
        finally:
            db.session.remove()
            db.engine.dispose()
