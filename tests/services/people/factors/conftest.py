"""Two people to give factors to."""

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from webapp.models import User
from webapp.services.people.users import add_user

PASSWORD = "violet tractor melon"


@pytest.fixture
def ada(app: Flask, fake_clock: FakeClock) -> User:
    """An admin."""
    return add_user(email="ada@example.com", name="Ada", password=PASSWORD, role="admin")


@pytest.fixture
def bo(ada: User) -> User:
    """A helpdesk person."""
    return add_user(email="bo@example.com", name="Bo", password=PASSWORD, role="helpdesk")
