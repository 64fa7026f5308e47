from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module

import click
import pytest
from click.testing import CliRunner
from flask import Flask, current_app

from tests.support.processes import run_python
from webapp.cli import COMMANDS, WITHOUT_APP, support, triagedesk
from webapp.cli.support import in_app


@pytest.fixture
def app_for_commands(monkeypatch: pytest.MonkeyPatch) -> None:
    @contextmanager
    def opened() -> Iterator[Flask]:
        app = Flask("opened")
        with app.app_context():
            yield app

    monkeypatch.setattr(support, "opened_app", opened)


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_is_where_it_is_said_to_be(name: str) -> None:
    commands = import_module(COMMANDS[name]).commands
    assert name in [command.name for command in commands]
    assert all(command.name in COMMANDS for command in commands)


def test_every_visible_command_is_explained() -> None:
    context = click.Context(triagedesk)
    for name in triagedesk.list_commands(context):
        command = triagedesk.get_command(context, name)
        assert command is not None
        assert command.get_short_help_str()


def test_unknown_commands_are_refused() -> None:
    result = CliRunner().invoke(triagedesk, ["frobnicate"])
    assert result.exit_code == 2
    assert "No such command 'frobnicate'" in result.output


def test_commands_without_the_app_exist() -> None:
    assert set(COMMANDS) > WITHOUT_APP


@pytest.mark.usefixtures("app_for_commands")
class TestInApp:
    def test_a_command_runs_inside_the_app(self) -> None:
        @click.command()
        @click.argument("word")
        def show(word: str) -> None:
            """Show a word."""
            click.echo(f"{current_app.name} {word}")

        assert CliRunner().invoke(in_app(show), ["x"]).output == "opened x\n"
        assert CliRunner().invoke(in_app(in_app(show)), ["x"]).output == "opened x\n"

    def test_so_do_the_commands_of_a_group(self) -> None:
        @click.group()
        def group() -> None:
            """A group."""

        @group.command()
        def show() -> None:
            """Show the app."""
            click.echo(current_app.name)

        assert CliRunner().invoke(in_app(group), ["show"]).output == "opened\n"


NOT_TO_WAKE = {"flask", "sqlalchemy", "gunicorn", "requests"}


@pytest.mark.parametrize(
    ("modules", "not_needed"),
    [
        ("webapp.cli.up", NOT_TO_WAKE),
        ("webapp.cli.processes, webapp.jobs.scheduler", NOT_TO_WAKE),
        ("webapp.jobs.watcher", {"apprise", "alembic", "gunicorn", "webapp.web"}),
    ],
)
def test_processes_that_only_watch_load_little(modules: str, not_needed: set[str]) -> None:
    script = f"import sys, webapp.cli, {modules}; print(*sys.modules)"
    loaded = run_python("-c", script).stdout.split()
    assert "webapp.cli" in loaded
    assert not not_needed & set(loaded)
