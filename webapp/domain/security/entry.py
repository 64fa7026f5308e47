"""Which account somebody gets into whom an identity provider has sent, and with which role."""

from dataclasses import dataclass
from enum import StrEnum

from webapp.domain.security.identity import ProvidedIdentity


class Way(StrEnum):
    """How somebody comes to an account."""

    KNOWN = "known"
    """It was linked to this identity before."""

    LINK = "link"
    """It has the same verified address and is linked to nobody: it is linked now."""

    CREATE = "create"
    """There is none; the claim gives a role, so it is made."""


class Refusal(StrEnum):
    """Why somebody does not get in, as sentences tell them."""

    DEACTIVATED = "deactivated"
    NO_ADDRESS = "no address"
    NO_ROLE_ANY_MORE = "no role any more"
    OTHER_IDENTITY = "other identity"
    UNKNOWN = "unknown"
    UNVERIFIED = "unverified"


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What of an account counts here.

    `is_role_provided` says that the provider gave the role at an earlier sign-in.
    """

    role: str
    is_active: bool = True
    is_linked: bool = False
    is_role_provided: bool = False
    is_last_admin: bool = False
    is_break_glass: bool = False


@dataclass(frozen=True, slots=True)
class AccountEntry:
    """Somebody gets in. `keeps_admin` says that the claim gave less to the last admin."""

    way: Way
    role: str
    is_role_provided: bool
    keeps_admin: bool = False


def decide_entry(
    identity: ProvidedIdentity,
    role: str | None,
    *,
    gives_roles: bool,
    known: AccountFacts | None,
    namesake: AccountFacts | None,
) -> AccountEntry | Refusal:
    """Decide about an identity to which the claim gives `role`, None if it gives none.

    `gives_roles` says whether there is such a claim at all; without one, roles stay as they are.
    `known` is the account that is linked to this very identity, `namesake` the one with its
    address. An account is linked only once and only by a verified address, so that whoever gets
    hold of an address, or of its name at the provider, does not get the account.
    """
    if known is not None:
        return _let_in(known, Way.KNOWN, role, gives_roles)
    if identity.address is None:
        return Refusal.UNKNOWN if role is None else Refusal.NO_ADDRESS
    if not identity.is_verified and (namesake is not None or role is None):
        return Refusal.UNVERIFIED  # the same where there is no such account: nothing is told
    if namesake is not None:
        if namesake.is_linked:
            return Refusal.OTHER_IDENTITY
        return _let_in(namesake, Way.LINK, role, gives_roles)
    return (
        Refusal.UNKNOWN if role is None else AccountEntry(Way.CREATE, role, is_role_provided=True)
    )


def _let_in(
    account: AccountFacts, way: Way, role: str | None, gives_roles: bool
) -> AccountEntry | Refusal:
    if not account.is_active:
        return Refusal.DEACTIVATED
    if role is None and gives_roles and account.is_role_provided and not account.is_break_glass:
        return Refusal.NO_ROLE_ANY_MORE
    if role is None or account.is_break_glass:
        return AccountEntry(way, account.role, account.is_role_provided)
    if account.is_last_admin and role != account.role:
        return AccountEntry(way, account.role, account.is_role_provided, keeps_admin=True)
    return AccountEntry(way, role, is_role_provided=True)
