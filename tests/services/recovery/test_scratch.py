"""Scratch places: only for this user, one for each process, and none is left behind."""

import itertools
import multiprocessing
import os
import shutil
import sys
from dataclasses import replace
from pathlib import Path

import pytest

from tests.support.polling import KILLED
from tests.support.recovery.places import left_overs
from webapp.config import Config
from webapp.services.recovery.scratch import (
    BackupError,
    clean_scratch,
    clean_scratch_in,
    scratch_place,
)
from webapp.services.recovery.write_backup import PARTIAL, new_file


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_a_place_is_ones_own_and_goes_afterwards(tmp_path: Path) -> None:
    with scratch_place(tmp_path) as one, scratch_place(tmp_path) as other:
        assert one != other
        assert mode(one) == mode(one.parent) == 0o700
        (one / "plain").write_text("secret")
        assert clean_scratch_in(tmp_path) == 0, "both are in use"
        assert (one / "plain").exists()
    assert list(tmp_path.iterdir()) == []
    assert clean_scratch_in(tmp_path) == 0


def test_a_data_directory_that_is_not_there_is_made_for_the_time(tmp_path: Path) -> None:
    with scratch_place(tmp_path / "data") as folder:
        assert folder.is_dir()
        assert mode(tmp_path / "data") == 0o700
    assert not (tmp_path / "data").exists()


def _die_in(data_dir: Path) -> None:
    with scratch_place(data_dir) as folder:
        (folder / "plain").write_text("secret")
        os._exit(KILLED)


def test_what_a_killed_process_left_goes_with_the_next_one(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for _ in range(2):
        child = context.Process(target=_die_in, args=(tmp_path,))
        child.start()
        child.join(30)
    assert len(list((tmp_path / "scratch").iterdir())) == 1, "the second cleared up after the first"
    assert clean_scratch_in(tmp_path) == 1
    assert left_overs(tmp_path) == []


def _die_at(step: int, data_dir: Path) -> None:
    """Make and leave a scratch place, and die before the given call to the system, if it comes."""
    left = itertools.count(-step)

    def die(_event: str, _arguments: tuple[object, ...]) -> None:
        if next(left) == 0:
            os._exit(KILLED)

    sys.addaudithook(die)
    with scratch_place(data_dir) as folder:
        (folder / "plain").write_text("secret")
    os._exit(0)


def test_whatever_step_it_is_killed_at_the_next_one_clears_up(tmp_path: Path) -> None:
    context = multiprocessing.get_context("fork")
    for step in itertools.count():
        child = context.Process(target=_die_at, args=(step, tmp_path))
        child.start()
        child.join(30)
        with scratch_place(tmp_path):
            pass
        assert left_overs(tmp_path) == [], f"killed at step {step}"
        if child.exitcode == 0:
            break
        assert child.exitcode == KILLED
    assert step > 10


def test_what_a_killed_restore_left_beside_a_database_elsewhere_goes_as_well(
    config: Config, tmp_path: Path
) -> None:
    child = multiprocessing.get_context("fork").Process(target=_die_in, args=(tmp_path,))
    child.start()
    child.join(30)
    data = tmp_path / "data"
    data.mkdir()
    elsewhere = replace(config, data_dir=data, database_url=f"sqlite:///{tmp_path / 'desk.db'}")
    assert clean_scratch(elsewhere) == 1
    assert left_overs(tmp_path) == []


def test_a_folder_scratch_of_somebody_else_is_left_alone(tmp_path: Path) -> None:
    theirs = tmp_path / "scratch" / "ideas"
    alike = tmp_path / "scratch" / ("ab" * 8)
    for folder in (theirs, alike):
        folder.mkdir(parents=True)
    (alike / "notes.txt").write_text("mine")
    (tmp_path / "scratch" / ("12" * 8)).write_text("a file")
    (tmp_path / "scratch" / "notes.txt").write_text("mine")
    with scratch_place(tmp_path):
        pass
    assert clean_scratch_in(tmp_path) == 0
    assert theirs.is_dir()
    assert (alike / "notes.txt").exists()
    assert (tmp_path / "scratch" / ("12" * 8)).exists()
    assert (tmp_path / "scratch" / "notes.txt").read_text() == "mine"


def test_the_lock_goes_last(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    delete = shutil.rmtree

    def die_at_last(folder: Path, **_options: object) -> None:
        if folder.parent.name == "scratch":
            raise SystemExit
        delete(folder)

    place = scratch_place(tmp_path)
    folder = place.__enter__()
    (folder / "a folder").mkdir()
    (folder / "plain").write_text("secret")
    monkeypatch.setattr(shutil, "rmtree", die_at_last)
    with pytest.raises(SystemExit):
        place.__exit__(None, None, None)
    assert [one.name for one in folder.iterdir()] == ["lock"]


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
