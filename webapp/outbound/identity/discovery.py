"""What the provider says of itself (OpenID Connect Discovery 1.0), checked."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

from webapp.outbound.identity.exchange import fetch_document
from webapp.outbound.identity.provider import IdentityProvider, ProviderError, ProviderFault

SIGNATURES = (
    *("RS256", "RS384", "RS512"),
    *("PS256", "PS384", "PS512"),
    *("ES256", "ES384", "ES512"),
)
"""The signatures that are taken. All are by a private key of the provider alone: a shared secret
(HS256) or no signature at all (none) would prove nothing."""


@dataclass(frozen=True, slots=True)
class Metadata:
    """The endpoints of the provider, and what it can do."""

    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    end_session_endpoint: str | None
    sends_issuer: bool
    takes_secret_in_form: bool


def discover(provider: IdentityProvider) -> Metadata:
    """Fetch and check the provider's document. Raises ProviderError.

    Its issuer has to be the configured one, letter by letter (section 4.3): otherwise tokens of
    one issuer could be passed off as those of another.
    """
    url = f"{provider.issuer.rstrip('/')}/.well-known/openid-configuration"
    document = fetch_document(provider, url)
    if document.get("issuer") != provider.issuer:
        raise _unusable(
            provider,
            f"names the issuer {_shown(document.get('issuer'))}, and TRIAGEDESK_OIDC_ISSUER is"
            f" {provider.issuer}: they have to be equal, up to the last slash",
        )
    _check_abilities(provider, document)
    methods = document.get("token_endpoint_auth_methods_supported")
    return Metadata(
        authorization_endpoint=_endpoint(provider, document, "authorization_endpoint"),
        token_endpoint=_endpoint(provider, document, "token_endpoint"),
        jwks_uri=_endpoint(provider, document, "jwks_uri"),
        end_session_endpoint=_optional_endpoint(provider, document, "end_session_endpoint"),
        sends_issuer=document.get("authorization_response_iss_parameter_supported") is True,
        takes_secret_in_form=isinstance(methods, list) and "client_secret_post" in methods,
    )


def _check_abilities(provider: IdentityProvider, document: Mapping[str, Any]) -> None:
    signatures = document.get("id_token_signing_alg_values_supported")
    if isinstance(signatures, list) and not any(one in SIGNATURES for one in signatures):
        raise _unusable(
            provider, f"offers no signature that is safe; these are: {', '.join(SIGNATURES)}"
        )
    challenges = document.get("code_challenge_methods_supported")
    if isinstance(challenges, list) and "S256" not in challenges:
        raise _unusable(provider, "does not support PKCE with S256")


def _endpoint(provider: IdentityProvider, document: Mapping[str, Any], name: str) -> str:
    url = _optional_endpoint(provider, document, name)
    if url is None:
        raise _unusable(provider, f"names no usable {name}")
    return url


def _optional_endpoint(
    provider: IdentityProvider, document: Mapping[str, Any], name: str
) -> str | None:
    """An address of the document; http only where the issuer itself is so."""
    url = document.get(name)
    try:
        parts = urlsplit(url) if isinstance(url, str) else None
        is_address = parts is not None and bool(parts.hostname) and not parts.fragment
    except ValueError:
        return None
    schemes = {"https", urlsplit(provider.issuer).scheme}
    if parts is None or not is_address or parts.scheme not in schemes:
        return None
    return url if isinstance(url, str) and url.isprintable() and " " not in url else None


def _unusable(provider: IdentityProvider, what: str) -> ProviderError:
    return ProviderError(provider, ProviderFault.NONSENSE, f"The provider's document {what}.")


def _shown(value: object) -> str:
    text = str(value)[:200]
    return "".join(char if char.isprintable() else "?" for char in text)
