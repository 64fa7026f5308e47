"""One request to the identity provider, inside the guard: bounded in time and size, no redirects.

The provider is the admin's choice and may stand in the local network; what its documents name
besides is held to what messages are held to (see `connection_check`).
"""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from time import monotonic
from typing import Any
from urllib.parse import urlsplit

import requests
import urllib3.exceptions

from webapp.outbound.errors import DeliveryError
from webapp.outbound.guard import guarded
from webapp.outbound.http_refusals import refusal_for_failure, status_words
from webapp.outbound.identity.provider import IdentityProvider, ProviderError, ProviderFault
from webapp.outbound.wire import user_agent


@dataclass(frozen=True, slots=True)
class ProviderAnswer:
    """A status and the JSON object that came with it; empty where the body is no JSON object."""

    status: int
    content: Mapping[str, Any]
    is_object: bool

    @property
    def words(self) -> str:
        """The status for people, such as "502 Bad Gateway"."""
        return status_words(self.status)


def ask(
    provider: IdentityProvider,
    url: str,
    *,
    form: Mapping[str, str] | None = None,
    auth: tuple[str, str] | None = None,
) -> ProviderAnswer:
    """GET `url`, or POST `form` there, and return the answer, of any status.

    Raises ProviderError(UNREACHABLE) where none comes in time or the host is not allowed.
    """
    host = urlsplit(url).hostname or "The host"
    try:
        with guarded(_hosts(provider), ca_file=provider.ca_file) as guard:
            guard.ends_at = min(guard.ends_at, monotonic() + provider.seconds)
            response = _send(url, form, auth)
    except DeliveryError as error:
        raise ProviderError(provider, ProviderFault.UNREACHABLE, str(error)) from None
    except (OSError, urllib3.exceptions.HTTPError, ValueError) as failure:
        # Not chained, because the libraries' messages hold whole addresses.
        detail = str(refusal_for_failure(host, failure))
        raise ProviderError(provider, ProviderFault.UNREACHABLE, detail) from None
    return _read(response)


def fetch_document(provider: IdentityProvider, url: str) -> Mapping[str, Any]:
    """Return the JSON object at `url`. Raises ProviderError."""
    answer = ask(provider, url)
    where = f"{urlsplit(url).hostname}{urlsplit(url).path}"
    if answer.status >= 500 or answer.status == 429:
        raise ProviderError(
            provider, ProviderFault.UNREACHABLE, f"{where} answered {answer.words}."
        )
    if answer.status != 200 or not answer.is_object:
        detail = f"{where} answered {answer.words}" + (
            "." if answer.status != 200 else ", but no JSON object."
        )
        raise ProviderError(provider, ProviderFault.NONSENSE, detail)
    return answer.content


def _hosts(provider: IdentityProvider) -> tuple[str, ...]:
    parts = urlsplit(provider.issuer)
    return (f"{parts.scheme}://{parts.netloc}", *provider.outbound_hosts)


def _send(
    url: str, form: Mapping[str, str] | None, auth: tuple[str, str] | None
) -> requests.Response:
    headers = {"User-Agent": user_agent(), "Accept": "application/json"}
    with requests.Session() as session:
        session.trust_env = False  # a netrc file must not add credentials
        if form is None:
            return session.get(url, headers=headers)
        return session.post(url, data=dict(form), headers=headers, auth=auth)


def _read(response: requests.Response) -> ProviderAnswer:
    try:
        content = json.loads(response.content)
    except (ValueError, RecursionError):
        content = None
    is_object = isinstance(content, dict)
    return ProviderAnswer(response.status_code, content if is_object else {}, is_object)
