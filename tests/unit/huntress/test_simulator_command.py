"""`python -m webapp.huntress.simulator`: one line with the URL, ends quickly on SIGTERM."""

import re
import signal
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
import requests

from tests.support.processes import Command, clean_environment
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.huntress.simulator.__main__ import main
from webapp.huntress.simulator.simulator import system_clock


@contextmanager
def running(folder: Path, *options: str, **environment: str) -> Iterator[tuple[Command, str, str]]:
    """The process, the line it printed and the URL in it; ended when the block is left."""
    words = ["-m", "webapp.huntress.simulator", *options]
    command = Command(words, folder, clean_environment(**environment), piped=True)
    try:
        line = command.read_line()
        found = re.search(r"http://127\.0\.0\.1:\d+$", line)
        assert found is not None, command.output
        yield command, line, found[0]
    finally:
        command.close()


@pytest.mark.process
def test_it_serves_the_demo_and_ends_on_sigterm(tmp_path):
    options = ["--api-key", "hk_x", "--api-secret-env", "SECRET_X"]
    with running(tmp_path, *options, SECRET_X="hs_x") as (command, line, url):
        assert "Tallow & Reed Managed IT" in line
        assert "hs_x" not in line
        answer = requests.get(
            url + "/v1/organizations?limit=500", auth=("hk_x", "hs_x"), timeout=10
        )
        assert len(answer.json()["organizations"]) == 12
        assert requests.get(url + "/v1/account", auth=("hk_x", "no"), timeout=10).status_code == 401
        started = time.monotonic()
        command.process.terminate()
        assert command.process.wait(30) == 0
        assert time.monotonic() - started < 20
        assert (command.read_line(), command.output) == ("", ""), "one line is all it says"


@pytest.mark.process
def test_its_options_reach_the_simulator(tmp_path):
    with running(tmp_path, "--live", "--calls-per-minute", "2", "--seed", "5") as (_, _, url):
        auth = ("hk_demo", "hs_demo")
        answers = [requests.get(url + "/v1/account", auth=auth, timeout=10) for _ in range(3)]
    assert [answer.status_code for answer in answers] == [200, 200, 429]
    assert 1 <= int(answers[2].headers["Retry-After"]) <= 60


def test_a_secret_that_is_not_set_is_refused(monkeypatch, capsys):
    monkeypatch.delenv("NO_SUCH_SECRET", raising=False)
    assert main(["--api-secret-env", "NO_SUCH_SECRET"]) == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert "NO_SUCH_SECRET" in captured.err


@pytest.fixture
def keep_signal_handlers() -> Iterator[None]:
    before = {number: signal.getsignal(number) for number in (signal.SIGTERM, signal.SIGINT)}
    yield
    for number, handler in before.items():
        signal.signal(number, handler)


@pytest.mark.usefixtures("keep_signal_handlers")
def test_a_taken_port_is_said(capsys):
    account = SimulatedAccount.demo(now=system_clock())
    with Simulator(account) as other:
        port = other.base_url.rsplit(":", 1)[1]
        assert main(["--port", port]) == 2
    assert "Cannot listen" in capsys.readouterr().err
