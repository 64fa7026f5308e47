"""Putting the runbooks that come with the product into the database; safe to run again."""

import logging

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.runbooks.shipped_text import ShippedRunbook
from webapp.models import Runbook, RunbookVersion
from webapp.services.tickets.runbooks.check_runbook import CheckedRunbook, check_runbook
from webapp.services.tickets.runbooks.edit_runbooks import insert_runbook
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped, shipped_values
from webapp.services.transactions import transaction

log = logging.getLogger(__name__)


def install_runbooks() -> int:
    """Add runbooks that are missing, and new texts of those that nobody edited.

    Returns how many were added or changed. One whose text a person wrote is left as it is, and so
    are names, order, conditions and state of all that are there.
    """
    changed = 0
    with transaction() as session:
        query = select(Runbook).order_by(Runbook.id).with_for_update(key_share=True)
        rows = session.scalars(query.execution_options(populate_existing=True)).all()
        there = {row.key: row for row in rows if row.key}
        names = {row.name.casefold() for row in rows}
        for shipped in read_shipped().values():
            row = there.get(shipped.key)
            if row is None:
                _install(session, shipped, names)
                changed += 1
            elif row.body != shipped.body and _is_as_it_came(session, row):
                _renew(session, row, shipped)
                changed += 1
    if changed:
        log.info("%s runbooks that come with the product were added or renewed", changed)
    return changed


def _install(session: Session, shipped: ShippedRunbook, names: set[str]) -> None:
    checked = check_runbook(shipped_values(shipped))
    name = checked.name
    while name.casefold() in names:
        name = f"{name} (Triagedesk)"
    names.add(name.casefold())
    named = CheckedRunbook(name, checked.kinds, checked.severities, checked.platforms, checked.body)
    insert_runbook(session, named, position=shipped.position, author_id=None, key=shipped.key)


def _is_as_it_came(session: Session, row: Runbook) -> bool:
    """Whether the present text is one that came with the product."""
    bodies = session.scalars(
        select(RunbookVersion.body).where(
            RunbookVersion.runbook_id == row.id, RunbookVersion.author_id.is_(None)
        )
    )
    return row.body in set(bodies)


def _renew(session: Session, row: Runbook, shipped: ShippedRunbook) -> None:
    now = clock.utcnow()
    row.body, row.version, row.updated_at = shipped.body, row.version + 1, now
    session.add(
        RunbookVersion(
            runbook_id=row.id, version=row.version, body=row.body, author_id=None, created_at=now
        )
    )
