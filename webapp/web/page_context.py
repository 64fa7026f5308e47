"""The values and functions that every template can use."""

import base64
import hmac
from collections.abc import Iterable
from functools import lru_cache
from hashlib import sha256
from typing import Any

from flask import Flask
from markupsafe import Markup, escape

from webapp.domain.runbooks.runbook_text import RUNBOOK_LENGTH
from webapp.domain.search_query import SEARCH_LENGTH
from webapp.domain.ticket_text import TITLE_LENGTH
from webapp.domain.triage.indicator_kinds import LONGEST_VALUE
from webapp.domain.triage.subjects import SUBJECT_NAME_LENGTH
from webapp.domain.triage.ticket_link import LINK_NUMBER_LENGTH
from webapp.extensions import current_config
from webapp.models.columns import NAME_LENGTH
from webapp.models.connection import BASE_URL_LENGTH
from webapp.models.sign_in import SecurityNote
from webapp.models.ticket import URL_LENGTH, WAITING_REASON_LENGTH
from webapp.services.people.security_notes import unseen_notes
from webapp.services.people.set_preferences import THEMES
from webapp.services.polling.manage_polling import PAUSE_REASON_LENGTH
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.tickets.ticket_fields import DESCRIPTION_LENGTH
from webapp.web.drafts import taken_drafts
from webapp.web.viewer import Viewer, current_viewer

LIMITS = {
    "base_url": BASE_URL_LENGTH,
    "credential": 500,
    "pause_reason": PAUSE_REASON_LENGTH,
    "indicator": LONGEST_VALUE,
    "link_number": LINK_NUMBER_LENGTH,
    "description": DESCRIPTION_LENGTH,
    "name": NAME_LENGTH,
    "note": NOTE_LENGTH,
    "runbook": RUNBOOK_LENGTH,
    "search": SEARCH_LENGTH,
    "subject": SUBJECT_NAME_LENGTH,
    "title": TITLE_LENGTH,
    "url": URL_LENGTH,
    "waiting_reason": WAITING_REASON_LENGTH,
}
"""The length limits that fields state; the services refuse or cut longer values."""


def init_page_context(app: Flask) -> None:
    """Give templates the viewer, the themes, the limits, and whether this is the demo."""
    app.jinja_env.trim_blocks = True
    app.jinja_env.lstrip_blocks = True
    app.jinja_env.globals["limits"] = LIMITS
    app.add_template_global(option_pairs)
    app.add_template_global(select_options)

    @app.context_processor
    def _shared() -> dict[str, object]:
        return {
            "viewer": current_viewer(),
            "security_notes": _security_notes,
            "draft_key": _draft_key,
            "taken_drafts": taken_drafts,
            "themes": THEMES,
            "is_demo": current_config().is_demo,
        }


def _draft_key() -> str:
    """The key (base64, 256 bits) with which a browser encrypts what the viewer has not sent yet.

    It is the same in every session of a person, so that typing survives one that has expired.
    """
    viewer = current_viewer()
    owner = f"drafts of user {viewer.id}" if isinstance(viewer, Viewer) else ""
    key = hmac.digest(current_config().secret_key.encode(), owner.encode(), sha256)
    return base64.b64encode(key).decode()


def _security_notes() -> list[SecurityNote]:
    viewer = current_viewer()
    return unseen_notes(viewer.id) if isinstance(viewer, Viewer) and viewer.has_notes else []


def option_pairs(rows: Iterable[Any]) -> list[tuple[int, str]]:
    """Rows with an id and a name as (value, words) pairs for a selection."""
    return [(row.id, row.name) for row in rows]


def select_options(pairs: Iterable[tuple[object, str]], chosen: object) -> Markup:
    """The escaped options of a selection; this is fast even for thousands of them."""
    value = f'value="{escape(str(chosen))}"'  # stands in no words: their quotes are escaped
    plain = tuple((str(one), str(words)) for one, words in pairs)
    html = _options(plain).replace(f"{value}>", f"{value} selected>")
    return Markup(html)  # noqa: S704 - all parts are escaped


@lru_cache(maxsize=32)
def _options(pairs: tuple[tuple[str, str], ...]) -> str:
    """None of them is chosen. Most selections offer what they offered a moment ago."""
    return "".join(
        f'<option value="{escape(value)}">{escape(words)}</option>' for value, words in pairs
    )
