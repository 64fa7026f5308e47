"""An installation that signs people in with the mock provider."""

from dataclasses import replace
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from flask import Flask

from tests.support.security.oidc_provider import CLIENT_ID, OidcProvider
from webapp.config import LocalPasswords, SignOnSettings

DESK = "https://desk.example.com"
ROLES = {
    "roles_claim": "groups",
    "admin_values": ("Admins",),
    "helpdesk_values": ("Helpdesk",),
    "auditor_values": ("Auditors",),
}
"""Settings with which the claim `groups` gives roles."""
BREAK_GLASS = {"local_passwords": LocalPasswords.BREAK_GLASS}


def sign_on_with(provider: OidcProvider, **changes: Any) -> SignOnSettings:
    """Settings that fit the provider."""
    values = {"name": "Mock", "client_secret": provider.client_secret, **changes}
    return SignOnSettings(issuer=provider.issuer, client_id=CLIENT_ID, **values)


def configure(
    app: Flask, provider: OidcProvider, *, public_url: str = DESK, **changes: Any
) -> SignOnSettings:
    """Let the app use the provider from now on, with these settings."""
    config = app.extensions["triagedesk_config"]
    settings = sign_on_with(provider, **changes)
    app.extensions["triagedesk_config"] = replace(config, sign_on=settings, public_url=public_url)
    return settings


def parameters_of(url: str) -> dict[str, str]:
    """The parameters of an address."""
    return dict(parse_qsl(urlsplit(url).query, keep_blank_values=True))
