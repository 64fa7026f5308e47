"""What people choose for themselves: colours and time zone."""

from zoneinfo import available_timezones

from webapp.models.user import User
from webapp.services.errors import FieldError
from webapp.services.lookups import get_user
from webapp.services.transactions import transaction

THEMES = ("auto", "light", "dark")


def set_theme(user_id: int, theme: str) -> User:
    """Store the colour theme, one of THEMES; raises FieldError, NotFoundError."""
    if theme not in THEMES:
        raise FieldError({"theme": f"The theme is one of {', '.join(THEMES)}."})
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        user.theme = theme
        return user


def set_time_zone(user_id: int, time_zone: str | None) -> User:
    """Store the time zone in which times are shown; None means UTC.

    Raises FieldError, NotFoundError.
    """
    if time_zone is not None and time_zone not in available_timezones():
        raise FieldError({"time_zone": "Choose a time zone of the list, such as Europe/Berlin."})
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        user.time_zone = time_zone
        return user
