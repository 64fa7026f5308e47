"""Posting to a web address inside the guard."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

import requests
import urllib3.exceptions
from requests.auth import HTTPBasicAuth

from webapp import clock
from webapp.domain.http_headers import parse_http_date, parse_retry_after
from webapp.outbound.errors import DeliveryError
from webapp.outbound.guard import guarded
from webapp.outbound.http_refusals import refusal_for_failure, refusal_for_status, status_words
from webapp.outbound.settings import Destination
from webapp.outbound.wire import user_agent

LONGEST_RETRY_AFTER_SECONDS = 24 * 60 * 60.0


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """The answer of a receiver; `text` is the beginning (64 KB) of its body.

    The text is the receiver's and may repeat secrets of the request.
    """

    status: int
    text: str

    @property
    def words(self) -> str:
        """The status for people, such as "202 Accepted"."""
        return status_words(self.status)


def post(
    url: str,
    *,
    destination: Destination,
    data: bytes | Mapping[str, str] | None = None,
    json: object | None = None,
    headers: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
    explain: Callable[[HttpAnswer], DeliveryError | None] | None = None,
) -> HttpAnswer:
    """Post once to `url` and return the answer, which is a success (2xx).

    `data` is a body as it is or the fields of a form, `json` a value to write as JSON, `auth` a
    user and a password. Takes at most about 30 seconds; see `limited_requests` for the limits.

    `explain` gets an answer that is no success, and may return an error that says more than its
    status does. Otherwise raises the DeliveryError of `http_refusals`.
    """
    host = _host_of(url)
    try:
        with guarded(destination.outbound_hosts, ca_file=destination.ca_file):
            response = _exchange(url, data, json, headers, auth)
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as failure:
        # Not chained, because the libraries' messages hold the whole address.
        raise refusal_for_failure(host, failure) from None
    return take_answer(response, host, explain)


def take_answer(
    response: requests.Response,
    host: str,
    explain: Callable[[HttpAnswer], DeliveryError | None] | None = None,
) -> HttpAnswer:
    """Return the answer of `host` if it is a success; raises DeliveryError as `post` does."""
    answer = HttpAnswer(response.status_code, response.content.decode("utf-8", "replace"))
    if 200 <= answer.status < 300:
        return answer
    answered_at = parse_http_date(response.headers.get("Date")) or clock.utcnow()
    retry_after = parse_retry_after(
        response.headers.get("Retry-After"), answered_at, most=LONGEST_RETRY_AFTER_SECONDS
    )
    usual = refusal_for_status(host, answer.status, retry_after)
    explained = explain(answer) if explain else None
    if explained is not None and explained.retry_after is None:
        explained.retry_after = usual.retry_after
    raise explained or usual


def _host_of(url: str) -> str:
    try:
        return urlsplit(url).hostname or "The host"
    except ValueError:
        return "The host"


def _exchange(
    url: str,
    data: bytes | Mapping[str, str] | None,
    json: object | None,
    headers: Mapping[str, str] | None,
    auth: tuple[str, str] | None,
) -> requests.Response:
    with requests.Session() as session:
        session.trust_env = False  # a netrc file must not add credentials
        return session.post(
            url,
            data=data,
            json=json,
            headers={"User-Agent": user_agent(), **(headers or {})},
            auth=None if auth is None else HTTPBasicAuth(auth[0].encode(), auth[1].encode()),
        )
