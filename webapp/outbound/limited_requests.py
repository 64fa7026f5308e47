"""How `requests` behaves inside a guard, whoever calls it (plugins open sessions of their own).

- Redirects are not followed but refused.
- Certificates are checked, whatever the caller asked for.
- Connecting and each silence last 10 s at most, the whole delivery 30 s.
- Of an answer's body 64 KB are kept. A body that breaks off or takes too long ends there: its
  status has told already whether the message was taken.
- A proxy of the environment (HTTPS_PROXY, NO_PROXY) is the admin's choice and may have any address.
  The proxy resolves names itself, so the host behind it is checked here as far as this server
  knows its addresses. Exceptions of TRIAGEDESK_OUTBOUND_HOSTS are reached directly.
"""

import logging
import os
import ssl
from functools import lru_cache
from http.client import HTTPResponse
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.adapters import BaseAdapter, HTTPAdapter
from requests.utils import get_environ_proxies, select_proxy
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, PoolManager
from urllib3.connection import HTTPConnection, HTTPSConnection

from webapp.domain.public_address import is_public
from webapp.outbound import connection_check
from webapp.outbound.allowed_hosts import addresses_of, default_port, is_listed
from webapp.outbound.connection_check import Guard, current, not_public
from webapp.outbound.wire import limit_answer

MOST_BYTES = 64 * 1024
_CHUNK_BYTES = 8 * 1024

_usual_adapter = requests.Session.get_adapter


def limit_sessions() -> None:
    """Let every session of this process use the limited adapter inside a guard."""
    requests.Session.get_adapter = _adapter  # type: ignore[method-assign, assignment]
    logging.getLogger("urllib3.connectionpool").addFilter(_is_unguarded)


def _is_unguarded(_record: logging.LogRecord) -> bool:
    """Keep out of the log what names a guarded request: paths and queries may be secrets."""
    return current.get() is None


def _adapter(session: requests.Session, url: str) -> BaseAdapter:
    usual = _usual_adapter(session, url)  # raises for an address that is not of the web
    guard = current.get()
    return usual if guard is None else _LimitedAdapter(guard)


class _LimitedAdapter(HTTPAdapter):
    """Makes one request, with the limits of the guard."""

    def __init__(self, guard: Guard) -> None:
        self._guard = guard
        super().__init__(max_retries=0, pool_connections=1, pool_maxsize=1)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, ssl_context=trusting(self._guard.ca_file), **kwargs)
        _use_pools(self.poolmanager)

    def proxy_manager_for(self, *args: Any, **kwargs: Any) -> Any:
        context = trusting(self._guard.ca_file)
        manager = super().proxy_manager_for(*args, ssl_context=context, **kwargs)
        _use_pools(manager)
        return manager

    def send(self, request: requests.PreparedRequest, *_: Any, **options: Any) -> Any:
        # The other positional arguments are `stream` and `timeout`, which are decided here.
        try:
            proxies = _choose_proxies(self._guard, request.url or "")
            seconds = min(connection_check.READ_SECONDS, self._guard.seconds_left())
            response = super().send(
                request,
                stream=True,
                timeout=(connection_check.CONNECT_SECONDS, seconds),
                verify=_trusted(options.get("verify")),
                cert=options.get("cert"),
                proxies=proxies,
            )
            if 300 <= response.status_code < 400:
                response.close()
                raise self._guard.refuse(
                    f"{_host_of(request)} redirects to another address "
                    f"({response.status_code}), which is never followed. Enter the address that "
                    "it redirects to."
                )
            _keep_body(response)
            self._guard.outcomes.append(response)
            return response
        except Exception as failure:
            self._guard.outcomes.append(failure)
            raise
        finally:
            self._guard.proxy = None
            self.close()


def trusting(ca_file: str | None) -> ssl.SSLContext:
    """Return what checks certificates: the system's authorities, and those of `ca_file`."""
    return _read_authorities(ca_file, None if ca_file is None else os.stat(ca_file).st_mtime_ns)


@lru_cache(maxsize=4)  # reading them takes longer than sending a message
def _read_authorities(ca_file: str | None, _changed_at: int | None) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if ca_file is not None:
        context.load_verify_locations(ca_file)
    return context


def _host_of(request: requests.PreparedRequest) -> str:
    return urlsplit(request.url or "").hostname or "The host"


def _trusted(verify: object) -> str | bool:
    """The certificates to trust: a bundle that the environment names, or the usual ones."""
    if isinstance(verify, str):
        return verify
    return os.environ.get("REQUESTS_CA_BUNDLE") or os.environ.get("CURL_CA_BUNDLE") or True


def _choose_proxies(guard: Guard, url: str) -> dict[str, str]:
    """The proxies for a request to `url`. Raises DeliveryError for a host that is not allowed."""
    parts = urlsplit(url)
    host, port = parts.hostname or "", parts.port or default_port(parts.scheme)
    if is_listed(host, port, guard.outbound_hosts):
        return {}
    proxies: dict[str, str] = get_environ_proxies(url)
    proxy = select_proxy(url, proxies)
    if not proxy:
        return {}  # the connection itself is checked
    for address in addresses_of(host, port):
        if not is_public(address):
            raise not_public(guard, host, address)
    proxy_parts = urlsplit(proxy if "://" in proxy else f"http://{proxy}")
    port = proxy_parts.port or default_port(proxy_parts.scheme)
    guard.proxy = (proxy_parts.hostname or "", port)
    return proxies


def _keep_body(response: requests.Response) -> None:
    """Read the first 64 KB of the body into `response` and close the connection."""
    body = bytearray()
    try:
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            if len(body) >= MOST_BYTES:
                break
    except (OSError, urllib3.exceptions.HTTPError):
        pass
    finally:
        response.close()
    response._content = bytes(body[:MOST_BYTES])
    response._content_consumed = True  # type: ignore[attr-defined]


def _limit(connection: HTTPConnection) -> None:
    limit_answer(
        connection, seconds=connection_check.READ_SECONDS, whole=connection_check.seconds_left()
    )


class _LimitedHTTPConnection(HTTPConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _limit(self)
        return super().getresponse()  # type: ignore[return-value]


class _LimitedHTTPSConnection(HTTPSConnection):
    def getresponse(self) -> HTTPResponse:  # type: ignore[override]
        _limit(self)
        return super().getresponse()  # type: ignore[return-value]


class _LimitedHTTPPool(HTTPConnectionPool):
    ConnectionCls = _LimitedHTTPConnection  # type: ignore[assignment]


class _LimitedHTTPSPool(HTTPSConnectionPool):
    ConnectionCls = _LimitedHTTPSConnection  # type: ignore[assignment]


def _use_pools(manager: PoolManager) -> None:
    manager.pool_classes_by_scheme = {"http": _LimitedHTTPPool, "https": _LimitedHTTPSPool}
