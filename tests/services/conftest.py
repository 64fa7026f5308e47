"""A simulated Huntress account over real HTTP, and a connection to it."""

from collections.abc import Iterator
from unittest.mock import patch

import pytest
from flask import Flask

from tests.support.fake_clock import FakeClock
from tests.support.poller import Desk, allow_host, simulated_desk
from webapp import app_parts
from webapp.huntress.simulator import SimulatedAccount, Simulator
from webapp.models import Connection
from webapp.services.connections.connect_account import connect_account


@pytest.fixture(scope="module", autouse=True)
def no_pages() -> Iterator[None]:
    """Services know no page: their app has none, which makes it in half the time."""
    with patch.object(app_parts, "register_web"):
        yield


@pytest.fixture
def huntress(app: Flask, fake_clock: FakeClock) -> Iterator[Simulator]:
    """An empty account that the app may call; its clock is the test's."""
    account = SimulatedAccount(now=fake_clock.now(), name="Acme MSP", subdomain="acme")
    with Simulator(account, clock=fake_clock.now) as simulator:
        allow_host(app, simulator.base_url)
        yield simulator


@pytest.fixture
def connection(huntress: Simulator) -> Connection:
    """The account, connected; nothing is routed or started yet."""
    return connect_account(
        name="Acme", base_url=huntress.base_url, api_key="hk_demo", api_secret="hs_demo"
    )


@pytest.fixture
def desk(app: Flask, fake_clock: FakeClock) -> Iterator[Desk]:
    """A connected, routed and started desk over an empty account."""
    account = SimulatedAccount(now=fake_clock.now())
    with simulated_desk(app, fake_clock, account) as desk:
        yield desk
