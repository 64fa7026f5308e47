"""Making the backups of the schedule: written once, put into every place, and read back there."""

import logging
import secrets
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

from sqlalchemy import select, update

from webapp import clock
from webapp.config import Config
from webapp.domain.recovery.due import BackupState, DailyTime
from webapp.domain.recovery.keep import KeepRule, choose_removed, choose_removed_unchecked
from webapp.extensions import current_config
from webapp.models import Backup
from webapp.services.errors import RefusedError, ServiceError
from webapp.services.recovery.backup_rows import (
    AT_WORK,
    NO_PLACE,
    Claim,
    ClaimBeat,
    claim_backup,
    note_completed,
    note_failed,
    note_stopped,
)
from webapp.services.recovery.check_backup import check_backup
from webapp.services.recovery.disk_room import LEAST_FREE, leaving_room, require_room
from webapp.services.recovery.encryption import Sealer
from webapp.services.recovery.places import BackupPlace, backup_name, configured_places
from webapp.services.recovery.scratch import scratch_place
from webapp.services.recovery.write_backup import PARTIAL, MadeFile, write_backup
from webapp.services.transactions import NO_SYNC, reading, transaction

BY_SCHEDULE, BY_COMMAND, BY_PERSON = "schedule", "command", "manual"
log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class BackupResult:
    """What became of a backup into one place."""

    place: str
    file_name: str
    state: str
    size: int | None
    error: str | None

    def as_dict(self) -> dict[str, object]:
        """Return it as JSON."""
        return {
            "place": self.place,
            "file": self.file_name,
            "state": self.state,
            "bytes": self.size,
            "error": self.error,
        }


def make_due_backups(environment: Mapping[str, str]) -> list[BackupResult]:
    """Make a backup into every place where one is due; what fails is on record and logged."""
    settings = current_config().backups
    return _make(environment, settings.at, BY_SCHEDULE)


def make_backup_now(
    environment: Mapping[str, str], *, trigger: str = BY_COMMAND
) -> list[BackupResult]:
    """Make a backup into every configured place.

    What fails is part of the result. Raises RefusedError where no place is configured, or another
    process makes a backup into all of them.
    """
    if not current_config().backups.are_scheduled:
        raise RefusedError(NO_PLACE)
    results = _make(environment, None, trigger)
    if not results:
        raise RefusedError(AT_WORK)
    return results


def _make(
    environment: Mapping[str, str], due: DailyTime | None, trigger: str
) -> list[BackupResult]:
    config, now = current_config(), clock.utcnow()
    name = backup_name(now, secrets.token_hex(3))
    claims: list[tuple[BackupPlace, Claim]] = []
    for place in configured_places(config.backups):
        claim = claim_backup(place.words, name, trigger=trigger, due=due, now=now)
        if claim is not None:
            claims.append((place, claim))
    if claims:
        _make_claimed(config, environment, claims)
    return _results([claim for _, claim in claims])


def _make_claimed(
    config: Config, environment: Mapping[str, str], claims: Sequence[tuple[BackupPlace, Claim]]
) -> None:
    """Make the file once, and put it into each place."""
    beat = ClaimBeat([claim for _, claim in claims])
    settings = config.backups
    with (
        _failures_noted([claim for _, claim in claims], is_stored=False),
        scratch_place(config.data_dir) as folder,
    ):
        file = folder / claims[0][1].file_name
        sealer = Sealer(settings.passphrase, settings.recipients)
        made = write_backup(config, environment, file, sealer, beat=beat)
        for place, claim in claims:
            with _failures_noted([claim], is_stored=True):
                _put(
                    config, place, claim, file, made, leaving_room(config.data_dir, beat.of(claim))
                )
            beat.end(claim)


def _put(
    config: Config,
    place: BackupPlace,
    claim: Claim,
    file: Path,
    made: MadeFile,
    beat: Callable[[], object],
) -> None:
    """Put the file into a place, read it back from there, and delete what is kept no longer.

    What cannot be read back is deleted at once: else each further try would leave another one.
    """
    settings = config.backups
    beat()
    with _taken_back_unless_whole(place, claim):
        require_room(config.data_dir, made.manifest.database_size, spare=LEAST_FREE)
        place.store(file, claim.file_name, beat)
        with place.opened(claim.file_name) as source:
            check_backup(source, made.opener, config.data_dir, settings.postgres_bin, beat=beat)
    note_completed(claim, made.manifest, made.size)
    _prune(place, settings.keep)


@contextmanager
def _taken_back_unless_whole(place: BackupPlace, claim: Claim) -> Iterator[None]:
    """Delete from a place what the block has put there, and note that, if the block fails."""
    try:
        yield
    except BaseException:
        if _is_removed(place, claim.file_name):
            _note_removed([claim.id], clock.utcnow())
        raise


@contextmanager
def _failures_noted(claims: Sequence[Claim], *, is_stored: bool) -> Iterator[None]:
    """Note for each backup why the block failed, or that this process is told to stop.

    Without `is_stored` the block puts no file into a place, so that there is none to delete.
    """
    try:
        yield
    except ServiceError as error:
        log.warning("The backup %s failed: %s", claims[0].file_name, error)
        for claim in claims:
            note_failed(claim, str(error), is_stored=is_stored)
    except Exception as error:  # whatever it is, it must not look as if there were a backup
        log.exception("The backup %s failed", claims[0].file_name)
        words = f"Internal error ({type(error).__name__}); the log has the details."
        for claim in claims:
            note_failed(claim, words, is_stored=is_stored)
    except BaseException:
        for claim in claims:
            note_stopped(claim, is_stored=is_stored)
        raise


def _results(claims: Iterable[Claim]) -> list[BackupResult]:
    ids = [claim.id for claim in claims]
    with reading() as session:
        rows = session.scalars(
            select(Backup)
            .where(Backup.id.in_(ids))
            .order_by(Backup.id)
            .execution_options(populate_existing=True)
        )
        return [
            BackupResult(row.place, row.file_name, row.state, row.size, row.error) for row in rows
        ]


def _prune(place: BackupPlace, rule: KeepRule) -> None:
    """Delete the backups that the rule does not keep, and what failed ones have left.

    Only files that this installation has on record are touched: others may use the place, too.
    """
    with reading() as session:
        rows = session.execute(
            select(
                Backup.id, Backup.file_name, Backup.state, Backup.started_at, Backup.verified_at
            ).where(Backup.place == place.words, Backup.removed_at.is_(None))
        ).all()
    completed = [row for row in rows if row.state == BackupState.COMPLETED]
    checked = [row.started_at for row in completed if row.verified_at is not None]
    unchecked = [row.started_at for row in completed if row.verified_at is None]
    removed = choose_removed(checked, rule) | choose_removed_unchecked(unchecked, checked, rule)
    gone = []
    for row in rows:
        has_failed = row.state in (BackupState.FAILED, BackupState.INTERRUPTED)
        is_old = row.state == BackupState.COMPLETED and row.started_at in removed
        if (has_failed or is_old) and _is_removed(place, row.file_name):
            gone.append(row.id)
    if gone:
        _note_removed(gone, clock.utcnow())


def _is_removed(place: BackupPlace, file_name: str) -> bool:
    """Delete a file and what was half written of it; return False, and log why, if that fails."""
    try:
        place.remove(file_name)
        place.remove(file_name + PARTIAL)
    except ServiceError as error:
        log.warning("%s in %s could not be deleted: %s", file_name, place.words, error)
        return False
    return True


def _note_removed(ids: Sequence[int], now: datetime) -> None:
    with transaction() as session:
        session.execute(
            update(Backup).where(Backup.id.in_(ids)).values(removed_at=now),
            execution_options=NO_SYNC,
        )
