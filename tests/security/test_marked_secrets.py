"""Secrets that the whole product has used stand nowhere but where they belong."""

import base64
import json
import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path
from urllib.parse import quote

import pytest

from tests.support.security.marked import found_in, found_in_files
from tests.support.security.marked_desk import GIVEN, marked_desk

MAY_HOLD = {
    "up": {"metrics token", "OIDC client secret", "passphrase"},
    "web": {"metrics token", "OIDC client secret", "passphrase"},
    "worker": {"passphrase"},
    "watch": {"passphrase"},
    "scheduler": set(),
    "valkey": set(),
}
"""Which part has what in its environment: `up` hands it on, and backups are made by others."""


@pytest.fixture
def short_folder() -> Iterator[Path]:
    """Not below tmp_path: a Unix socket's path must stay short."""
    folder = Path(tempfile.mkdtemp(prefix="td-"))
    yield folder
    shutil.rmtree(folder, ignore_errors=True)


@pytest.mark.soak
@pytest.mark.timeout(900)
@pytest.mark.parametrize("log_format", ["text", "json"])
def test_no_secret_is_left_anywhere(short_folder: Path, log_format: str) -> None:
    with marked_desk(short_folder, log_format) as desk:
        desk.use_everything()
        assert len(desk.secrets) > 25
        names = {path.name for path in desk.files()}
        assert {"triagedesk.db", "triagedesk.db-wal", "output.log", "by-command.age"} <= names
        assert any("appendonly" in str(path) for path in desk.files()), names
        assert found_in_files(desk.files(), desk.secrets) == {}
        parts = list(desk.processes())
        assert {name for name, _ in parts} == set(MAY_HOLD)
        for name, process in parts:
            assert found_in("\0".join(process.cmdline()).encode(), desk.secrets) == set(), name
            environment = "\0".join(map("=".join, process.environ().items()))
            assert found_in(environment.encode(), desk.secrets) <= MAY_HOLD[name], name
        desk.up.close()
        assert "Traceback" not in desk.up.output
        assert found_in_files(desk.files(), desk.secrets) == {}, "after the end"
        _plant_each(desk.up.folder, desk.secrets)
        assert found_in_files([desk.up.folder / "planted"], desk.secrets) == {
            "planted": set(desk.secrets)
        }


def _plant_each(folder: Path, secrets: dict[str, str]) -> None:
    """Were nothing found here, nothing could have been found anywhere."""
    (folder / "planted").write_bytes(b"\n".join(one.encode() for one in secrets.values()))


@pytest.mark.parametrize("name", GIVEN)
@pytest.mark.parametrize("before", ["", "x", "xy"])
def test_the_search_finds_a_leak_in_any_encoding(name: str, before: str, tmp_path: Path) -> None:
    secret = GIVEN[name]
    text = f"{before}{secret} and more"
    leaks = [
        text.encode(),
        base64.b64encode(text.encode()),
        base64.urlsafe_b64encode(text.encode()),
        text.encode().hex().encode(),
        quote(text).encode(),
        quote(text, safe="").encode(),
        json.dumps(text).encode(),
        json.dumps(text, ensure_ascii=False).encode(),
        text.encode("utf-16-le"),
    ]
    for number, leak in enumerate(leaks):
        assert found_in(leak, GIVEN) == {name}, number
    assert found_in(b"nothing of it", GIVEN) == set()
