"""How one person can show who they are: with a password, at the provider."""

from dataclasses import dataclass

from sqlalchemy.orm import Session

from webapp.extensions import current_config
from webapp.models import User
from webapp.services.lookups import get_user
from webapp.services.people.single_sign_on.local_passwords import may_use_password
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class OwnWays:
    """What a person has. `provider` is its name, None where they are not linked to it."""

    has_password: bool
    may_use_password: bool
    provider: str | None

    @property
    def can_type_password(self) -> bool:
        """Whether there is a password that counts."""
        return self.has_password and self.may_use_password


def read_own_ways(user_id: int) -> OwnWays:
    """How a person can show who they are. Only reads. Raises NotFoundError."""
    with reading() as session:
        return own_ways_of(session, get_user(session, user_id))


def own_ways_of(session: Session, user: User) -> OwnWays:
    """read_own_ways() of a loaded user, within the caller's transaction."""
    settings = current_config().sign_on
    is_linked = settings is not None and user.oidc_issuer == settings.issuer
    return OwnWays(
        has_password=user.has_password,
        may_use_password=may_use_password(session, user),
        provider=settings.name if settings is not None and is_linked else None,
    )
