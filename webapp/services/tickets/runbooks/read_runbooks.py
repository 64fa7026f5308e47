"""Runbooks and their versions, as the desk's settings show them."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.runbooks.runbook_text import steps_of
from webapp.domain.runbooks.runbooks import condition_words
from webapp.domain.triage.text_diff import DiffLine, diff_lines
from webapp.models import Runbook, RunbookVersion, User
from webapp.services.errors import NotFoundError
from webapp.services.lookups import get_row
from webapp.services.tickets.runbooks.check_runbook import (
    check_runbook,
    runbook_version,
    stored_values,
)
from webapp.services.tickets.runbooks.edit_runbooks import NO_RUNBOOK
from webapp.services.tickets.runbooks.shipped_runbooks import read_shipped, shipped_values
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class RunbookRow:
    """A runbook, what it is for, and whether it came with the product unchanged."""

    runbook: Runbook
    words: str
    steps: int
    is_shipped: bool
    is_as_shipped: bool


@dataclass(frozen=True, slots=True)
class VersionRow:
    """A version of a runbook; `author` is None for one that came with the product."""

    version: int
    author: str | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class RunbookView:
    """A runbook with its versions, the newest first; `seen` is what its form is filled with."""

    row: RunbookRow
    seen: str
    versions: Sequence[VersionRow]

    @property
    def runbook(self) -> Runbook:
        """The runbook itself."""
        return self.row.runbook


@dataclass(frozen=True, slots=True)
class VersionView:
    """A version, and how the present text differs from it."""

    runbook: Runbook
    seen: str
    version: VersionRow
    lines: Sequence[DiffLine]
    is_present: bool


def list_runbooks() -> list[RunbookRow]:
    """All runbooks in the order in which they are tried."""
    with reading() as session:
        query = select(Runbook).order_by(Runbook.position, Runbook.id)
        rows = session.scalars(query.execution_options(populate_existing=True)).all()
        return [_row(runbook) for runbook in rows]


def read_runbook(runbook_id: int) -> RunbookView:
    """The runbook; raises NotFoundError."""
    with reading() as session:
        runbook = get_row(session, Runbook, runbook_id, NO_RUNBOOK)
        seen = runbook_version(stored_values(runbook))
        return RunbookView(_row(runbook), seen, _versions(session, runbook_id))


def read_runbook_version(runbook_id: int, version: int) -> VersionView:
    """A version of the runbook; raises NotFoundError."""
    with reading() as session:
        runbook = get_row(session, Runbook, runbook_id, NO_RUNBOOK)
        found = next(
            (one for one in _versions(session, runbook_id) if one.version == version), None
        )
        if found is None:
            raise NotFoundError("There is no such version of the runbook.")
        body = session.scalars(
            select(RunbookVersion.body).where(
                RunbookVersion.runbook_id == runbook_id, RunbookVersion.version == version
            )
        ).one()
        return VersionView(
            runbook=runbook,
            seen=runbook_version(stored_values(runbook)),
            version=found,
            lines=diff_lines(body, runbook.body),
            is_present=body == runbook.body,
        )


def _row(runbook: Runbook) -> RunbookRow:
    shipped = read_shipped().get(runbook.key or "")
    is_as_shipped = shipped is not None and stored_values(runbook) == (
        check_runbook(shipped_values(shipped)).as_dict()
    )
    words = condition_words(runbook.kinds, runbook.severities, runbook.platforms)
    steps = len(steps_of(runbook.body))
    return RunbookRow(runbook, words, steps, shipped is not None, is_as_shipped)


def _versions(session: Session, runbook_id: int) -> list[VersionRow]:
    found = session.execute(
        select(RunbookVersion.version, User.name, RunbookVersion.created_at)
        .outerjoin(User, User.id == RunbookVersion.author_id)
        .where(RunbookVersion.runbook_id == runbook_id)
        .order_by(RunbookVersion.version.desc())
    )
    return [VersionRow(*row) for row in found]
