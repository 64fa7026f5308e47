"""The edition gate: the Huntress integration belongs to Enterprise."""

from webapp.extensions import current_config
from webapp.services.errors import RefusedError


class EditionError(RefusedError):
    """The integration is not part of this edition."""

    def __init__(self) -> None:
        super().__init__("The Huntress security integration is an Enterprise feature.")


def require_enterprise() -> None:
    """Raise EditionError if the Huntress integration is not part of this edition."""
    if not current_config().is_enterprise:
        raise EditionError
