"""Signing in with an identity provider (OpenID Connect), and what is left of passwords then."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from ipaddress import ip_address
from urllib.parse import SplitResult

from webapp.config.env import PREFIX, ConfigError, read_value, read_words, split_url

DEFAULT_SCOPES = ("openid", "email", "profile")
DISCOVERY_PATH = "/.well-known/openid-configuration"
NAME_SHOWN = 40
SETTINGS = (
    "OIDC_CLIENT_ID",
    "OIDC_CLIENT_SECRET",
    "OIDC_NAME",
    "OIDC_SCOPES",
    "OIDC_ROLES_CLAIM",
    "OIDC_ADMIN_VALUES",
    "OIDC_HELPDESK_VALUES",
    "OIDC_AUDITOR_VALUES",
)
"""What means nothing without OIDC_ISSUER."""

_ENTRA_HOST = "login.microsoftonline.com"
_ENTRA_SHARED = ("common", "organizations", "consumers")


class LocalPasswords(StrEnum):
    """Whose passwords are taken where there is an identity provider."""

    ON = "on"
    BREAK_GLASS = "break-glass"


@dataclass(frozen=True, slots=True)
class SignOnSettings:
    """The identity provider, who we are to it, and what its roles mean.

    `roles_claim` is the name of a claim, or a path of names with dots between them. The values
    give a role to whoever has one of them; they are empty where there is no claim.
    """

    issuer: str
    client_id: str
    client_secret: str = field(repr=False)
    name: str = "single sign-on"
    scopes: tuple[str, ...] = DEFAULT_SCOPES
    roles_claim: str | None = None
    admin_values: tuple[str, ...] = ()
    helpdesk_values: tuple[str, ...] = ()
    auditor_values: tuple[str, ...] = ()
    local_passwords: LocalPasswords = LocalPasswords.ON


def read_sign_on(env: Mapping[str, str], public_url: str | None) -> SignOnSettings | None:
    """Read and check the settings; None without an issuer. Raises ConfigError with a hint."""
    issuer = read_value(env, "OIDC_ISSUER")
    passwords = _local_passwords(env)
    if issuer is None:
        _refuse_without_issuer(env, passwords)
        return None
    _check_issuer(issuer)
    _check_public_url(public_url)
    settings = SignOnSettings(
        issuer=issuer,
        client_id=_required(env, "OIDC_CLIENT_ID"),
        client_secret=_required(env, "OIDC_CLIENT_SECRET"),
        name=_name(env),
        scopes=_scopes(env),
        roles_claim=read_value(env, "OIDC_ROLES_CLAIM"),
        admin_values=_values(env, "OIDC_ADMIN_VALUES"),
        helpdesk_values=_values(env, "OIDC_HELPDESK_VALUES"),
        auditor_values=_values(env, "OIDC_AUDITOR_VALUES"),
        local_passwords=passwords,
    )
    _check_roles(settings)
    return settings


def _local_passwords(env: Mapping[str, str]) -> LocalPasswords:
    text = (read_value(env, "LOCAL_PASSWORDS") or LocalPasswords.ON).lower()
    try:
        return LocalPasswords(text)
    except ValueError as error:
        raise ConfigError(
            f"{PREFIX}LOCAL_PASSWORDS is {text!r}.", f"It is one of {', '.join(LocalPasswords)}."
        ) from error


def _refuse_without_issuer(env: Mapping[str, str], passwords: LocalPasswords) -> None:
    given = next((name for name in SETTINGS if read_value(env, name) is not None), None)
    if passwords is not LocalPasswords.ON:
        given = "LOCAL_PASSWORDS"
    if given is not None:
        raise ConfigError(
            f"{PREFIX}{given} is set, and {PREFIX}OIDC_ISSUER is not.",
            "It names the identity provider; docs/single-sign-on.md has it for each of them.",
        )


def _check_issuer(issuer: str) -> None:
    parts = split_url(issuer)
    if parts is None or not _is_safe(parts):
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is {issuer[:200]!r}.",
            "It is an https address such as https://accounts.google.com; http is for a provider"
            " on this machine alone.",
        )
    if DISCOVERY_PATH in issuer:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER ends with {DISCOVERY_PATH}.",
            "Leave that off: the issuer is what the document at this address names as such.",
        )
    if parts.query or parts.fragment or "@" in parts.netloc or len(issuer) > 500:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is no issuer: {issuer[:200]!r}.",
            "It has no user, question mark or #, and at most 500 characters.",
        )
    tenant = parts.path.strip("/").partition("/")[0]
    if parts.hostname == _ENTRA_HOST and tenant in _ENTRA_SHARED:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is for accounts of every tenant.",
            f"Use your own: https://{_ENTRA_HOST}/<Directory (tenant) ID>/v2.0",
        )


def _check_public_url(public_url: str | None) -> None:
    parts = split_url(public_url or "")
    if parts is None:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is set, and {PREFIX}PUBLIC_URL is not.",
            "The identity provider sends people back there; set it to the address they open.",
        )
    if not _is_safe(parts):
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is set, and {PREFIX}PUBLIC_URL is {public_url!r}.",
            "Whoever signs in comes back there with a code, so it has to be an https address.",
        )


def _is_safe(parts: SplitResult) -> bool:
    """Whether it is https, or http to this machine itself."""
    return parts.scheme == "https" or (parts.scheme == "http" and _is_loopback(parts.hostname))


def _is_loopback(host: str | None) -> bool:
    try:
        return host == "localhost" or ip_address(host or "").is_loopback
    except ValueError:
        return False


def _required(env: Mapping[str, str], name: str) -> str:
    value = read_value(env, name)
    if value is None:
        raise ConfigError(
            f"{PREFIX}OIDC_ISSUER is set, and {PREFIX}{name} is not.",
            "The identity provider shows it where Triagedesk was registered; a secret may come"
            f" from a file ({PREFIX}OIDC_CLIENT_SECRET_FILE).",
        )
    return value


def _name(env: Mapping[str, str]) -> str:
    name = " ".join((read_value(env, "OIDC_NAME") or "single sign-on").split())
    if len(name) > NAME_SHOWN or not name.isprintable():
        raise ConfigError(
            f"{PREFIX}OIDC_NAME has more than {NAME_SHOWN} characters, or some that cannot be"
            " shown.",
            'It stands on the button "Sign in with …".',
        )
    return name


def _scopes(env: Mapping[str, str]) -> tuple[str, ...]:
    scopes = read_words(env, "OIDC_SCOPES") or DEFAULT_SCOPES
    if "openid" not in scopes:
        raise ConfigError(
            f"{PREFIX}OIDC_SCOPES has no openid.",
            f"Without it nobody is named. The default is {' '.join(DEFAULT_SCOPES)}.",
        )
    return scopes


def _values(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """Values with commas between them; names of groups may hold spaces."""
    parts = re.split(r"[,\n]", read_value(env, name) or "")
    return tuple(value for part in parts if (value := part.strip()))


def _check_roles(settings: SignOnSettings) -> None:
    lists = (settings.admin_values, settings.helpdesk_values, settings.auditor_values)
    if settings.roles_claim is None and any(lists):
        raise ConfigError(
            f"Values are given for roles, and {PREFIX}OIDC_ROLES_CLAIM is not set.",
            "It names the claim that holds them, such as groups, roles or realm_access.roles.",
        )
    if settings.roles_claim is not None and not any(lists):
        raise ConfigError(
            f"{PREFIX}OIDC_ROLES_CLAIM is set, and no value gives a role.",
            f"Set {PREFIX}OIDC_ADMIN_VALUES, {PREFIX}OIDC_HELPDESK_VALUES or"
            f" {PREFIX}OIDC_AUDITOR_VALUES.",
        )
    if twice := _given_twice(lists):
        raise ConfigError(
            f"{twice!r} is among the values of two roles.", "Each value gives one role."
        )


def _given_twice(lists: Sequence[tuple[str, ...]]) -> str | None:
    seen: set[str] = set()
    for values in map(set, lists):
        if both := seen & values:
            return min(both)
        seen |= values
    return None
