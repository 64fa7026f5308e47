"""`triagedesk doctor`: check that all is well, and say what to do if it is not."""

import json
import os
from collections.abc import Iterator

import click

from webapp import create_app
from webapp.cli.support import load_checked_config
from webapp.clock import utcnow
from webapp.config import Config, ConfigError, find_unknown
from webapp.domain.polling_health import Tone
from webapp.schema import migrations_dir
from webapp.services.operations.check_audit import check_audit
from webapp.services.operations.check_backups import check_backups
from webapp.services.operations.check_configuration import check_configuration, gather_facts
from webapp.services.operations.check_health import (
    Check,
    check_clock,
    check_connections,
    check_database,
    check_parts,
    describe_checks,
    summarize,
)
from webapp.services.operations.check_notices import check_notices
from webapp.services.operations.check_passwords import check_breach_file
from webapp.services.operations.check_sign_on import check_sign_on
from webapp.services.operations.check_storage import check_storage
from webapp.services.operations.check_watch import check_watch
from webapp.services.operations.read_health import check_disk
from webapp.services.schedule.judge_polling import judge_connections
from webapp.task_queue import read_queue_status

EXIT_CODES = {Tone.GOOD: 0, Tone.BAD: 1, Tone.DELIBERATE: 3}
"""What a monitor reads; 2 is a wrong use, as with every command."""

MARKS = {Tone.GOOD: "ok  ", Tone.NEUTRAL: "-   ", Tone.DELIBERATE: "STOP", Tone.BAD: "FAIL"}
PAGES_SECONDS = 10.0
"""How long SQLite's file is looked at for damage."""


@click.command("doctor")
@click.option("--json", "as_json", is_flag=True, help="One JSON document on stdout.")
def doctor_command(as_json: bool) -> None:
    """Check that all is well, and say what to do where it is not.

    Checks the configuration, keys, addresses, TLS between machines, data directory, disk, the file
    of breached passwords, database (version, trial write, files, tables, damage), stored secrets,
    queue, worker and scheduler, clock, connections, whether criticals reach somebody, single
    sign-on, the audit log and failed sign-ins, the watcher, the outside heartbeat, alarms and
    backups.

    Exit code 0 if all is well, 1 if something is wrong, 3 if nothing is wrong but polling is
    stopped on purpose (a connection is paused, waits for its routing, or is disconnected and nobody
    has acknowledged it).
    """
    checks = list(run_checks())
    if as_json:
        click.echo(json.dumps(describe_checks(checks), ensure_ascii=False, indent=2))
    else:
        for check in checks:
            click.echo(_line(check))
    raise SystemExit(EXIT_CODES[summarize(checks)])


def run_checks() -> Iterator[Check]:
    """Run every check; after a failure, the checks that depend on what failed are left out."""
    try:
        config = load_checked_config()
    except ConfigError as error:
        yield Check("configuration", False, error.problem, error.hint)
        return
    yield _check_names(find_unknown(os.environ))
    yield from check_configuration(config, gather_facts(config, os.environ))
    yield _check_data_dir(config)
    yield check_disk(config.data_dir)
    yield from check_breach_file(config)
    app = create_app(config)
    with app.app_context():
        database = check_database(migrations_dir())
        yield from database
        if database[0].is_ok:
            yield from check_storage(config, seconds=PAGES_SECONDS)
        connections = judge_connections() if database[0].is_ok else []
        yield from check_parts(read_queue_status(), connections)
        yield check_clock(connections)
        yield from check_connections(connections, utcnow())
        if database[0].is_ok:
            yield check_notices(config, utcnow())
            yield from check_audit(config, utcnow())
            yield check_sign_on(config)
            yield from check_watch(config, connections, utcnow())
            yield from check_backups(config, utcnow())


def _check_names(unknown: list[str]) -> Check:
    if not unknown:
        return Check("configuration", True, "readable")
    detail = f"Triagedesk has no setting named {', '.join(unknown)}."
    hint = "Correct the name, or remove it: docs/configuration.md lists what there is."
    return Check("configuration", False, detail, hint)


def _check_data_dir(config: Config) -> Check:
    path = config.data_dir
    if not path.is_dir():
        return Check("data directory", True, "none is needed")
    if not os.access(path, os.W_OK | os.X_OK):
        return Check("data directory", False, f"{path} cannot be written to.", "Check its owner.")
    if path.stat().st_mode & 0o077:
        hint = f"Run: chmod 700 {path}"
        return Check("data directory", False, f"Other users can look into {path}.", hint)
    return Check("data directory", True, str(path))


def _line(check: Check) -> str:
    mark = MARKS[check.kind]
    hint = f"\n       {check.hint}" if check.hint else ""
    return f"{mark}  {check.name}: {check.detail}{hint}"


commands = [doctor_command]
