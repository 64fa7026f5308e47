"""People who take turns, and their contact methods."""

from collections.abc import Sequence
from datetime import datetime

from webapp import clock
from webapp.models import Target, User
from webapp.services.on_call.edit_rotation import RotationValues, set_rotation
from webapp.services.transactions import transaction

BERLIN = "Europe/Berlin"


def add_user_row(name: str, *, role: str = "helpdesk", is_active: bool = True) -> int:
    """Store a user called `name`; returns the id."""
    with transaction() as session:
        user = User(
            email=f"{name.lower()}@example.com",
            name=name,
            role=role,
            password_hash="!",
            is_active=is_active,
            created_at=clock.utcnow(),
        )
        session.add(user)
        session.flush()
        return user.id


def add_contact(
    user_id: int, *, confirmed_at: datetime | None, paused_at: datetime | None = None
) -> int:
    """Store a contact method of a person; returns the id."""
    with transaction() as session:
        target = Target(
            name=f"of {user_id}",
            kind="mail",
            user_id=user_id,
            settings={},
            created_at=clock.utcnow(),
            confirmed_at=confirmed_at,
            paused_at=paused_at,
        )
        session.add(target)
        session.flush()
        return target.id


def weekly(people: Sequence[int], *, zone: str = BERLIN, at: str = "09:00") -> RotationValues:
    """A rotation that hands over on Mondays."""
    return RotationValues("weekly", 0, at, zone, people)


def rotate(*people: int) -> None:
    """Set a weekly rotation of these people."""
    set_rotation(weekly(people))
