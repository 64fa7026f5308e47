"""The edition gate: the registry of integrations says which edition has which."""

from webapp.domain.integrations import ENTERPRISE_ONLY, HUNTRESS, has_provider
from webapp.extensions import current_config
from webapp.services.errors import RefusedError


class EditionError(RefusedError):
    """The integration is not part of this edition."""

    def __init__(self) -> None:
        super().__init__(ENTERPRISE_ONLY)


def has_integration(provider: str = HUNTRESS) -> bool:
    """Whether the integration is part of this edition; nothing else decides that."""
    return has_provider(current_config().edition, provider)


def require_enterprise() -> None:
    """Raise EditionError if the Huntress integration is not part of this edition."""
    if not has_integration():
        raise EditionError
