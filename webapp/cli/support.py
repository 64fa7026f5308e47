"""Running commands inside the app's context."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from webapp import create_app
from webapp.config import Config, ConfigError, load_config, needs_data_dir, read_data_dir
from webapp.runtime.data_dir import require_data_dir

if TYPE_CHECKING:
    from flask import Flask


def load_checked_config() -> Config:
    """The configuration of an existing installation; raises ConfigError.

    A data directory that is missing or belongs to another user is refused. None is needed if
    nothing is kept in it (PostgreSQL, an external Redis and given keys).
    """
    env = os.environ
    if needs_data_dir(env):
        require_data_dir(read_data_dir(env))
    return load_config(env)


@contextmanager
def opened_app() -> Iterator["Flask"]:
    """Create the app and push its context.

    Raises ConfigError like load_checked_config(), and where the database is not the one that this
    version works on: of an older version, of a newer one, or not there.
    """
    from webapp.app_parts import migrations_dir  # what only watches must not load all this
    from webapp.services.operations.check_health import require_schema

    app = create_app(load_checked_config())
    with app.app_context():
        require_schema(migrations_dir())
        yield app


def check_schema_aside() -> None:
    """Do what opened_app() checks in a process of its own, whose memory is free afterwards.

    Raises SystemExit if the database is not the one that this version works on; the sentence has
    been printed by then.
    """
    child = os.fork()
    if child == 0:
        code = 0
        try:
            with opened_app():
                pass
        except ConfigError as error:
            click.echo(f"Error: {error.problem}\n       {error.hint}", err=True)
            code = 1
        finally:
            os._exit(code)
    if os.waitpid(child, 0)[1]:
        raise SystemExit(1)


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
