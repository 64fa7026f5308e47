"""The units of systemd: how little they leave to the service, and that this is enough for it."""

import re
import shutil
import sqlite3
from pathlib import Path

import pytest
import requests

from tests.support.deploy.hardened import allowed_calls, values_of
from tests.support.processes import ROOT, Command, clean_environment, run_program
from tests.support.waiting import wait_until
from webapp.runtime.network import find_free_port

UNITS = sorted((ROOT / "deploy").glob("*.service"))
NAMES = [path.name for path in UNITS]
MOST_EXPOSURE = 2.0
HARDENED = ["-m", "tests.support.deploy.hardened"]
CREDENTIALS = {
    "triagedesk.service": set(),
    "triagedesk-migrate.service": {"database_url", "redis_url", "secret_key", "encryption_keys"},
    "triagedesk-web.service": {"database_url", "redis_url", "secret_key", "encryption_keys"},
    "triagedesk-worker.service": {"database_url", "redis_url", "encryption_keys"},
    "triagedesk-watch.service": {"database_url", "redis_url", "encryption_keys"},
    "triagedesk-scheduler.service": {"redis_url"},
}
needs_systemd = pytest.mark.skipif(
    shutil.which("systemd-analyze") is None, reason="systemd-analyze is not installed"
)


@needs_systemd
@pytest.mark.parametrize("name", NAMES)
def test_a_unit_is_exposed_little(name: str) -> None:
    unit = str(ROOT / "deploy" / name)
    done = run_program("systemd-analyze", "security", "--offline=true", "--no-pager", unit)
    found = re.search(r"Overall exposure level for \S+: ([\d.]+)", done.stdout)
    assert found, done.stdout
    assert float(found[1]) < MOST_EXPOSURE, done.stdout


@needs_systemd
def test_systemd_knows_every_line_of_the_units(tmp_path: Path) -> None:
    """The program is not installed here; everything else has to be right."""
    for path in [*UNITS, ROOT / "deploy" / "triagedesk.socket"]:
        text = path.read_text(encoding="utf-8")
        text = re.sub(r"^ExecStart=\S+", "ExecStart=/bin/true", text, flags=re.MULTILINE)
        (tmp_path / path.name).write_text(text, encoding="utf-8")
    words = ["systemd-analyze", "verify", "--man=no", *map(str, sorted(tmp_path.iterdir()))]
    said = run_program(*words).stdout
    assert not [line for line in said.splitlines() if "triagedesk" in line], said


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_gets_the_secrets_that_its_part_needs_and_no_others(name: str) -> None:
    unit = ROOT / "deploy" / name
    given = dict(word.split(":") for word in values_of(unit, "LoadCredential"))
    assert given.keys() == CREDENTIALS[name]
    assert set(given.values()) == {f"/etc/triagedesk/{secret}" for secret in given}
    assert values_of(unit, "InaccessiblePaths") == ["-/etc/triagedesk"]


@pytest.mark.parametrize("name", NAMES)
def test_a_unit_cannot_take_the_machine(name: str) -> None:
    for limit in ("MemoryMax", "TasksMax"):
        assert values_of(ROOT / "deploy" / name, limit)


@needs_systemd
def test_what_a_unit_refuses_is_refused(tmp_path: Path) -> None:
    """The test below would show nothing if its restrictions restricted nothing."""
    unit = UNITS[0]
    assert {"read", "clone", "execve"} <= allowed_calls(unit)
    assert not {"mount", "ptrace", "setuid", "bpf", "reboot", "chown"} & allowed_calls(unit)
    tries = """
import ctypes, mmap, os, socket
def refused(action):
    try: action()
    except (PermissionError, OSError) as error: return True
    return False
libc = ctypes.CDLL(None, use_errno=True)
print(refused(lambda: os.chown("/tmp", 0, 0)), refused(lambda: socket.socket(socket.AF_NETLINK)),
      libc.mount(b"x", b"/mnt", b"tmpfs", 0, None) == -1, not refused(socket.socket))
is_known = libc.prctl(66, 0, 0, 0, 0) != -1  # whether the kernel knows PR_GET_MDWE
print("memory:", not is_known or refused(lambda: mmap.mmap(-1, 4096, prot=7)))
"""
    command = Command([*HARDENED, unit.name, "-c", tries], tmp_path)
    try:
        assert command.says("True True True True"), command.output
        assert command.says("memory: True"), command.output
    finally:
        command.close()


@needs_systemd
def test_the_whole_product_works_with_what_its_unit_leaves(tmp_path: Path) -> None:
    """All parts, Valkey, a poll of the simulated account, and signing in (argon2)."""
    port = find_free_port()
    url = f"http://127.0.0.1:{port}"
    words = ["triagedesk.service", "-m", "webapp", "up", "--demo", "--port", str(port)]
    env = clean_environment(TRIAGEDESK_DEMO_DATA_DIR=str(tmp_path / "demo"))
    up = Command([*HARDENED, *words], tmp_path / "up", env)

    def tickets() -> int:
        with sqlite3.connect(tmp_path / "demo" / "triagedesk.db") as database:
            return database.execute("SELECT count(*) FROM tickets").fetchone()[0]

    try:
        assert up.says("Serving on", 60), up.output
        assert up.says("helpdesk@example.com", 60), up.output
        assert wait_until(lambda: tickets() > 10, 45), up.output
        [password] = re.findall(r"admin@example\.com  password (\S{12,})", up.output)
        with requests.Session() as browser:
            form = browser.get(f"{url}/sign-in", timeout=30).text
            token = form.split('name="csrf_token" value="')[1].split('"')[0]
            typed = {"csrf_token": token, "email": "admin@example.com", "password": password}
            page = browser.post(f"{url}/sign-in", data=typed, timeout=30)
        assert page.status_code == 200
        assert "Sign in" not in page.text
        for word in ("Traceback", "Operation not permitted", "hangs", "ended ("):
            assert word not in up.output, up.output
    finally:
        up.close()
