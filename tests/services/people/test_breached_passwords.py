"""The file of breached passwords: found in it by binary search, and never in anybody's way."""

import logging
import os
import random
import re
import tracemalloc
from collections.abc import Callable, Iterable
from dataclasses import replace
from hashlib import sha1
from pathlib import Path

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from tests.support.processes import run_python
from tests.support.source_tree import ROOT
from webapp.config.security import SecuritySettings
from webapp.services.operations.check_passwords import check_breach_file
from webapp.services.people.breached_passwords import (
    find_breach_file_fault,
    is_breached,
    warn_of_breach_file,
)
from webapp.services.people.password_rules import check_password
from webapp.services.people.users import UserError, add_user

KNOWN = "lantern fjord ocelot"
Configure = Callable[[Path], None]


def digest(password: str) -> str:
    return sha1(password.encode("utf-8", "surrogatepass")).hexdigest().upper()


def write(path: Path, passwords: Iterable[str], *, end: str = "\r\n") -> Path:
    """A file as the downloader writes it."""
    lines = sorted(f"{digest(one)}:{number + 1}" for number, one in enumerate(passwords))
    path.write_bytes("".join(line + end for line in lines).encode())
    return path


@pytest.fixture
def configure(app: Flask) -> Configure:
    """Names the file in the configuration."""

    def _configure(path: Path) -> None:
        app.extensions["triagedesk_config"] = replace(
            app.extensions["triagedesk_config"],
            security=SecuritySettings(breached_passwords=str(path)),
        )

    return _configure


def test_without_a_file_nothing_is_breached(app: Flask) -> None:
    assert not is_breached("password")


@pytest.mark.parametrize("end", ["\n", "\r\n"])
@pytest.mark.parametrize("count", [1, 2, 3, 64, 1001])
def test_every_line_is_found_and_nothing_else(
    configure: Configure, tmp_path: Path, count: int, end: str
) -> None:
    known = [f"known {number}" for number in range(count)]
    path = write(tmp_path / "hashes.txt", known, end=end)
    configure(path)
    assert find_breach_file_fault(str(path)) is None
    assert all(map(is_breached, known))
    assert not any(is_breached(f"unknown {number}") for number in range(200))


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sets(st.text(max_size=20), max_size=40), st.text(max_size=20), st.booleans())
def test_the_search_agrees_with_a_set(
    app: Flask,
    configure: Configure,
    tmp_path: Path,
    known: set[str],
    asked: str,
    has_last_end: bool,
) -> None:
    path = write(tmp_path / "hashes.txt", known)
    if not has_last_end:
        path.write_bytes(path.read_bytes().rstrip(b"\r\n"))
    with app.app_context():
        configure(path)
        for password in {*known, asked}:
            assert is_breached(password) == (password in known)


def test_hashes_may_be_in_lower_case(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "hashes.txt"
    lines = sorted(digest(one).lower() + ":1" for one in (KNOWN, "a", "b"))
    path.write_text("\n".join(lines))
    configure(path)
    assert is_breached(KNOWN)
    assert not is_breached("c")


def test_a_large_file_is_searched_in_constant_memory(configure: Configure, tmp_path: Path) -> None:
    path = tmp_path / "hashes.txt"
    randomness = random.Random(7)
    hashes = sorted(f"{randomness.getrandbits(160):040X}" for _ in range(300_000))
    hashes = sorted([*hashes, digest(KNOWN)])
    path.write_text("".join(f"{one}:3\r\n" for one in hashes))
    del hashes
    configure(path)
    assert path.stat().st_size > 12_000_000
    tracemalloc.start()
    assert is_breached(KNOWN)
    assert not is_breached("something nobody knows")
    assert find_breach_file_fault(str(path)) is None
    _now, most = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert most < 200_000


BROKEN = {
    "empty": (b"", "it is empty"),
    "plain": (b"password\n123456\nqwerty\n" * 50, "a line is not of the form SHA1:COUNT"),
    "ntlm": (b"32ED87BDB5FDC5E9CBA88547376818D4:37\n" * 9, "a line is not of the form"),
    "no counts": (b"A" * 40 + b"\n", "a line is not of the form SHA1:COUNT"),
    "by count": (f"{'F' * 40}:9\n{'A' * 40}:5\n{'0' * 40}:1\n".encode(), "not ordered"),
    "one long line": (b"x" * 100_000, "a line is"),
    "binary": (os.urandom(5000), "a line is"),
    "zip": (b"PK\x03\x04" + b"\x00" * 4000, "a line is"),
}


@pytest.mark.parametrize("name", BROKEN)
def test_a_file_in_another_form_is_told_and_keeps_nobody_out(
    configure: Configure, tmp_path: Path, name: str, caplog: pytest.LogCaptureFixture
) -> None:
    content, words = BROKEN[name]
    path = tmp_path / "hashes.txt"
    path.write_bytes(content)
    assert words in (find_breach_file_fault(str(path)) or "")
    configure(path)
    assert check_password(KNOWN, context=(), has_factor=False).fault is None
    warn_of_breach_file()
    assert any(words in line and "TRIAGEDESK_BREACHED" in line for line in caplog.messages)


def test_a_file_that_cannot_be_read_is_told_and_keeps_nobody_out(
    app: Flask, configure: Configure, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    configure(tmp_path / "nothing-here.txt")
    with caplog.at_level(logging.WARNING):
        assert not is_breached(KNOWN)
        warn_of_breach_file()
    assert all("nothing-here.txt cannot be read (No such file" in one for one in caplog.messages)
    assert len(caplog.messages) == 2
    assert KNOWN not in caplog.text
    assert digest(KNOWN) not in caplog.text
    assert "cannot be read (Is a directory)" in (find_breach_file_fault(str(tmp_path)) or "")
    assert "null byte" in (find_breach_file_fault("a\0b") or "")


def test_a_breached_password_is_refused_in_words(
    app: Flask, configure: Configure, tmp_path: Path
) -> None:
    configure(write(tmp_path / "hashes.txt", [KNOWN]))
    with pytest.raises(UserError, match="known from a breach of another service"):
        add_user(email="ada@example.com", name="Ada", password=KNOWN, role="admin")
    add_user(email="ada@example.com", name="Ada", password=f"{KNOWN}!", role="admin")


def test_the_check_for_doctor_and_health(app: Flask, configure: Configure, tmp_path: Path) -> None:
    def checks() -> list[tuple[str, bool]]:
        config = app.extensions["triagedesk_config"]
        return [(one.name, one.is_ok) for one in check_breach_file(config)]

    assert checks() == []
    path = write(tmp_path / "hashes.txt", [KNOWN])
    configure(path)
    assert checks() == [("breached passwords", True)]
    path.write_text("nonsense")
    assert checks() == [("breached passwords", False)]


def test_the_documented_command_makes_such_a_file(configure: Configure, tmp_path: Path) -> None:
    text = (ROOT / "docs" / "configuration.md").read_text(encoding="utf-8")
    [code] = re.findall(r"python3 -c '([^']+)' list\.txt > hashes\.txt", text)
    passwords = ["password", "zwölf Boxkämpfer", " with spaces ", KNOWN]
    listed, path = tmp_path / "list.txt", tmp_path / "hashes.txt"
    listed.write_text("\n".join(passwords), encoding="utf-8")
    path.write_text(run_python("-c", code, str(listed)).stdout)
    configure(path)
    assert find_breach_file_fault(str(path)) is None
    assert all(map(is_breached, passwords))
    assert not is_breached("Password")
