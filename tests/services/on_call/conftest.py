"""Three people of whom the first is an admin."""

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.on_call.rotations import add_user_row


@pytest.fixture
def people(app: Flask, fake_clock: FakeClock) -> tuple[int, int, int]:
    """The ids of Ada (an admin), Bo and Cleo."""
    return add_user_row("Ada", role="admin"), add_user_row("Bo"), add_user_row("Cleo")
