"""A real Valkey server, empty for each test."""

from collections.abc import Iterator

import pytest
from redis import Redis

from tests.support.valkey import ValkeyServer
from webapp import task_queue


@pytest.fixture(scope="session")
def valkey_server() -> Iterator[ValkeyServer]:
    server = ValkeyServer().start()
    yield server
    server.close()


@pytest.fixture
def valkey(valkey_server: ValkeyServer) -> Iterator[ValkeyServer]:
    connection = valkey_server.connect()
    connection.flushall()
    connection.close()
    task_queue.configure(valkey_server.url)
    yield valkey_server
    if not valkey_server.is_running:
        valkey_server.start()


@pytest.fixture
def redis(valkey: ValkeyServer) -> Iterator[Redis]:
    connection = valkey.connect()
    yield connection
    connection.close()
