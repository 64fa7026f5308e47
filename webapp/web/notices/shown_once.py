"""A signing secret that was made just now: held in the admin's cookie until its page shows it."""

from flask import session as cookie_session

_KEY = "signing_secret"


def hold_secret(target_id: int, secret: str) -> None:
    """Keep a new secret for the next page of its target."""
    cookie_session[_KEY] = {"target_id": target_id, "secret": secret}


def take_secret(target_id: int) -> str | None:
    """Return the secret that is held for this target, once."""
    held = cookie_session.get(_KEY) or {}
    if held.get("target_id") != target_id:
        return None
    cookie_session.pop(_KEY)
    return str(held["secret"])
