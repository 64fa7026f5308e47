"""The `triagedesk` command.

A module with commands has a list `commands: list[click.Command]` and is named in COMMANDS. It is
imported only when one of its commands is called, so that the processes of `up` load only what they
need.
"""

import json
import logging
import os
import sys
from importlib import import_module
from typing import Any

import click

from webapp import __version__
from webapp.cli.support import in_app
from webapp.config import ConfigError
from webapp.runtime.logging_setup import setup_logging

COMMANDS = {
    "up": "webapp.cli.up",
    "migrate": "webapp.cli.migrate",
    "connection": "webapp.cli.connections",
    "routing": "webapp.cli.routing",
    "mapping": "webapp.cli.mappings",
    "poll": "webapp.cli.poll",
    "drill": "webapp.cli.drill",
    "prove": "webapp.cli.prove",
    "tickets": "webapp.cli.tickets",
    "quarantine": "webapp.cli.quarantine",
    "target": "webapp.cli.targets",
    "mail": "webapp.cli.targets",
    "outbox": "webapp.cli.outbox",
    "mute": "webapp.cli.mute",
    "policy": "webapp.cli.policies",
    "user": "webapp.cli.users",
    "sessions": "webapp.cli.sessions",
    "retention": "webapp.cli.retention",
    "client": "webapp.cli.retention",
    "oncall": "webapp.cli.on_call",
    "keys": "webapp.cli.keys",
    "audit": "webapp.cli.audit",
    "doctor": "webapp.cli.doctor",
    "web": "webapp.cli.processes",
    "worker": "webapp.cli.processes",
    "scheduler": "webapp.cli.processes",
    "watch": "webapp.cli.watch",
    "backup": "webapp.cli.recovery.backups",
    "restore": "webapp.cli.recovery.restores",
    "recovery": "webapp.cli.recovery.restores",
    "seed-demo": "webapp.cli.demo",
    "demo-mail": "webapp.cli.demo",
}
WITHOUT_APP = {
    *("up", "migrate", "web", "worker", "scheduler", "watch", "doctor", "demo-mail"),
    *("backup", "restore"),
}
"""Commands that open the app themselves or do not need it; the others run inside its context."""


WANTS_JSON = "triagedesk.wants_json"


class LazyGroup(click.Group):
    """Finds its commands in COMMANDS."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """All commands, in the order of COMMANDS."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """The command with the name `cmd_name`, or None."""
        module = COMMANDS.get(cmd_name)
        if module is None:
            return None
        for command in import_module(module).commands:
            if command.name == cmd_name:
                return command if cmd_name in WITHOUT_APP else in_app(command)
        return None

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Note whether `--json` was given; after a wrong use the command itself cannot tell."""
        ctx.meta[WANTS_JSON] = "--json" in args
        return super().parse_args(ctx, args)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; with `--json`, a wrong use also prints a JSON document on stdout."""
        try:
            return super().invoke(ctx)
        except click.UsageError as error:
            if ctx.meta[WANTS_JSON]:
                document = {"success": False, "error": error.format_message()}
                click.echo(json.dumps(document, ensure_ascii=False, indent=2))
            raise


@click.group(cls=LazyGroup)
@click.version_option(__version__, message="%(prog)s %(version)s")
def triagedesk() -> None:
    """Turn every Huntress incident report into exactly one routed ticket."""


def main() -> None:
    """Run the command line; on a configuration error print a sentence and exit with code 1.

    With `--json`, the error is also printed as a JSON document on stdout, like every other refusal.
    """
    setup_logging(logging.WARNING, folds_traces=False)
    os.umask(0o077)  # the database and its log hold customers' data
    try:
        triagedesk(prog_name="triagedesk")
    except ConfigError as error:
        if "--json" in sys.argv:
            document = {"success": False, "error": f"{error.problem} {error.hint}"}
            click.echo(json.dumps(document, ensure_ascii=False, indent=2))
        click.echo(f"Error: {error.problem}\n       {error.hint}", err=True)
        raise SystemExit(1) from None
