"""Checking an ID token (OpenID Connect Core 1.0, section 3.1.3.7)."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

from authlib.oidc.core import CodeIDToken
from joserfc import jws, jwt
from joserfc.errors import ClaimError, JoseError
from joserfc.jws import JWSRegistry

from webapp.outbound.identity.discovery import SIGNATURES
from webapp.outbound.identity.known_provider import KnownProvider
from webapp.outbound.identity.provider import ProviderError, ProviderFault

LEEWAY_SECONDS = 120
SUBJECT_LENGTH = 255

_TIMES = ("exp", "nbf", "iat")
_YEAR_5138 = 1e11
_BROKEN = (JoseError, ValueError, TypeError, AttributeError, KeyError, RecursionError)
"""What the libraries raise for tokens that are none, or whose parts are of other types."""


def check_id_token(
    known: KnownProvider, token: str, *, nonce: str, access_token: str | None, now: datetime
) -> Mapping[str, Any]:
    """Return the claims of a token that the provider made for us, for this very sign-in, just now.

    Checks the signature by the provider's keys, `iss`, `aud`, `azp`, `exp`, `nbf`, `iat`, `nonce`
    and, where the token has one, `at_hash`; clocks may differ by two minutes. `iss` and `sub` are
    texts. Raises ProviderError: CLOCK where a time does not fit, else TOKEN.
    """
    found = _verified(known, token)
    claims = CodeIDToken(
        found.claims,
        found.header,
        options={
            "iss": {"essential": True, "value": known.provider.issuer},
            "aud": {"essential": True, "value": known.provider.client_id},
            "sub": {"essential": True},
        },
        params={
            "nonce": nonce,
            "client_id": known.provider.client_id,
            "access_token": access_token,
        },
    )
    try:
        claims.validate(now=int(now.timestamp()), leeway=LEEWAY_SECONDS)
    except ClaimError as error:
        raise _refused(known, error, found.claims, now) from error
    except _BROKEN as error:
        raise _unconfirmed(known, f"cannot be read ({type(error).__name__})") from error
    if len(claims["sub"]) > SUBJECT_LENGTH:
        raise _unconfirmed(known, f"has a sub of more than {SUBJECT_LENGTH} characters")
    return dict(claims)


def _verified(known: KnownProvider, token: str) -> jwt.Token:
    """The token, signed by one of the provider's keys; its own header chooses among them at most.

    Keys that the header brings along or points to are never used.
    """
    # Parameters that are not known here are to be ignored (RFC 7515, section 4), but for `crit`.
    registry = JWSRegistry(algorithms=SIGNATURES, strict_check_header=False)
    try:
        header = jws.extract_compact(token.encode(), None, registry).headers()
        signature = header["alg"]
        if signature not in SIGNATURES:
            raise _unconfirmed(known, f"is not signed by a key of the provider ({signature!r:.40})")
    except _BROKEN as error:
        raise _unconfirmed(known, f"is no signed token ({type(error).__name__})") from error
    keys = known.keys(header.get("kid"))
    for key in keys:
        try:
            return jwt.decode(token, key, registry=registry)
        except _BROKEN:
            continue
    what = "does not fit any of its keys" if keys else "names a key that it does not list"
    raise _unconfirmed(known, f"has a signature that {what}")


def _refused(
    known: KnownProvider, error: ClaimError, claims: Mapping[str, Any], now: datetime
) -> ProviderError:
    issued = claims.get("iat")
    is_about_time = error.claim in _TIMES and _is_time(issued) and _is_time(claims.get(error.claim))
    if is_about_time and isinstance(issued, int | float):
        seconds = round(issued - now.timestamp())
        words = f"It was issued {abs(seconds)} s {'after' if seconds > 0 else 'before'} our time"
        detail = f"The ID token's {error.claim} does not fit. {words}: look at both clocks."
        return ProviderError(known.provider, ProviderFault.CLOCK, detail)
    return _unconfirmed(known, f"has a wrong or no {error.claim}")


def _is_time(value: object) -> bool:
    return type(value) in (int, float) and abs(value) < _YEAR_5138  # type: ignore[arg-type]


def _unconfirmed(known: KnownProvider, what: str) -> ProviderError:
    return ProviderError(known.provider, ProviderFault.TOKEN, f"The ID token {what}.")
