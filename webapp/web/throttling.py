"""Counting tries at passwords and codes; a page says how long to wait. Limits of requests."""

from collections.abc import Callable, Sequence
from typing import Any

from flask import Response, make_response

from webapp.extensions import limiter
from webapp.services.people.throttle import (
    AttemptKey,
    ThrottledError,
    release_attempt,
    reserve_attempt,
)

TOO_MANY = 429
TOKENS = "10 per minute; 100 per hour"
"""Tries at the tokens of set-up and of links, which have 128 random bits."""


def _has_failed(response: Response) -> bool:
    return response.status_code >= 400


throttled = limiter.limit(TOKENS, methods=["POST"], deduct_when=_has_failed)
link_throttled = limiter.limit(TOKENS, methods=["GET", "POST"], deduct_when=_has_failed)


def count_try(keys: Sequence[AttemptKey], check: Callable[[], Any]) -> Any:
    """Count a try, then return what `check` returns; a check that raises counts as failed.

    Raises ThrottledError before anything is checked.
    """
    reserve_attempt(keys)
    result = check()
    release_attempt(keys)
    return result


def wait_page(page: str, error: ThrottledError) -> Response:
    """A page that shows `error`, with the seconds to wait for machines (RFC 9110, 10.2.3)."""
    response = make_response(page, TOO_MANY)
    response.headers["Retry-After"] = str(error.retry_after)
    return response
