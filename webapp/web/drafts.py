"""Drafts: what a browser keeps of a form until the server says that it was taken.

The browser gives each draft a random id and sends it along. Once what was typed is stored, the id
is noted in the cookie, and the pages that follow name it: only then does the browser forget the
draft. So nothing is lost where an answer never arrived.
"""

import re

from flask import request
from flask import session as cookie_session

DRAFT_FIELD = "draft"
TAKEN = "taken_drafts"
"""The key in the cookie for the ids of the drafts that were taken last."""

NAMED_AT_ONCE = 6


def sent_draft() -> str | None:
    """The id of the draft that the form was typed as; None if it is none."""
    text = request.form.get(DRAFT_FIELD, "")
    return text if re.fullmatch(r"[0-9a-f]{32}", text, re.ASCII) else None


def take_draft() -> None:
    """Note that what was typed is stored, so that the next pages say so."""
    draft = sent_draft()
    if draft is not None:
        others = [one for one in taken_drafts() if one != draft]
        cookie_session[TAKEN] = [*others, draft][-NAMED_AT_ONCE:]


def taken_drafts() -> list[str]:
    """The ids of the drafts that were taken last, for the browser to forget them."""
    return list(cookie_session.get(TAKEN, ()))
