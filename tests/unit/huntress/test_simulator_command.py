"""`python -m webapp.huntress.simulator`: one line with the URL, ends quickly on SIGTERM."""

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest
import requests

from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.huntress.simulator.__main__ import main
from webapp.huntress.simulator.simulator import system_clock


@contextmanager
def running(*options: str, **environment: str) -> Iterator[tuple[subprocess.Popen, str, str]]:
    """The process, the line it printed and the URL in it; ended when the block is left."""
    process = subprocess.Popen(
        [sys.executable, "-m", "webapp.huntress.simulator", *options],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**os.environ, **environment},
    )
    try:
        line = process.stdout.readline()
        yield process, line, re.search(r"http://127\.0\.0\.1:\d+$", line.strip())[0]
    finally:
        process.kill()
        process.communicate(timeout=10)


def test_it_serves_the_demo_and_ends_on_sigterm():
    with running("--api-key", "hk_x", "--api-secret-env", "SECRET_X", SECRET_X="hs_x") as (
        process,
        line,
        url,
    ):
        assert "Tallow & Reed Managed IT" in line
        assert "hs_x" not in line
        answer = requests.get(
            url + "/v1/organizations?limit=500", auth=("hk_x", "hs_x"), timeout=10
        )
        assert len(answer.json()["organizations"]) == 12
        assert requests.get(url + "/v1/account", auth=("hk_x", "no"), timeout=10).status_code == 401
        started = time.monotonic()
        process.send_signal(signal.SIGTERM)
        rest, errors = process.communicate(timeout=30)
        assert time.monotonic() - started < 20
        assert (process.returncode, rest, errors) == (0, "", "")


def test_its_options_reach_the_simulator():
    with running("--live", "--calls-per-minute", "2", "--seed", "5") as (_, _, url):
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
