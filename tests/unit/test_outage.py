"""An outage is one line at its beginning and one at its end, whoever of a part notices it."""

import logging
import os
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from webapp.outage import Outage


def test_an_outage_is_told_twice(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("The cellar")
    outage.end()
    for _ in range(3):
        outage.begin("it is flooded\nby a river")
    assert outage.is_on
    with caplog.at_level("INFO"):
        outage.end()
        outage.end()
    assert caplog.messages == [
        "The cellar cannot be used, trying again: it is flooded",
        "The cellar is back after 0 s",
    ]


def test_a_child_tells_it_for_its_parent(caplog: pytest.LogCaptureFixture) -> None:
    outage = Outage("The cellar")
    pid = os.fork()
    if pid == 0:
        outage.begin("it is flooded")
        os._exit(0)
    os.waitpid(pid, 0)
    outage.begin("it is flooded")
    assert outage.is_on
    assert caplog.messages == []


def test_of_many_that_notice_it_at_once_one_tells_it(tmp_path: Path) -> None:
    outage = Outage("The cellar")
    told = logging.FileHandler(tmp_path / "log")  # it appends, so all can write
    logger = logging.getLogger("webapp.outage")
    logger.addHandler(told)
    try:
        for _ in range(20):
            at_once(lambda: outage.begin("it is flooded"))
            assert outage.is_on
            at_once(outage.end)
            assert not outage.is_on
    finally:
        logger.removeHandler(told)
        told.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert [line.split()[2] for line in lines] == ["cannot", "is"] * 20


def at_once(act: Callable[[], None]) -> None:
    """Let six children do something in the same moment, and wait for them."""
    moment = time.monotonic() + 0.02
    children = []
    for _ in range(6):
        pid = os.fork()
        if pid == 0:
            while time.monotonic() < moment:
                pass
            act()
            os._exit(0)
        children.append(pid)
    for pid in children:
        os.waitpid(pid, 0)
