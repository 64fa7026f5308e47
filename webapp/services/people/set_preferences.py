"""What people choose for themselves: colours, time zone, how open pages call them."""

from collections.abc import Iterable, Mapping
from typing import Any
from zoneinfo import available_timezones

from webapp.models.user import User
from webapp.services.errors import FieldError
from webapp.services.lookups import get_user
from webapp.services.transactions import transaction

THEMES = ("auto", "light", "dark")
UTC_NAME = "UTC"
CALLS = ("notification", "sound")
"""How a page that is open can call a person to a new critical ticket."""
AREAS = (
    *("Africa", "America", "Antarctica", "Arctic", "Asia", "Atlantic", "Australia", "Europe"),
    *("Indian", "Pacific"),
)
"""What the names begin with that are offered; the others are old names of the same zones."""


def list_time_zones() -> list[str]:
    """The names of the zones to choose from, UTC first."""
    return [UTC_NAME, *sorted(one for one in available_timezones() if one.split("/")[0] in AREAS)]


def find_time_zone(typed: str | None) -> str | None:
    """The name of the zone that is meant by a name or by a city; None for UTC or nothing typed.

    Raises FieldError.
    """
    wanted = "_".join((typed or "").split()).lower()
    if wanted in ("", UTC_NAME.lower()):
        return None
    zones = [one for one in available_timezones() if "/" in one]
    named = [one for one in zones if one.lower() == wanted]
    cities = [one for one in list_time_zones() if one.lower().endswith(f"/{wanted}")]
    if not named and len(cities) != 1:
        raise FieldError({"time_zone": "Choose a time zone from the list, such as Europe/Berlin."})
    return (named or cities)[0]


def zone_of_browser(sent: str | None) -> str | None:
    """The zone that a browser says it is in; None for UTC and for anything that is no zone."""
    try:
        return find_time_zone(sent)
    except FieldError:
        return None


def set_theme(user_id: int, theme: str) -> User:
    """Store the colour theme, one of THEMES; raises FieldError, NotFoundError."""
    if theme not in THEMES:
        raise FieldError({"theme": f"The theme is one of {', '.join(THEMES)}."})
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        user.theme = theme
        return user


def set_time_zone(user_id: int, typed: str | None) -> User:
    """Store the time zone in which times are shown, as `find_time_zone` reads it.

    Raises FieldError, NotFoundError.
    """
    time_zone = find_time_zone(typed)
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        user.time_zone = time_zone
        return user


def calls_of(settings: Mapping[str, Any] | None) -> tuple[str, ...]:
    """The CALLS in a person's `live_settings`."""
    chosen = (settings or {}).get("calls", ())
    return tuple(name for name in CALLS if name in chosen)


def set_calls(user_id: int, chosen: Iterable[str]) -> User:
    """Store how open pages call a person, some of CALLS; others are left out.

    Raises NotFoundError.
    """
    wanted = set(chosen)
    with transaction() as session:
        user = get_user(session, user_id, lock=True)
        user.live_settings = {"calls": [name for name in CALLS if name in wanted]}
        return user
