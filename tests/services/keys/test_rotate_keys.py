"""Rotating and forgetting keys, on both databases."""

import threading
from pathlib import Path

import pytest
from cryptography.fernet import Fernet

from tests.services.keys.conftest import KeyFile
from tests.services.keys.values import (
    all_stored,
    connection,
    everything,
    fill,
    make_old,
    raw,
    target,
    write_raw,
)
from tests.support.databases import both_databases
from tests.support.fake_clock import FakeClock
from tests.support.rows import add, all_rows, audit_actions, change, fresh
from webapp.config import SourceKind
from webapp.crypto import cipher, generate_key, key_id
from webapp.models import AuditEvent, Connection, Target
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.keys import reencrypt, stored_values
from webapp.services.keys import rotate_keys as rotating
from webapp.services.keys.read_keys import list_keys
from webapp.services.keys.reencrypt import finish_reencryption
from webapp.services.keys.rotate_keys import forget_key, rotate_keys
from webapp.services.keys.stored_values import StoredValue
from webapp.services.keys.verify_values import verify_values


def all_use(key: str) -> bool:
    return all(stored.startswith(f"v2:{key}:") for stored in all_stored())


@both_databases
class TestRotate:
    def test_everything_gets_a_new_key_and_says_the_same(self, key_file: KeyFile) -> None:
        fill()
        [old] = key_file.keys
        before, seen = everything(), []
        done = rotate_keys(seen.append)
        new, kept = key_file.keys
        assert (done.is_new, done.key, kept) == (True, key_id(new), old)
        assert (done.done.rewritten, done.done.unreadable) == (9, 0)
        assert done.older == (key_id(old),)
        assert all_use(key_id(new))
        assert everything() == before
        assert seen[-1] == 9
        assert audit_actions() == ["key.rotated", "key.reencrypted"]
        rotated, reencrypted = all_rows(AuditEvent)
        assert (rotated.subject_id, reencrypted.after) == (key_id(new), {"values": 9})

    def test_the_old_form_is_rewritten(self, key_file: KeyFile) -> None:
        fill()
        before = everything()
        make_old(key_file.keys[0])
        assert everything() == before
        assert [key.outdated for key in list_keys()] == [9]
        rotate_keys()
        assert all_use(key_id(key_file.keys[0]))
        assert everything() == before
        assert [(key.uses, key.outdated) for key in list_keys()] == [(9, 0), (0, 0)]

    def test_housekeeping_does_it_too_and_once(self, key_file: KeyFile) -> None:
        fill()
        make_old(key_file.keys[0])
        finish_reencryption()
        stored = all_stored()
        assert all_use(key_id(key_file.keys[0]))
        finish_reencryption()
        assert all_stored() == stored
        assert audit_actions() == ["key.reencrypted"]

    def test_writing_a_value_of_the_old_form_is_enough(self, key_file: KeyFile) -> None:
        add(connection(1))
        make_old(key_file.keys[0])
        change(Connection, 1, api_key="key 1")
        assert raw("connections.api_key").startswith("v2:")
        assert not raw("connections.api_secret").startswith("v2:")

    def test_one_that_was_cut_off_is_finished_with_the_key_it_began_with(
        self, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        fill()
        before = everything()
        real, left = reencrypt._rewrite, iter(range(4))

        def write_four(*arguments: object) -> bool:
            next(left)
            return real(*arguments)  # type: ignore[arg-type]

        monkeypatch.setattr(reencrypt, "_rewrite", write_four)
        with pytest.raises(StopIteration):
            rotate_keys()
        monkeypatch.undo()
        new, _ = key_file.keys
        assert everything() == before
        assert [key.uses for key in list_keys()] == [4, 5]
        done = rotate_keys()
        assert (done.is_new, done.key, done.done.rewritten) == (False, key_id(new), 5)
        assert len(key_file.keys) == 2
        assert everything() == before

    def test_what_a_person_enters_meanwhile_is_not_overwritten(
        self, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        add(connection(1))
        add(target(1))
        real = reencrypt._rewrite

        def enter_another(value: StoredValue, plain: str) -> bool:
            if plain == "key 1":
                change(Connection, 1, api_key="entered meanwhile")
            return real(value, plain)

        monkeypatch.setattr(reencrypt, "_rewrite", enter_another)
        done = rotate_keys().done
        monkeypatch.undo()
        assert fresh(Connection, 1).api_key == "entered meanwhile"
        assert fresh(Connection, 1).api_secret == "secret 1"
        assert fresh(Target, 1).secrets == '{"secret": "1"}'
        assert done.rewritten == 2
        assert all_use(key_id(key_file.keys[0]))

    def test_batches_are_all_done(self, key_file: KeyFile, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(stored_values, "BATCH", 3)
        for number in range(8):
            add(target(number))
        assert rotate_keys().done.rewritten == 8
        assert verify_values().readable == 8

    def test_what_cannot_be_read_stays_as_it_is(self, key_file: KeyFile) -> None:
        add(connection(1))
        lost = Fernet(generate_key()).encrypt(b"x").decode()
        write_raw("connections.api_key", 1, lost)
        done = rotate_keys().done
        assert (done.rewritten, done.unreadable) == (1, 1)
        assert raw("connections.api_key") == lost


@pytest.mark.parametrize(
    "kind", [SourceKind.VARIABLE, SourceKind.NAMED_FILE, SourceKind.CREDENTIAL]
)
def test_keys_that_are_given_are_used_and_not_made(key_file: KeyFile, kind: SourceKind) -> None:
    add(connection(1))
    [old], new = key_file.keys, generate_key()
    key_file.write(new, old)
    key_file.come_from(kind)
    done = rotate_keys()
    assert (done.is_new, done.key, done.done.rewritten) == (False, key_id(new), 2)
    assert key_file.keys == (new, old)
    with pytest.raises(RefusedError, match="take it out there, on every machine"):
        forget_key(key_id(old))
    assert key_file.keys == (new, old)


def test_a_key_file_that_cannot_be_written_changes_nothing(
    key_file: KeyFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    add(connection(1))
    keys, stored = key_file.keys, all_stored()

    def fail(_path: Path, _text: str) -> None:
        raise OSError(28, "No space left on device")

    monkeypatch.setattr(rotating, "write_key_file", fail)
    with pytest.raises(RefusedError, match=r"No space left on device.*nothing was changed"):
        rotate_keys()
    assert (key_file.keys, all_stored()) == (keys, stored)
    assert audit_actions() == []


@both_databases
class TestForget:
    def test_a_key_that_nothing_uses_is_dropped(self, key_file: KeyFile) -> None:
        add(connection(1))
        [old] = key_file.keys
        rotate_keys()
        forget_key(key_id(old))
        assert len(key_file.keys) == 1
        assert old not in key_file.keys
        assert fresh(Connection, 1).api_key == "key 1"
        assert cipher.key_ids == (key_id(key_file.keys[0]),)
        assert audit_actions()[-1] == "key.forgotten"

    @pytest.mark.parametrize("is_old_form", [False, True])
    def test_a_key_in_use_stays(self, key_file: KeyFile, is_old_form: bool) -> None:
        add(target(1))
        [old] = key_file.keys
        if is_old_form:
            make_old(old)
        key_file.write(generate_key(), old)
        with pytest.raises(RefusedError, match=f"1 stored secret needs the key {key_id(old)}"):
            forget_key(key_id(old))
        assert old in key_file.keys

    def test_the_newest_stays_also_unused(self, key_file: KeyFile) -> None:
        with pytest.raises(RefusedError, match="is the newest key"):
            forget_key(key_id(key_file.keys[0]))
        with pytest.raises(NotFoundError, match="No configured key is named deadbeef"):
            forget_key("deadbeef")
        assert len(key_file.keys) == 1

    def test_who_stores_a_secret_meanwhile_gets_the_key_that_stays(
        self, key_file: KeyFile, app: object, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        """A writer comes between the count and the file: it has to wait, and finds the new file."""
        [old] = key_file.keys
        key_file.write(generate_key(), old)
        writer = threading.Thread(target=self._write, args=(app,))
        real = rotating.write_key_file

        def let_another_write(path: Path, text: str) -> None:
            writer.start()
            writer.join(0.3)
            assert writer.is_alive()
            real(path, text)

        monkeypatch.setattr(rotating, "write_key_file", let_another_write)
        forget_key(key_id(old))
        writer.join()
        assert fresh(Target, 1).secrets == '{"secret": "1"}'
        assert all_use(key_id(key_file.keys[0]))

    def _write(self, app: object) -> None:
        with app.app_context():  # type: ignore[attr-defined]
            add(target(1))


@both_databases
def test_a_misplaced_value_is_noted_once_a_day(key_file: KeyFile, fake_clock: FakeClock) -> None:
    add(connection(1))
    add(target(1))
    write_raw("notification_targets.secrets", 1, raw("connections.api_key"))
    found = verify_values()
    assert [value.sentence() for value in found.unreadable] == [
        "notification_targets.secrets of row 1 holds a value that was made for"
        " connections.api_key of row 1"
    ]
    for _ in range(2):
        finish_reencryption()
    [event] = [one for one in all_rows(AuditEvent) if one.action == "key.misplaced"]
    assert event.subject_id == "notification_targets.secrets:1"
    assert event.after == {"made_for": "connections.api_key of row 1"}
    fake_clock.advance(days=1)
    finish_reencryption()
    assert [one.action for one in all_rows(AuditEvent)].count("key.misplaced") == 2
    fake_clock.advance(days=-30)  # the clock was ahead
    finish_reencryption()
    assert [one.action for one in all_rows(AuditEvent)].count("key.misplaced") == 3
    changed = raw("connections.api_key")[:-6] + "AAAAA="
    write_raw("connections.api_secret", 1, changed)
    said = [value.sentence() for value in verify_values().unreadable]
    assert "connections.api_secret of row 1 holds a value that was made for another place," in (
        " ".join(said)
    )
