"""`triagedesk migrate`: create the data directory and keys, and create or upgrade the database."""

import os

import click
from flask_migrate import upgrade
from sqlalchemy.exc import SQLAlchemyError

from webapp import create_app
from webapp.config import ConfigError, load_config, needs_data_dir, read_data_dir
from webapp.runtime.data_dir import alone_in, create_data_dir, create_keys
from webapp.runtime.database_lock import database_alone
from webapp.schema import migrations_dir
from webapp.services.operations.check_encryption import warn_of_unreadable_secrets
from webapp.services.operations.check_health import DATABASE_HINT, refuse_newer_database
from webapp.services.people.first_admin import issue_setup_token
from webapp.services.tickets.runbooks.install_runbooks import install_runbooks
from webapp.services.transactions import first_line


@click.command("migrate")
def migrate_command() -> None:
    """Create the data directory and the database, or bring the database up to date.

    Prints the one-time set-up token as long as there is no user.
    """
    migrate()


def migrate() -> None:
    """Do what the command says; raises ConfigError if the database or a key cannot be used."""
    env = os.environ
    if needs_data_dir(env):
        create_data_dir(read_data_dir(env))
        with alone_in(read_data_dir(env)):
            create_keys(env)
    config = load_config(env)
    app = create_app(config)
    with app.app_context(), database_alone():
        try:
            refuse_newer_database(migrations_dir())
            upgrade()
            install_runbooks()
        except SQLAlchemyError as error:
            raise ConfigError(
                f"The database cannot be used: {first_line(error)}", DATABASE_HINT
            ) from error
        warn_of_unreadable_secrets()
        token = None if config.is_demo else issue_setup_token()
    if token is not None:
        click.echo(f"Set-up token for the first admin, valid for 24 hours: {token}")


commands = [migrate_command]
