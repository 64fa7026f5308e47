import pwd
import stat
import sys
from pathlib import Path

import pytest

from webapp.config import ConfigError, load_config
from webapp.runtime import data_dir
from webapp.runtime.data_dir import (
    create_data_dir,
    create_keys,
    locked,
    require_data_dir,
    require_own,
)


def mode(path: Path) -> int:
    return stat.S_IMODE(path.stat().st_mode)


def env(folder: Path, **variables: str) -> dict[str, str]:
    return {"TRIAGEDESK_DATA_DIR": str(folder)} | {
        f"TRIAGEDESK_{name}": value for name, value in variables.items()
    }


class TestDirectory:
    def test_is_created_for_its_user_alone(self, tmp_path: Path) -> None:
        create_data_dir(tmp_path / "a" / "data")
        assert mode(tmp_path / "a" / "data") == 0o700

    def test_one_that_exists_is_kept_as_it_is(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        create_data_dir(tmp_path)
        assert (tmp_path / "file").exists()

    def test_says_why_it_cannot_be_created(self, tmp_path: Path) -> None:
        (tmp_path / "file").touch()
        with pytest.raises(ConfigError, match="cannot be created") as caught:
            create_data_dir(tmp_path / "file" / "data")
        assert "TRIAGEDESK_DATA_DIR" in caught.value.hint

    def test_a_missing_one_is_refused_and_not_created(self, tmp_path: Path) -> None:
        with pytest.raises(ConfigError, match="no data directory") as caught:
            require_data_dir(tmp_path / "data")
        assert "triagedesk up" in caught.value.hint
        assert not (tmp_path / "data").exists()

    def test_our_own_is_accepted(self, tmp_path: Path) -> None:
        require_data_dir(tmp_path)

    @pytest.mark.parametrize("has_name", [True, False])
    def test_another_user_s_is_refused_with_the_line_to_type(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, has_name: bool
    ) -> None:
        owner = tmp_path.stat().st_uid
        user = pwd.getpwuid(owner).pw_name if has_name else f"#{owner}"
        monkeypatch.setattr(data_dir.os, "geteuid", lambda: owner + 1)
        if not has_name:
            monkeypatch.setattr(data_dir.pwd, "getpwuid", {}.__getitem__)
        monkeypatch.setattr(sys, "argv", ["triagedesk", "poll", "3", "--sweep"])
        for check in (require_own, require_data_dir, create_data_dir):
            with pytest.raises(ConfigError, match=f"belongs to {user}") as caught:
                check(tmp_path)
            assert caught.value.hint == f"Run: sudo -u {user} triagedesk poll 3 --sweep"


class TestKeys:
    def test_are_generated_with_a_new_database(self, tmp_path: Path) -> None:
        create_keys(env(tmp_path))
        for name in ("secret.key", "encryption.keys"):
            assert mode(tmp_path / name) == 0o600
        config = load_config(env(tmp_path))
        assert len(config.secret_key) >= 32
        assert len(config.encryption_keys) == 1

    def test_are_never_replaced(self, tmp_path: Path) -> None:
        create_keys(env(tmp_path))
        before = load_config(env(tmp_path))
        create_keys(env(tmp_path))
        assert load_config(env(tmp_path)) == before

    def test_are_not_generated_for_a_database_that_exists(self, tmp_path: Path) -> None:
        (tmp_path / "triagedesk.db").write_bytes(b"SQLite format 3")
        create_keys(env(tmp_path))
        assert [path.name for path in tmp_path.iterdir()] == ["triagedesk.db"]
        with pytest.raises(ConfigError, match="SECRET_KEY is not set"):
            load_config(env(tmp_path))

    def test_an_empty_file_counts_as_a_new_database(self, tmp_path: Path) -> None:
        (tmp_path / "triagedesk.db").touch()
        create_keys(env(tmp_path))
        assert (tmp_path / "secret.key").exists()

    def test_are_not_generated_for_postgresql(self, tmp_path: Path) -> None:
        create_keys(env(tmp_path, DATABASE_URL="postgresql://u:p@h/d"))
        assert list(tmp_path.iterdir()) == []

    def test_given_ones_are_not_written_down(self, tmp_path: Path) -> None:
        create_keys(env(tmp_path, SECRET_KEY="s" * 32))
        assert [path.name for path in tmp_path.iterdir()] == ["encryption.keys"]

    def test_a_crash_while_writing_leaves_no_half_key(self, tmp_path: Path) -> None:
        (tmp_path / "secret.key.new").write_text("half")
        create_keys(env(tmp_path))
        assert len((tmp_path / "secret.key").read_text()) > 40
        assert not (tmp_path / "secret.key.new").exists()


class TestLock:
    def test_keeps_a_second_up_out(self, tmp_path: Path) -> None:
        with (
            locked(tmp_path),
            pytest.raises(ConfigError, match="Another `triagedesk up`"),
            locked(tmp_path),
        ):
            pass

    def test_a_directory_that_cannot_be_written_to_is_told(
        self, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        def refuse(*_words: object) -> int:
            raise PermissionError(13, "Permission denied")

        monkeypatch.setattr(data_dir.os, "open", refuse)
        for write in (lambda: locked(tmp_path).__enter__(), lambda: create_keys(env(tmp_path))):
            with pytest.raises(ConfigError, match=r"cannot be written to \(Permission denied\)"):
                write()

    def test_is_free_again_afterwards(self, tmp_path: Path) -> None:
        for _ in range(2):
            with locked(tmp_path):
                pass
