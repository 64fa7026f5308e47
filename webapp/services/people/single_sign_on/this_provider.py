"""The identity provider of this installation."""

from dataclasses import replace
from functools import lru_cache

from webapp.config import Config, SignOnSettings
from webapp.domain.security.identity import RoleValues
from webapp.extensions import current_config
from webapp.outbound.identity.known_provider import KnownProvider
from webapp.outbound.identity.provider import IdentityProvider
from webapp.services.errors import NotFoundError

ANSWER_PATH = "/sign-in/single-sign-on/answer"
"""Where the provider sends people back; it is registered there and must never change."""


def sign_on_settings() -> SignOnSettings:
    """The settings; raises NotFoundError where there is no identity provider."""
    settings = current_config().sign_on
    if settings is None:
        raise NotFoundError("There is no single sign-on here.")
    return settings


def this_provider() -> KnownProvider:
    """The provider, with what this process knows of it. Raises NotFoundError."""
    sign_on_settings()
    return _known(describe_provider(current_config()))


def describe_provider(config: Config, *, seconds: float | None = None) -> IdentityProvider:
    """The provider of a configuration that has one; `seconds` limit each of its answers."""
    settings = config.sign_on
    if settings is None:
        raise NotFoundError("There is no single sign-on here.")
    provider = IdentityProvider(
        issuer=settings.issuer,
        client_id=settings.client_id,
        client_secret=settings.client_secret,
        redirect_uri=f"{config.public_url}{ANSWER_PATH}",
        name=settings.name,
        scopes=settings.scopes,
        outbound_hosts=config.outbound_hosts,
        ca_file=config.outbound_ca_file,
    )
    return provider if seconds is None else replace(provider, seconds=seconds)


def role_values(settings: SignOnSettings) -> RoleValues:
    """Which values of the claim give which role."""
    return RoleValues(
        frozenset(settings.admin_values),
        frozenset(settings.helpdesk_values),
        frozenset(settings.auditor_values),
    )


@lru_cache(maxsize=8)
def _known(provider: IdentityProvider) -> KnownProvider:
    return KnownProvider(provider)
