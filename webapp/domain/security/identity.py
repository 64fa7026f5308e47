"""Who somebody is by the claims of an identity provider (OpenID Connect Core 1.0, section 5.1).

The claims were checked for coming from the provider; what stands in them is read with care all the
same, since people may fill some of them in themselves.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime

from webapp.domain.untrusted import clean_line

GOOGLE = "https://accounts.google.com"
ADDRESS_LENGTH = 254
MOST_VALUES = 5_000

_ADDRESS = re.compile(r"[^\s@]+@[^\s@]+\.[^\s@]+")
_GMAIL = ("@gmail.com", "@googlemail.com")


@dataclass(frozen=True, slots=True)
class ProvidedIdentity:
    """A person as the provider knows them.

    `issuer` and `subject` together never change and are never given to another person. `address`
    is in lower case, None where there is none; only where it `is_verified` has the provider made
    sure that it is theirs. `values` are those of the claim that gives roles.
    """

    issuer: str
    subject: str
    address: str | None
    is_verified: bool
    name: str | None
    values: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RoleValues:
    """Which values of the claim give which role; with several, the first of these counts."""

    admin: frozenset[str] = frozenset()
    helpdesk: frozenset[str] = frozenset()
    auditor: frozenset[str] = frozenset()


def read_auth_time(claims: Mapping[str, object]) -> datetime | None:
    """When the person last showed the provider who they are (UTC), by `auth_time`.

    None where the provider does not say, or nothing that can be read.
    """
    said = claims.get("auth_time")
    if not isinstance(said, int | float) or isinstance(said, bool):
        return None
    try:
        return datetime.fromtimestamp(said, UTC)
    except (ValueError, OverflowError, OSError):
        return None


def read_identity(claims: Mapping[str, object], roles_claim: str | None) -> ProvidedIdentity:
    """Read checked claims, whose `iss` and `sub` are texts. Never raises for what else they hold.

    Without an `email`, a `preferred_username` that looks like an address serves as one; it is
    never verified.
    """
    issuer, subject = str(claims["iss"]), str(claims["sub"])
    email = _address(claims.get("email"))
    return ProvidedIdentity(
        issuer=issuer,
        subject=subject,
        address=email or _address(claims.get("preferred_username")),
        is_verified=email is not None and _is_verified(issuer, email, claims),
        name=_name(claims),
        values=claim_values(claims, roles_claim) if roles_claim else frozenset(),
    )


def claim_values(claims: Mapping[str, object], path: str) -> frozenset[str]:
    """The texts of a claim that is one text or a list of them; empty for any other claim.

    `path` is a claim's whole name, which may have dots in it, or else names with dots between
    them: `realm_access.roles` is `roles` within `realm_access`.
    """
    found = claims.get(path)
    if path not in claims:
        found = claims
        for name in path.split("."):
            found = found.get(name) if isinstance(found, Mapping) else None
    if isinstance(found, str):
        return frozenset({found})
    texts = found[:MOST_VALUES] if isinstance(found, list) else []
    return frozenset(text for text in texts if isinstance(text, str))


def role_for(values: frozenset[str], role_values: RoleValues) -> str | None:
    """The role that values give: admin before helpdesk before auditor; None if none gives one."""
    if values & role_values.admin:
        return "admin"
    if values & role_values.helpdesk:
        return "helpdesk"
    return "auditor" if values & role_values.auditor else None


def _address(value: object) -> str | None:
    text = value.strip().lower() if isinstance(value, str) else ""
    is_address = len(text) <= ADDRESS_LENGTH and text.isprintable()
    return text if is_address and _ADDRESS.fullmatch(text) else None


def _is_verified(issuer: str, email: str, claims: Mapping[str, object]) -> bool:
    """Whether the provider vouches for the address.

    Entra ID sends no `email_verified`, and people may have got anything into `email` there; its
    optional claim `xms_edov` says that the tenant owns the domain. Google vouches for addresses
    of Gmail and of a Workspace (`hd`); of others, it only once did.
    """
    if "email_verified" not in claims:
        return _is_true(claims.get("xms_edov"))
    if not _is_true(claims["email_verified"]):
        return False
    return issuer != GOOGLE or email.endswith(_GMAIL) or bool(_text(claims.get("hd")))


def _is_true(value: object) -> bool:
    """Whether a claim is true; some providers write it as a text or a number."""
    return value is True or value in ("true", "True", "1") or (type(value) is int and value == 1)


def _name(claims: Mapping[str, object]) -> str | None:
    return next((name for name in _names(claims) if name), None)


def _names(claims: Mapping[str, object]) -> Iterator[str | None]:
    yield clean_line(_text(claims.get("name")))
    parts = (_text(claims.get("given_name")), _text(claims.get("family_name")))
    yield clean_line(" ".join(part for part in parts if part))
    yield clean_line(_text(claims.get("preferred_username")))


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
