"""What commands share: the app's context around a command, and its refusals."""

import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from webapp import create_app
from webapp.config import Config, load_config, needs_data_dir, read_data_dir
from webapp.runtime.data_dir import require_data_dir

if TYPE_CHECKING:
    from flask import Flask


def load_checked_config() -> Config:
    """The configuration of an installation that exists; raises ConfigError.

    A missing data directory is refused, and one of another user. Where nothing is kept in it
    (PostgreSQL, an outside Redis and given keys) none is needed.
    """
    env = os.environ
    if needs_data_dir(env):
        require_data_dir(read_data_dir(env))
    return load_config(env)


@contextmanager
def opened_app() -> Iterator["Flask"]:
    """The app, its context pushed; raises ConfigError as load_checked_config() does."""
    app = create_app(load_checked_config())
    with app.app_context():
        yield app


def in_app(command: click.Command) -> click.Command:
    """`command`, and every command below it, run inside the app's context.

    Its options are parsed first: `--help` needs no installation.
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
