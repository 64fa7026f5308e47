"""A key that came or went without an event gets one, on both databases."""

from pathlib import Path

import pytest

from tests.services.keys.conftest import KeyFile
from tests.support.databases import both_databases
from tests.support.rows import all_rows
from webapp.config import SourceKind
from webapp.crypto import generate_key, key_id
from webapp.models import AuditEvent
from webapp.services.keys import rotate_keys as rotating
from webapp.services.keys.note_keys import note_keys
from webapp.services.keys.rotate_keys import forget_key, rotate_keys


class KilledError(BaseException):
    """The process ends here."""


def noted() -> list[tuple[str, str | None]]:
    note_keys()
    return [(event.action, event.subject_id) for event in all_rows(AuditEvent)]


def kill_after_writing(monkeypatch: pytest.MonkeyPatch) -> None:
    real = rotating.write_key_file

    def write_and_die(path: Path, text: str) -> None:
        real(path, text)
        raise KilledError

    monkeypatch.setattr(rotating, "write_key_file", write_and_die)


@both_databases
def test_a_rotation_and_a_forgetting_that_were_killed_are_on_record(
    key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    [old] = key_file.keys
    begun = [("key.noticed", key_id(old))]
    assert noted() == begun, "the key that the installation began with"
    kill_after_writing(monkeypatch)
    with pytest.raises(KilledError):
        rotate_keys()
    new, _ = key_file.keys
    assert noted() == [*begun, ("key.noticed", key_id(new))]
    with pytest.raises(KilledError):
        forget_key(key_id(old))
    assert key_file.keys == (new,)
    gone = [*begun, ("key.noticed", key_id(new)), ("key.missed", key_id(old))]
    assert noted() == gone
    key_file.write(new, old)
    assert noted() == [*gone, ("key.noticed", key_id(old))], "put back by hand"


@both_databases
def test_what_has_its_event_gets_no_other(key_file: KeyFile) -> None:
    [old] = key_file.keys
    note_keys()
    rotate_keys()
    forget_key(key_id(old))
    before = [event.id for event in all_rows(AuditEvent)]
    assert len(noted()) == len(before)


def test_keys_that_are_given_are_not_ours_to_note(key_file: KeyFile) -> None:
    key_file.write(generate_key(), *key_file.keys)
    key_file.come_from(SourceKind.NAMED_FILE)
    assert noted() == []
