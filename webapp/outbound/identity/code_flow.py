"""The authorization code flow with PKCE (OpenID Connect Core 1.0, section 3.1; RFC 7636)."""

import secrets
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Self
from urllib.parse import quote

from authlib.oauth2.rfc6749.parameters import prepare_grant_uri
from authlib.oauth2.rfc7636 import create_s256_code_challenge

from webapp.domain.untrusted import clean_line, cut
from webapp.outbound.identity.discovery import Metadata
from webapp.outbound.identity.exchange import ProviderAnswer, ask
from webapp.outbound.identity.id_token import check_id_token
from webapp.outbound.identity.known_provider import KnownProvider
from webapp.outbound.identity.provider import IdentityProvider, ProviderError, ProviderFault

MOST_CODE = 4_000
_CLIENT_ERRORS = ("invalid_client", "unauthorized_client")
ANY_AGE = str(30 * 24 * 60 * 60)
"""Seconds that a sign-in at the provider may be old. Whoever is asked with an age has to tell the
time (`auth_time`); this one is so long that hardly anybody has to sign in anew because of it."""
_WORDS_SHOWN = 300


@dataclass(frozen=True, slots=True)
class Secrets:
    """What ties an answer of the provider to the sign-in that asked for it; each is random.

    `state` returns by way of the browser, `nonce` within the ID token, and `verifier` goes to the
    provider directly, so that a code that was caught on its way is of no use.
    """

    state: str
    nonce: str
    verifier: str = field(repr=False)

    @classmethod
    def make(cls) -> Self:
        """New ones: 128, 128 and 256 bits."""
        return cls(*(secrets.token_urlsafe(size) for size in (16, 16, 32)))

    @classmethod
    def read(cls, text: str) -> Self:
        """What `packed` wrote. Raises ValueError."""
        state, nonce, verifier = text.split(".")
        return cls(state, nonce, verifier)

    def packed(self) -> str:
        """All three as one text of 89 characters."""
        return f"{self.state}.{self.nonce}.{self.verifier}"


def authorization_url(known: KnownProvider, own: Secrets, *, is_fresh: bool = False) -> str:
    """The address at the provider to which the browser is sent.

    With `is_fresh` the person has to show again who they are, even where they are signed in there.
    Raises ProviderError.
    """
    provider = known.provider
    url: str = prepare_grant_uri(
        known.metadata().authorization_endpoint,
        provider.client_id,
        "code",
        provider.redirect_uri,
        list(provider.scopes),
        own.state,
        nonce=own.nonce,
        code_challenge=create_s256_code_challenge(own.verifier),
        code_challenge_method="S256",
        max_age="0" if is_fresh else ANY_AGE,
        prompt="login" if is_fresh else None,
    )
    return url


def take_answer_of(
    known: KnownProvider, parameters: Mapping[str, str], own: Secrets, now: datetime
) -> Mapping[str, Any]:
    """Exchange the code of the provider's answer and return the claims of its checked ID token.

    `parameters` are those of the address at which the browser came back, whose `state` was checked
    before. Raises ProviderError.
    """
    metadata = known.metadata()
    _check_answer(known.provider, metadata, parameters)
    answer = _exchange(known.provider, metadata, parameters["code"], own)
    access_token = answer.get("access_token")
    return check_id_token(
        known,
        answer["id_token"],
        nonce=own.nonce,
        access_token=access_token if isinstance(access_token, str) else None,
        now=now,
    )


def _check_answer(
    provider: IdentityProvider, metadata: Metadata, parameters: Mapping[str, str]
) -> None:
    issuer = parameters.get("iss")
    if issuer != provider.issuer and (issuer is not None or metadata.sends_issuer):
        # Another provider may have answered (mix-up, RFC 9207).
        detail = "The answer in the browser came from another issuer, or does not say from which."
        raise ProviderError(provider, ProviderFault.TOKEN, detail)
    if "error" in parameters:
        words = _words(parameters.get("error"), parameters.get("error_description"))
        raise ProviderError(provider, ProviderFault.DENIED, f"The provider answered: {words}.")
    if not 0 < len(parameters.get("code", "")) <= MOST_CODE:
        raise ProviderError(
            provider, ProviderFault.NONSENSE, "The answer in the browser has no code."
        )


def _exchange(
    provider: IdentityProvider, metadata: Metadata, code: str, own: Secrets
) -> Mapping[str, Any]:
    form = {
        "grant_type": "authorization_code",
        "code": code,
        "redirect_uri": provider.redirect_uri,
        "code_verifier": own.verifier,
    }
    auth = None
    if metadata.takes_secret_in_form:
        # Preferred, since providers do not agree on how a secret is written in the header.
        form |= {"client_id": provider.client_id, "client_secret": provider.client_secret}
    else:
        auth = (quote(provider.client_id, safe=""), quote(provider.client_secret, safe=""))
    answer = ask(provider, metadata.token_endpoint, form=form, auth=auth)
    if answer.status == 200 and isinstance(answer.content.get("id_token"), str):
        return answer.content
    raise _no_token(provider, answer, secret_words=(code, own.verifier, provider.client_secret))


def _no_token(
    provider: IdentityProvider, answer: ProviderAnswer, secret_words: tuple[str, ...]
) -> ProviderError:
    error = answer.content.get("error")
    words = _words(error, answer.content.get("error_description"), secret_words)
    detail = f"The token endpoint answered {answer.words}: {words}."
    if error in _CLIENT_ERRORS or answer.status == 401:
        return ProviderError(provider, ProviderFault.CLIENT, detail)
    if answer.status >= 500 or answer.status == 429:
        return ProviderError(provider, ProviderFault.UNREACHABLE, detail)
    if error == "invalid_grant":  # the code is too old, was used, or is not for us
        return ProviderError(provider, ProviderFault.TOKEN, detail)
    return ProviderError(provider, ProviderFault.NONSENSE, detail)


def _words(error: object, description: object, secret_words: tuple[str, ...] = ()) -> str:
    """The provider's own words, without what we sent in confidence."""
    texts = [line for text in (error, description) if (line := clean_line(text))]
    words = " - ".join(texts)
    for secret in secret_words:
        words = words.replace(secret, "•••")
    return cut(words, _WORDS_SHOWN) or "no error was named"
