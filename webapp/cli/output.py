"""Output of commands: tables or one JSON document on stdout, refusals as a sentence on stderr."""

import json
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any

import click
from sqlalchemy.exc import OperationalError, ProgrammingError, SQLAlchemyError

from webapp.huntress.errors import HuntressError
from webapp.services.connections.routing_settings import RoutingError
from webapp.services.errors import FieldError, ServiceError

json_option = click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")


def refusing(callback: Callable[..., Any]) -> Callable[..., Any]:
    """Print refusals of the services as one sentence on stderr and end with exit code 1.

    A database that cannot be used is reported in the same way. With `--json` the document
    `{"success": false, "error": …}` is printed on stdout as well.
    """

    @wraps(callback)
    def run(*args: Any, **kwargs: Any) -> Any:
        try:
            return callback(*args, **kwargs)
        except (ServiceError, HuntressError, OperationalError, ProgrammingError) as error:
            sentence = _sentence(error)
            if kwargs.get("as_json"):
                print_json({"success": False, "error": sentence})
            raise click.ClickException(sentence) from error

    return run


def print_json(document: object) -> None:
    """Print a command's only JSON document."""
    click.echo(json.dumps(document, ensure_ascii=False, indent=2))


def print_table(rows: Iterable[Mapping[str, object]], columns: Sequence[str], empty: str) -> None:
    """Print `columns` of `rows` as a table with a heading, or `empty` if there are no rows."""
    lines = [[_cell(row.get(column)) for column in columns] for row in rows]
    if not lines:
        click.echo(empty)
        return
    table = [[column.replace("_", " ") for column in columns], *lines]
    widths = [max(len(line[place]) for line in table) for place in range(len(columns))]
    for line in table:
        cells = (cell.ljust(width) for cell, width in zip(line, widths, strict=True))
        click.echo("  ".join(cells).rstrip())


def _cell(value: object) -> str:
    """A value on one line, without characters that a terminal could take for a command."""
    if isinstance(value, bool):
        return "yes" if value else "no"
    if isinstance(value, list | tuple):
        return ", ".join(_cell(item) for item in value) or "-"
    text = "-" if value is None else str(value)
    return "".join(character for character in text if character.isprintable())


def _sentence(error: Exception) -> str:
    """The sentence for an error; several fields, and routing settings, are each named.

    The message of a database driver is left out, because it may hold addresses and statements.
    """
    if isinstance(error, SQLAlchemyError):
        name = type(error).__name__
        return f"The database cannot be used ({name}); `triagedesk doctor` says more."
    if isinstance(error, RoutingError) or (isinstance(error, FieldError) and len(error.fields) > 1):
        return " ".join(
            f"{field.removesuffix('_id').replace('_', ' ')}: {message}"
            for field, message in error.fields.items()
        )
    return str(error)
