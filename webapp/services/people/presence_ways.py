"""With what a person can show once more who they are, in a session that goes on."""

from dataclasses import dataclass

from webapp.services.lookups import get_user
from webapp.services.people.factors.second_step import list_ways
from webapp.services.people.sessions import Factor
from webapp.services.people.single_sign_on.own_ways import own_ways_of
from webapp.services.transactions import reading


@dataclass(frozen=True, slots=True)
class PresenceWays:
    """What a person has. `provider` is its name, None where they are not linked to it.

    Recovery codes are for signing in alone.
    """

    password: bool
    app: bool
    passkey: bool
    provider: str | None

    @property
    def is_anything_here(self) -> bool:
        """Whether there is something that Triagedesk itself can check."""
        return self.password or self.app or self.passkey


def read_presence_ways(user_id: int) -> PresenceWays:
    """What a person can show. Only reads. Raises NotFoundError."""
    with reading() as session:
        own = own_ways_of(session, get_user(session, user_id))
        factors = list_ways(session, user_id)
    return PresenceWays(
        password=own.can_type_password,
        app=Factor.APP in factors,
        passkey=Factor.PASSKEY in factors,
        provider=own.provider,
    )
