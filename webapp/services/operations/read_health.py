"""What the Health page shows: the doctor's checks and the free disk space."""

import os
import shutil
from collections.abc import Iterator
from pathlib import Path

from flask import current_app
from sqlalchemy import select
from sqlalchemy.exc import SQLAlchemyError

from webapp import clock
from webapp.domain.figures import size_words
from webapp.extensions import current_config
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
)
from webapp.services.operations.check_notices import check_notices
from webapp.services.operations.check_passwords import check_breach_file
from webapp.services.operations.check_sign_on import PAGE_SECONDS, check_sign_on
from webapp.services.operations.check_storage import check_storage_for_page
from webapp.services.operations.check_watch import check_watch
from webapp.services.schedule.judge_polling import judge_connections
from webapp.services.transactions import reading
from webapp.services.watch.find_conditions import is_almost_full
from webapp.task_queue import read_queue_status


def read_health() -> list[Check]:
    """Run every check; this takes about three seconds at most, two of them for the queue.

    While the database fails, the checks that need it are left out.
    """
    return list(_checks())


def is_database_answering() -> bool:
    """Whether the database answers the smallest possible query."""
    try:
        with reading() as session:
            return session.scalar(select(1)) == 1
    except SQLAlchemyError:
        return False


def check_disk(folder: Path) -> Check:
    """Check the free space of the disk with the data; without it SQLite and the queue stop."""
    try:
        usage = shutil.disk_usage(folder)
    except OSError:
        return Check("disk", True, "nothing is kept on this machine")
    free = f"{size_words(usage.free)} of {size_words(usage.total)} free"
    if is_almost_full(usage.free, usage.total):
        hint = f"Make room on the disk that holds {folder}: a full one stops polling."
        return Check("disk", False, f"Almost full: {free}.", hint)
    return Check("disk", True, free)


def _checks() -> Iterator[Check]:
    database = check_database(migrations_dir())
    yield from database
    if database[0].is_ok:
        yield from check_storage_for_page(current_config())
    connections = judge_connections() if database[0].is_ok else []
    yield from check_parts(read_queue_status(), connections)
    if why := current_app.extensions.get("triagedesk_restarted"):
        yield Check("web server", True, f"alive; {why}")
    yield check_clock(connections)
    yield from check_connections(connections, clock.utcnow())
    if database[0].is_ok:
        yield check_notices(current_config(), clock.utcnow())
        yield from check_audit(current_config(), clock.utcnow())
        if current_config().sign_on is not None:
            yield check_sign_on(current_config(), seconds=PAGE_SECONDS)
        yield from check_watch(current_config(), connections, clock.utcnow())
        yield from check_backups(current_config(), clock.utcnow())
    yield from check_configuration(current_config(), gather_facts(current_config(), os.environ))
    yield check_disk(current_config().data_dir)
    yield from check_breach_file(current_config())
