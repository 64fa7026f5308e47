"""The files of others in the repository are the ones that were recorded."""

import hashlib
from pathlib import Path

import pytest

from tests.support.source_tree import ROOT

FOLDERS = ["webapp/static/vendor", "tests/browser/vendor"]
NOT_RECORDED = {"README.md", "SHA256SUMS"}


def _recorded(folder: Path) -> dict[str, str]:
    """Checksums by path, in the format of `sha256sum`."""
    lines = (folder / "SHA256SUMS").read_text(encoding="utf-8").splitlines()
    return {path: checksum for checksum, path in (line.split("  ", 1) for line in lines)}


@pytest.mark.parametrize("name", FOLDERS)
def test_every_vendored_file_is_the_recorded_one(name: str) -> None:
    folder = ROOT / name
    files = [path for path in folder.rglob("*") if path.is_file() and path.name not in NOT_RECORDED]
    found = {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
    }
    assert found
    assert found == _recorded(folder)
