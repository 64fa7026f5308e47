"""Running commands inside the app's context."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from webapp import create_app
from webapp.config import (
    Config,
    ConfigError,
    is_set,
    load_config,
    needs_data_dir,
    read_data_dir,
    read_redis_url,
)
from webapp.runtime.data_dir import require_data_dir

if TYPE_CHECKING:
    from flask import Flask


def load_checked_config(*, signs: bool = True) -> Config:
    """The configuration of an existing installation; raises ConfigError.

    A data directory that is missing or belongs to another user is refused. None is needed if
    nothing is kept in it (PostgreSQL, an external Redis and given keys). What does not serve pages
    `signs` nothing, and reads no SECRET_KEY.
    """
    env = os.environ
    if needs_data_dir(env, signs=signs):
        require_data_dir(read_data_dir(env))
    return load_config(env, signs=signs)


def load_queue_url() -> str:
    """The address of the queue, for a part that needs nothing else; raises ConfigError."""
    data_dir = read_data_dir(os.environ)
    if not is_set(os.environ, "REDIS_URL"):
        require_data_dir(data_dir)
    return read_redis_url(os.environ, data_dir)


@contextmanager
def opened_app() -> Iterator["Flask"]:
    """Create the app and push its context, on a database that this version knows.

    Raises ConfigError like load_checked_config(), and where the database is not at this version's
    migration: nothing may work on tables that it does not know.
    """
    app = create_app(load_checked_config())
    with _on_known_database(app):
        yield app


@contextmanager
def opened_base_app() -> Iterator["Flask"]:
    """Do the same with an app without pages, which needs no SECRET_KEY."""
    from webapp.app_base import create_base_app

    app = create_base_app(load_checked_config(signs=False))
    with _on_known_database(app):
        yield app


@contextmanager
def _on_known_database(app: "Flask") -> Iterator[None]:
    from webapp.schema import migrations_dir
    from webapp.services.operations.check_health import require_database

    with app.app_context():
        require_database(migrations_dir())
        yield


def require_database_elsewhere() -> None:
    """Do the check of opened_base_app() in a child, whose memory is free afterwards.

    Exits with the child's code if the check fails.
    """
    pid = os.fork()
    if pid == 0:
        code = 1
        try:
            with opened_base_app():
                code = 0
        except ConfigError as error:
            click.echo(f"Error: {error.problem}\n       {error.hint}", err=True)
        finally:
            os._exit(code)
    code = os.waitstatus_to_exitcode(os.waitpid(pid, 0)[1])
    if code:
        raise SystemExit(code)


def in_app(command: click.Command) -> click.Command:
    """Make `command` and every command below it run inside the app's context.

    Options are parsed before the app is opened, so `--help` needs no installation.
    """
    if isinstance(command, click.Group):
        for child in command.commands.values():
            in_app(child)
    elif command.callback is not None and not hasattr(command.callback, "_opens_app"):
        command.callback = _opening(command.callback)
    return command


def _opening(callback: Callable[..., Any]) -> Callable[..., Any]:
    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        with opened_app():
            return callback(*args, **kwargs)

    run._opens_app = True  # type: ignore[attr-defined]
    return run
