"""Connections that check the addresses they connect to and limit the time of an answer.

What they guarantee:

- A direct connection is checked twice: all addresses of the host before connecting, and the
  address that was really connected to before the first byte (TLS included) is sent. A name that
  resolves to a public address for the check and to a private one for the connection (DNS
  rebinding) therefore reaches a TCP handshake at most.
- Through a proxy of the environment (HTTPS_PROXY, NO_PROXY) the proxy resolves the name and the
  proxy's own address is not checked, because it is the admin's choice. The allow-list of hosts
  and the certificate check apply there too, because the tunnel ends at the host.
- Reading an answer, including its headers, ends after four read time-outs in all, even if its
  bytes arrive slowly.
"""

import socket
from http.client import HTTPResponse
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from webapp.huntress.base_url import check_address, check_addresses
from webapp.outbound.wire import limit_answer

DEADLINE_FACTOR = 4
"""How many read time-outs a whole answer may take (4 * 30 s)."""


class GuardedAdapter(HTTPAdapter):
    """The adapter of one origin; with `is_guarded=False` addresses are not checked."""

    def __init__(self, *, is_guarded: bool = True) -> None:
        self._is_guarded = is_guarded
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Use connections with a deadline and, where the origin is guarded, an address check."""
        super().init_poolmanager(*args, **kwargs)
        _use_pools(self.poolmanager, _GuardedHTTPSPool if self._is_guarded else _HTTPSPool)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        """Use connections with a deadline.

        The proxy's address is the admin's choice and is not checked.
        """
        manager = super().proxy_manager_for(*args, **kwargs)
        _use_pools(manager, _HTTPSPool)
        return manager


def _limit_response_time(connection: HTTPConnection) -> None:
    """Give the connection's next response a deadline made from its read time-out."""
    seconds = connection.timeout if isinstance(connection.timeout, int | float) else None
    if seconds is not None:
        limit_answer(connection, seconds=seconds, whole=DEADLINE_FACTOR * seconds)


class _HTTPConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _limit_response_time(self)
        return super().getresponse()  # type: ignore[return-value]


class _HTTPSConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _limit_response_time(self)
        return super().getresponse()  # type: ignore[return-value]


class _GuardedHTTPSConnection(_HTTPSConnection):
    def _new_conn(self) -> socket.socket:
        # If the name does not resolve, urllib3 raises the right error below.
        check_addresses(self._dns_host, self.port or 443, socket.getaddrinfo)
        sock = super()._new_conn()
        try:
            check_address(str(sock.getpeername()[0]))
        except BaseException:
            sock.close()
            raise
        return sock


class _HTTPPool(HTTPConnectionPool):
    ConnectionCls = _HTTPConnection  # type: ignore[assignment]


class _HTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _HTTPSConnection  # type: ignore[assignment]


class _GuardedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _GuardedHTTPSConnection  # type: ignore[assignment]


def _use_pools(manager: PoolManager, https_pool: type[HTTPSConnectionPool]) -> None:
    manager.pool_classes_by_scheme = {"http": _HTTPPool, "https": https_pool}
