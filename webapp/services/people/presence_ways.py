"""With what a person can show who they are: a password, a factor, at the provider."""

from dataclasses import dataclass

from webapp.extensions import current_config
from webapp.services.lookups import get_user
from webapp.services.people.factors.second_step import list_ways
from webapp.services.people.sessions import Factor
from webapp.services.people.single_sign_on.local_passwords import may_use_password
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class PresenceWays:
    """What a person has. `provider` is its name, None where they are not linked to it.

    `may_use_password` says whether a password of theirs would count. Recovery codes are for
    signing in alone.
    """

    has_password: bool
    may_use_password: bool
    app: bool
    passkey: bool
    provider: str | None

    @property
    def password(self) -> bool:
        """Whether there is a password that counts."""
        return self.has_password and self.may_use_password

    @property
    def is_anything_here(self) -> bool:
        """Whether there is something that Triagedesk itself can check."""
        return self.password or self.app or self.passkey


def read_presence_ways(user_id: int) -> PresenceWays:
    """What a person can show. Only reads. Raises NotFoundError."""
    settings = current_config().sign_on
    with reading() as session:
        user = get_user(session, user_id)
        factors = list_ways(session, user.id)
        is_linked = settings is not None and user.oidc_issuer == settings.issuer
        return PresenceWays(
            has_password=user.has_password,
            may_use_password=may_use_password(session, user),
            app=Factor.APP in factors,
            passkey=Factor.PASSKEY in factors,
            provider=settings.name if settings is not None and is_linked else None,
        )
