"""The provider's public keys (JSON Web Key Set, RFC 7517)."""

from collections.abc import Mapping
from typing import Any

from joserfc.errors import JoseError
from joserfc.jwk import ECKey, RSAKey

from webapp.outbound.identity.exchange import fetch_document
from webapp.outbound.identity.provider import IdentityProvider, ProviderError, ProviderFault

SigningKey = RSAKey | ECKey
LEAST_RSA_BITS = 2048
MOST_KEYS = 50

_PUBLIC = ("kty", "kid", "n", "e", "crv", "x", "y")
_KINDS: Mapping[str, type[SigningKey]] = {"RSA": RSAKey, "EC": ECKey}


def fetch_keys(provider: IdentityProvider, jwks_uri: str) -> list[SigningKey]:
    """Fetch the keys that may have signed a token. Raises ProviderError, also for an empty list.

    Shared secrets, keys for encryption, RSA keys under 2048 bits and what is no key are left out.
    """
    listed = fetch_document(provider, jwks_uri).get("keys")
    entries = listed[:MOST_KEYS] if isinstance(listed, list) else []
    keys = [key for entry in entries if (key := _key(entry)) is not None]
    if not keys:
        detail = "The provider's key set holds no key that could have signed a token."
        raise ProviderError(provider, ProviderFault.NONSENSE, detail)
    return keys


def keys_for(keys: list[SigningKey], key_id: object) -> list[SigningKey]:
    """The keys with this id; a token that names none is checked with all that have none either,
    or with the only one that there is.
    """
    if key_id is not None:
        return [key for key in keys if key.kid == key_id]
    return keys if len(keys) == 1 else [key for key in keys if key.kid is None]


def _key(entry: object) -> SigningKey | None:
    kind = _KINDS.get(str(entry.get("kty"))) if isinstance(entry, dict) else None
    if kind is None or not isinstance(entry, dict) or entry.get("use", "sig") != "sig":
        return None
    try:
        key = kind.import_key(_public(entry))
        is_long = not isinstance(key, RSAKey) or key.public_key.key_size >= LEAST_RSA_BITS
    except (JoseError, ValueError, TypeError, KeyError, OverflowError):
        return None
    return key if is_long else None


def _public(entry: dict[str, Any]) -> dict[str, Any]:
    """Only what makes the public key, and its id: nothing else is of use here."""
    return {
        name: entry[name] for name in ("kty", "kid", "n", "e", "crv", "x", "y") if name in entry
    }
