"""The token with which a monitor reads more than whether all is well."""

from hmac import compare_digest

from flask import request

from webapp.extensions import current_config


def has_metrics_token() -> bool:
    """Whether the request carries the configured token."""
    wanted, given = current_config().metrics_token, request.authorization
    if wanted is None or given is None or given.type != "bearer" or given.token is None:
        return False
    return compare_digest(given.token.encode(), wanted.encode())
