"""Downloading what is stored about a person, and forgetting somebody who has left."""

from flask import url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.services.people.read_users import read_user
from webapp.services.retention.erasures import PERSON
from webapp.services.retention.export_person import export_person
from webapp.services.retention.forget_person import begin_forgetting_person
from webapp.web.access import admin_only, for_oneself
from webapp.web.person_limits import exporting
from webapp.web.presence import needs_presence_to_send
from webapp.web.retention.blueprint import retention
from webapp.web.retention.downloads import send_file_of
from webapp.web.retention.forgetting import answer_forgetting
from webapp.web.retention.forms import ForgetPersonForm
from webapp.web.viewer import require_viewer


@retention.post("/preferences/download")
@for_oneself
@needs_presence_to_send
@exporting
def download_own() -> ResponseReturnValue:
    """Send what is stored about the viewer."""
    return _send(require_viewer().id)


@retention.post("/users/<int:user_id>/download")
@admin_only
@needs_presence_to_send
@exporting
def download_person(user_id: int) -> ResponseReturnValue:
    """Send what is stored about a person, who may have asked for it."""
    return _send(user_id)


@retention.route("/users/<int:user_id>/forget", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def forget_person(user_id: int) -> ResponseReturnValue:
    """Say what would be erased, and erase it once the address was typed."""
    form = ForgetPersonForm()
    return answer_forgetting(
        form,
        lambda: begin_forgetting_person(
            user_id, typed_email=form.email.data or "", actor_id=require_viewer().id
        ),
        said="The person is forgotten.",
        template="retention/forget_person.html",
        page_url=url_for("retention.forget_person", user_id=user_id),
        subject=(PERSON, user_id),
        read=lambda: {"row": read_user(user_id)},
    )


def _send(user_id: int) -> ResponseReturnValue:
    parts = export_person(user_id, actor_id=require_viewer().id)
    name = f"person-{user_id}-{clock.utcnow():%Y-%m-%d}.json"
    return send_file_of(name, parts, "application/json")
