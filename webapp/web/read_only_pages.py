"""Pages for auditors: forms that they may not send are shown with all their fields switched off.

Buttons that only lead to such a form are left out. What may be sent is decided by the access rule
of the address, as it is when something is sent there.
"""

import re
from html import unescape
from urllib.parse import urlsplit

from flask import Flask, Response, current_app, request
from werkzeug.exceptions import HTTPException
from werkzeug.routing import RequestRedirect

from webapp.web.access import access_of, is_allowed
from webapp.web.viewer import Viewer, current_viewer

_FORM = re.compile(r"<form\b[^>]*>.*?</form>", re.DOTALL)
_POSTS = re.compile(r'<form\b[^>]*\bmethod="post"[^>]*>', re.IGNORECASE)
_ACTION = re.compile(r'\baction="([^"]*)"')
_ID = re.compile(r'\bid="([^"]*)"')
_SCRIPTED = re.compile(r'\shx-[a-z-]+="[^"]*"')
_BUTTON_LINK = re.compile(
    r'<a\b(?=[^>]*\bclass="btn\b)[^>]*\bhref="([^"]*)"[^>]*>.*?</a>', re.DOTALL
)
_CONTROL = re.compile(r"<(?:input|select|textarea|button)\b(?![^>]*\sdisabled\b)")


def init_read_only_pages(app: Flask) -> None:
    """Switch forms off in the pages of auditors; give templates `may_change`."""

    @app.context_processor
    def _may_change() -> dict[str, object]:
        return {"may_change": not current_viewer().is_auditor}

    @app.after_request
    def _switch_off(response: Response) -> Response:
        is_page = response.mimetype == "text/html" and not response.is_streamed
        if not is_page or response.direct_passthrough:
            return response
        viewer = current_viewer()
        if isinstance(viewer, Viewer) and viewer.is_auditor:
            response.set_data(switch_off_forms(response.get_data(as_text=True), viewer.role))
        return response


def switch_off_forms(html: str, role: str) -> str:
    """Return a page in which the forms that a role may not send cannot be filled in or sent."""
    outside: list[str] = []

    def switch_off(match: re.Match[str]) -> str:
        form = match[0]
        head = _POSTS.match(form)
        if head is None or _may_send(head[0], role):
            return form
        identity = _ID.search(head[0])
        if identity is not None:
            outside.append(identity[1])
        return _SCRIPTED.sub("", head[0]) + _disable(form[head.end() :])

    html = _FORM.sub(switch_off, _leave_out_links(html, role))
    for identity in outside:
        html = re.sub(
            rf'<(?:input|select|textarea|button)\b(?=[^>]*\sform="{re.escape(identity)}")[^>]*>',
            lambda match: _disable(match[0]),
            html,
        )
    return html


def _leave_out_links(html: str, role: str) -> str:
    def leave_out(match: re.Match[str]) -> str:
        path = urlsplit(unescape(match[1])).path
        rule = _rule_of_sending(path) if path.startswith("/") else None
        is_form = rule is not None and not is_allowed(rule, role, changes=True)
        return "" if is_form else match[0]

    return _BUTTON_LINK.sub(leave_out, html)


def _disable(html: str) -> str:
    return _CONTROL.sub(lambda match: f"{match[0]} disabled", html)


def _may_send(head: str, role: str) -> bool:
    action = _ACTION.search(head)
    path = urlsplit(unescape(action[1])).path if action else ""
    rule = _rule_of_sending(path or request.path)
    return rule is not None and is_allowed(rule, role, changes=True)


def _rule_of_sending(path: str) -> str | None:
    """The access rule of what a form at `path` is sent to; None where nothing takes forms."""
    try:
        endpoint, _ = current_app.url_map.bind("localhost").match(path, method="POST")
    except (HTTPException, RequestRedirect):
        return None
    return access_of(current_app.view_functions[endpoint])
