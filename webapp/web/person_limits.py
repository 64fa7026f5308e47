"""How often one person may ask for what takes long; a page says how long to wait.

What is counted here keeps processors and Huntress's calls free for the others. Guesses at passwords
and codes are counted elsewhere (`throttling.py`).
"""

import weakref
from collections.abc import Callable
from functools import wraps
from threading import BoundedSemaphore
from typing import Any, TypeVar

from flask import Response, flash, make_response, request
from flask_limiter import RequestLimit
from werkzeug.exceptions import TooManyRequests

from webapp.extensions import limiter
from webapp.web.answers import wants_part
from webapp.web.viewer import require_viewer

View = TypeVar("View", bound=Callable[..., Any])

EXPORTS = "20 per minute; 100 per hour"
TEXT_PREVIEWS = "60 per minute"
POLICY_PREVIEWS = "20 per minute"
HUNTRESS_CALLS = "10 per minute"
POLLS = "10 per minute; 60 per hour"
UPLOADS = "60 per minute; 600 per hour"
TRIALS = "10 per minute; 60 per hour"

EXPORTS_AT_ONCE = 2
"""In each process of the web server, which has four threads: the others go on serving pages."""

EXPORT_SECONDS = 10
"""About how long an export of 90,000 tickets takes."""

_slots = BoundedSemaphore(EXPORTS_AT_ONCE)


def _person() -> str:
    return f"person {require_viewer().id}"


def _tell_in_part(words: str) -> Callable[[RequestLimit], Response | None]:
    """For a button whose answer is a part of the page: the page comes again, with `words`."""

    def tell(_limit: RequestLimit) -> Response | None:
        if not wants_part():
            return None
        flash(words, "warning")
        response = make_response("", TooManyRequests.code)
        response.headers["HX-Refresh"] = "true"
        return response

    return tell


def _per_person(
    scope: str,
    amount: str,
    words: str,
    *,
    applies: Callable[[], bool] = lambda: True,
    tells_in_part: bool = False,
) -> Callable[[View], View]:
    """Let one person do so much, over all routes of the same `scope`.

    It stands below the access rule: somebody has to be signed in. Only requests that it `applies`
    to count.
    """
    limit: Callable[[View], View] = limiter.shared_limit(  # type: ignore[assignment]  # as it is used
        amount,
        scope,
        key_func=_person,
        error_message=words,
        exempt_when=lambda: not applies(),
        on_breach=_tell_in_part(words) if tells_in_part else None,
    )
    return limit


def _is_text_preview() -> bool:
    return request.endpoint == "tickets.preview" or "preview" in request.form


def _is_policy_preview() -> bool:
    return request.args.get("preview") == "yes" or request.form.get("action") == "preview"


_exports = _per_person(
    "exports", EXPORTS, "One person can make 20 exports in a minute, and 100 in an hour."
)
text_previews = _per_person(
    "text previews",
    TEXT_PREVIEWS,
    "One person can have 60 previews of a text in a minute.",
    applies=_is_text_preview,
)
policy_previews = _per_person(
    "policy previews",
    POLICY_PREVIEWS,
    "One person can try policies on the past month 20 times in a minute.",
    applies=_is_policy_preview,
)
huntress_calls = _per_person(
    "calls to Huntress",
    HUNTRESS_CALLS,
    "One person can have organizations synced, or a first poll previewed, 10 times in a minute.",
    applies=lambda: request.method == "POST",
)
polls = _per_person(
    "polls",
    POLLS,
    "One person can ask for 10 polls in a minute, and for 60 in an hour.",
    tells_in_part=True,
)
uploads = _per_person(
    "uploads",
    UPLOADS,
    "One person can add files 60 times in a minute, and 600 times in an hour.",
    applies=lambda: bool(request.files),
)
trials = _per_person(
    "trials",
    TRIALS,
    "One person can start 10 tests, drills and proofs in a minute, and 60 in an hour.",
)


def exporting(view: View) -> View:
    """Limit a route that sends a whole file: how often a person asks, and how many run at once.

    A place among those that run is given back when the answer has been sent, or given up.
    """

    @wraps(view)
    def limited(*args: Any, **kwargs: Any) -> Response:
        if not _slots.acquire(blocking=False):
            raise TooManyRequests(
                f"{EXPORTS_AT_ONCE} exports are being made just now.", retry_after=EXPORT_SECONDS
            )
        try:
            response = make_response(view(*args, **kwargs))
        except BaseException:
            _slots.release()
            raise
        # At most once, be it at the end of the answer or when nobody holds it any more.
        response.call_on_close(weakref.finalize(response, _slots.release))
        return response

    return _exports(limited)  # type: ignore[return-value]
