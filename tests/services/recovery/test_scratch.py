"""Scratch places: only for this user, one for each process, and none is left behind."""

import multiprocessing
import os
from pathlib import Path

import pytest

from tests.support.recovery.places import left_overs
from webapp.services.recovery.scratch import BackupError, clean_scratch, scratch_place
from webapp.services.recovery.write_backup import PARTIAL, new_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_place_is_ones_own_and_goes_afterwards(tmp_path: Path) -> None:
    with scratch_place(tmp_path) as one, scratch_place(tmp_path) as other:
        assert one != other
        assert mode(one) == mode(one.parent) == 0o700
        (one / "plain").write_text("secret")
        assert clean_scratch(tmp_path) == 0, "both are in use"
        assert (one / "plain").exists()
    assert list(tmp_path.iterdir()) == []
    assert clean_scratch(tmp_path) == 0


def test_a_data_directory_that_is_not_there_is_made_for_the_time(tmp_path: Path) -> None:
    with scratch_place(tmp_path / "data") as folder:
        assert folder.is_dir()
        assert mode(tmp_path / "data") == 0o700
    assert not (tmp_path / "data").exists()


def _die_in(data_dir: Path) -> None:
    with scratch_place(data_dir) as folder:
        (folder / "plain").write_text("secret")
        os._exit(9)


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        child = context.Process(target=_die_in, args=(tmp_path,))
        child.start()
        child.join(30)
    assert len(list((tmp_path / "scratch").iterdir())) == 1, "the second cleared up after the first"
    assert clean_scratch(tmp_path) == 1
    assert left_overs(tmp_path) == []


def test_a_place_that_cannot_be_made_is_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("a file")
    with (
        pytest.raises(BackupError, match=r"deeper cannot be used \(Not a directory\)"),
        scratch_place(tmp_path / "data" / "deeper"),
    ):
        pass


def test_a_new_file_appears_complete_or_not_at_all(tmp_path: Path) -> None:
    file = tmp_path / "desk.age"
    with pytest.raises(TypeError), new_file(file) as target:
        target.writelines([b"half", "no bytes"])  # type: ignore[list-item]
    assert list(tmp_path.iterdir()) == []
    file.with_name(file.name + PARTIAL).write_bytes(b"left by a killed process")
    with new_file(file) as target:
        target.write(b"whole")
        assert not file.exists()
        with pytest.raises(BackupError, match="Another process is writing"), new_file(file):
            pass
    assert file.read_bytes() == b"whole"
    assert mode(file) == 0o600
    assert list(tmp_path.iterdir()) == [file]


def test_a_file_that_appears_meanwhile_is_left_alone(tmp_path: Path) -> None:
    file = tmp_path / "desk.age"
    with pytest.raises(BackupError, match="has appeared meanwhile"), new_file(file):
        file.write_bytes(b"of somebody else")
    assert file.read_bytes() == b"of somebody else"


def test_a_file_system_without_links_takes_files_as_well(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_links(*_: object) -> None:
        raise PermissionError

    monkeypatch.setattr(os, "link", no_links)
    with new_file(tmp_path / "desk.age") as target:
        target.write(b"whole")
    assert (tmp_path / "desk.age").read_bytes() == b"whole"
