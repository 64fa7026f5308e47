"""A read-only client of the Huntress API; every failure is a HuntressError.

Proxies (HTTPS_PROXY, NO_PROXY) and certificate bundles (REQUESTS_CA_BUNDLE) of the environment are
used, because many servers reach the Internet in no other way. A netrc file never replaces the
credentials. An origin that is allowed as an exception (tests, demo) is always reached directly.
"""

import random
import re
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from typing import Any, Generic, TypeVar

import requests
import urllib3.exceptions
from requests.auth import HTTPBasicAuth

from webapp.domain.cursor_walk import Page
from webapp.domain.http_headers import parse_http_date, parse_retry_after
from webapp.huntress.answers import (
    Rows,
    parse_account_calls,
    parse_json,
    read_object,
    read_rows,
)
from webapp.huntress.base_url import check_base_url, is_exempt_origin
from webapp.huntress.budget import AccountCalls, CallBudget
from webapp.huntress.errors import (
    ErrorKind,
    HuntressError,
    error_for_exception,
    error_for_status,
)
from webapp.huntress.retry import MAX_RETRY_AFTER_SECONDS, RetryPlan, wait_reason
from webapp.huntress.transport import GuardedAdapter
from webapp.outbound.wire import user_agent

MAX_PAGE_SIZE = 500
_SMALLER_PAGES = (100, 20, 4, 1)
_CHUNK_BYTES = 65_536
_ID = re.compile(r"[A-Za-z0-9_-][A-Za-z0-9_.-]{0,63}", re.ASCII)

T = TypeVar("T")

_BY_ID = {"sort_field": "id", "sort_direction": "asc"}
_HEADERS = {
    "Accept": "application/json",
    "Accept-Encoding": "gzip",
    "User-Agent": user_agent(),
}


@dataclass(frozen=True, slots=True)
class _Answer(Generic[T]):
    value: T
    answered_at: datetime


@dataclass(slots=True)
class _Exchange:
    """What one attempt brought, for the ledger."""

    status: int | None = None
    rows: int | None = None
    account: AccountCalls | None = None


class HuntressClient:
    """A client for one account. It is not thread-safe; make one for each run and close it.

    `budget` holds the account's call window. Every attempt takes a place in it and is always
    finished there, and every wait goes through it. `timeout` (seconds) limits connecting and each
    silence while reading; a whole answer may take four times as long. An answer of more than
    `max_response_bytes` after unpacking is refused while it is read. `session` is for callers with
    their own proxy or certificate settings; it gets the guarded adapter as well.

    The methods that make calls raise HuntressError, and retry as `RetryPlan` says. The constructor
    makes no request; it raises HuntressError(HOST_NOT_ALLOWED) for a base URL that is not allowed.
    """

    def __init__(
        self,
        *,
        base_url: str,
        api_key: str,
        api_secret: str,
        budget: CallBudget,
        allowed_hosts: Sequence[str],
        session: requests.Session | None = None,
        timeout: float = 30.0,
        max_response_bytes: int = 64 * 1024 * 1024,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        # Each connection checks its addresses, so the name need not resolve yet.
        self._base_url = check_base_url(base_url, allowed_hosts, resolve=None)
        is_exempt = is_exempt_origin(base_url, allowed_hosts)
        self.budget = budget
        self._timeout = timeout
        self._max_response_bytes = max_response_bytes
        self._jitter = jitter
        # Bytes, because text that is not Latin-1 (a pasted "…") would fail in the header.
        self._auth = HTTPBasicAuth(api_key.encode(), api_secret.encode())
        self._session = requests.Session() if session is None else session
        if session is None:
            self._session.trust_env = not is_exempt
        self._session.mount(self._base_url + "/", GuardedAdapter(is_guarded=not is_exempt))

    def __repr__(self) -> str:
        return f"<HuntressClient {self._base_url}>"

    def close(self) -> None:
        """Close the connections. The client must not be used afterwards."""
        self._session.close()

    def get_account(self) -> dict[str, Any]:
        """Return the account that the credentials belong to."""
        return self._get("/v1/account", {}, partial(read_object, name="account")).value

    def list_organizations(
        self, page_token: str | None = None, *, limit: int = MAX_PAGE_SIZE
    ) -> Page:
        """Return a page of organizations by ascending id, sized as in `list_incident_reports`."""
        return self._list("organizations", page_token, limit, _BY_ID)

    def list_agents(self, page_token: str | None = None, *, limit: int = MAX_PAGE_SIZE) -> Page:
        """Return a page of agents by ascending id, sized as in `list_incident_reports`."""
        return self._list("agents", page_token, limit, _BY_ID)

    def list_incident_reports(
        self,
        page_token: str | None = None,
        *,
        sort_field: str = "updated_at",
        sort_direction: str = "desc",
        status: str | None = None,
        limit: int = MAX_PAGE_SIZE,
    ) -> Page:
        """Return a page of incident reports; each token needs the same sort and status again.

        `limit` is brought into the range 1 to 500. A page whose answer is too large is asked for
        again with fewer rows (100, 20, 4, 1), so a page may be shorter than `limit` although
        another follows.
        """
        query = {"sort_field": sort_field, "sort_direction": sort_direction}
        if status:
            query["status"] = status
        return self._list("incident_reports", page_token, limit, query)

    def get_organization(self, organization_id: int | str) -> dict[str, Any] | None:
        """Return one organization, or None where Huntress has none with this id (404)."""
        return self._get_by_id("organizations", "organization", organization_id)

    def get_agent(self, agent_id: int | str) -> dict[str, Any] | None:
        """Return one agent, or None where Huntress has none with this id (404)."""
        return self._get_by_id("agents", "agent", agent_id)

    def get_incident_report(self, incident_id: int | str) -> dict[str, Any] | None:
        """Return one incident report, or None where Huntress has none with this id (404)."""
        return self._get_by_id("incident_reports", "incident_report", incident_id)

    def list_remediations(
        self, incident_id: int | str, page_token: str | None = None, *, limit: int = MAX_PAGE_SIZE
    ) -> Page | None:
        """Return a page of an incident's remediations, or None where Huntress has no such incident.

        The page is sized as in `list_incident_reports`.
        """
        if not _ID.fullmatch(str(incident_id)):
            return None
        path = f"incident_reports/{incident_id}/remediations"
        try:
            return self._list("remediations", page_token, limit, {}, path=path)
        except HuntressError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    def _get_by_id(self, plural: str, name: str, object_id: int | str) -> dict[str, Any] | None:
        # The id may come from a payload and must not change the rest of the path.
        if not _ID.fullmatch(str(object_id)):
            return None
        try:
            return self._get(f"/v1/{plural}/{object_id}", {}, partial(read_object, name=name)).value
        except HuntressError as error:
            if error.kind is ErrorKind.NOT_FOUND:
                return None
            raise

    def _list(
        self,
        plural: str,
        token: str | None,
        limit: int,
        query: dict[str, str],
        *,
        path: str | None = None,
    ) -> Page:
        limit = min(max(limit, 1), MAX_PAGE_SIZE)
        if token:
            query = {**query, "page_token": token}
        read = partial(read_rows, plural=plural)
        for size in [limit, *(size for size in _SMALLER_PAGES if size < limit)]:
            try:
                answer = self._get(f"/v1/{path or plural}", {**query, "limit": str(size)}, read)
            except HuntressError as error:
                if error.kind is not ErrorKind.TOO_LARGE:
                    raise
                too_large = error
            else:
                page = answer.value
                return Page(page.rows, page.next_token, answered_at=answer.answered_at)
        raise too_large

    def _get(self, path: str, query: dict[str, str], read: Callable[[object], T]) -> _Answer[T]:
        plan = RetryPlan(self._jitter)
        while True:
            try:
                return self._attempt(path, query, read)
            except HuntressError as error:
                wait = plan.next_wait(error)
                if wait is None:
                    raise
                reason = wait_reason(error)
            self.budget.wait(wait, reason)

    def _attempt(self, path: str, query: dict[str, str], read: Callable[[object], T]) -> _Answer[T]:
        """Make one request with its own reservation, which is always finished."""
        reservation = self.budget.acquire("GET", path)
        exchange = _Exchange()
        started = time.monotonic()
        try:
            return self._exchange(path, query, read, exchange)
        except HuntressError as error:
            error.status = exchange.status
            raise
        except (OSError, urllib3.exceptions.HTTPError) as failure:
            exchange.status = None
            # Not chained, because the libraries' messages may hold a proxy's password.
            raise error_for_exception(failure) from None
        finally:
            self.budget.finish(
                reservation,
                status=exchange.status,
                milliseconds=round((time.monotonic() - started) * 1000),
                rows=exchange.rows,
                account=exchange.account,
            )

    def _exchange(
        self,
        path: str,
        query: dict[str, str],
        read: Callable[[object], T],
        exchange: _Exchange,
    ) -> _Answer[T]:
        asked_at = self.budget.clock()

        def check_status(response: requests.Response, **_: object) -> None:
            # This is a hook, so that it runs before requests handles a redirect: requests reads
            # a redirect's body without any limit, even if it does not follow it.
            exchange.status = response.status_code
            exchange.account = parse_account_calls(
                response.headers.get("x-huntress-api-call-limit"),
                response.headers.get("x-huntress-api-call-remaining"),
            )
            answered_at = parse_http_date(response.headers.get("Date")) or asked_at
            retry_after = parse_retry_after(
                response.headers.get("Retry-After"), answered_at, most=MAX_RETRY_AFTER_SECONDS
            )
            error = error_for_status(response.status_code, retry_after)
            if error is not None:
                response.close()
                raise error

        with self._session.get(
            self._base_url + path,
            params=query,
            auth=self._auth,
            headers=_HEADERS,
            timeout=(self._timeout, self._timeout),
            allow_redirects=False,
            stream=True,
            hooks={"response": check_status},
        ) as response:
            body = self._read_body(response)
            payload = parse_json(body, response.headers.get("Content-Type", ""))
            value = read(payload)
            exchange.rows = len(value.rows) if isinstance(value, Rows) else 1
            return _Answer(value, parse_http_date(response.headers.get("Date")) or asked_at)

    def _read_body(self, response: requests.Response) -> bytes:
        announced = response.headers.get("Content-Length", "")
        if announced.isdecimal() and len(announced) < 20:
            self._check_size(int(announced))
        body = bytearray()
        for chunk in response.iter_content(_CHUNK_BYTES):
            body += chunk
            self._check_size(len(body))
        return bytes(body)

    def _check_size(self, size: int) -> None:
        if size > self._max_response_bytes:
            raise HuntressError(ErrorKind.TOO_LARGE)
