"""Downloading everything of a client, and forgetting it."""

from flask import url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.services.desk.read_client import read_client
from webapp.services.retention.client_scope import count_client
from webapp.services.retention.erasures import CLIENT
from webapp.services.retention.export_client import export_client
from webapp.services.retention.forget_client import begin_forgetting_client
from webapp.web.access import admin_only
from webapp.web.person_limits import exporting
from webapp.web.presence import needs_presence_to_send
from webapp.web.retention.blueprint import retention
from webapp.web.retention.downloads import send_file_of
from webapp.web.retention.forgetting import answer_forgetting
from webapp.web.retention.forms import ForgetClientForm
from webapp.web.viewer import require_viewer


@retention.post("/clients/<int:client_id>/download")
@admin_only
@needs_presence_to_send
@exporting
def download_client(client_id: int) -> ResponseReturnValue:
    """Send everything that is stored of a client as a ZIP file."""
    parts = export_client(client_id, actor_id=require_viewer().id)
    name = f"client-{client_id}-{clock.utcnow():%Y-%m-%d}.zip"
    return send_file_of(name, parts, "application/zip")


@retention.route("/clients/<int:client_id>/forget", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def forget_client(client_id: int) -> ResponseReturnValue:
    """Say what would be erased, and begin once the name was typed; then say how far it has come."""
    form = ForgetClientForm()
    return answer_forgetting(
        form,
        lambda: begin_forgetting_client(
            client_id, typed_name=form.name.data or "", actor_id=require_viewer().id
        ),
        said="The client is forgotten from now on.",
        template="retention/forget_client.html",
        page_url=url_for("retention.forget_client", client_id=client_id),
        subject=(CLIENT, client_id),
        read=lambda: {"view": read_client(client_id), "counts": count_client(client_id)},
    )
