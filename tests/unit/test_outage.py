"""An outage is one line at its beginning and one at its end, whoever of a part notices it."""

import os

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
