"""A desk whose first poll is over, and a mailbox for all that is delivered."""

from collections.abc import Iterator

import pytest

from tests.support.poller import Desk
from tests.support.receivers.notices_data import Mailbox, receiving


@pytest.fixture
def polled(desk: Desk) -> Desk:
    """What a later poll finds is told as it comes, and not in one summary."""
    desk.poll()
    return desk


@pytest.fixture
def mailbox() -> Iterator[Mailbox]:
    """Where every message arrives."""
    with receiving() as mailbox:
        yield mailbox
