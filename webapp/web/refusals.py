"""Putting on record that a request was refused; whoever asked is told by an error page."""

from flask import request

from webapp.services.audit_trail.record_aside import record_refusal
from webapp.web.viewer import Viewer, current_viewer

FORBIDDEN = "forbidden"
CROSS_SITE = "sent by another site"
NO_TOKEN = "the form had expired"  # noqa: S105 - it is words
UNKNOWN_PAGE = "unknown page"


def note_refusal(status: int, why: str) -> None:
    """Record a refusal of the present request, once, by the page's rule and not by its address."""
    viewer = current_viewer()
    record_refusal(
        status=status,
        page=request.url_rule.rule if request.url_rule is not None else UNKNOWN_PAGE,
        why=why,
        actor_id=viewer.id if isinstance(viewer, Viewer) else None,
        address=request.remote_addr,
    )
