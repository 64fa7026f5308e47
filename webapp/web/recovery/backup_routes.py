"""The page of backups: what is scheduled and there, one at once, and going on after a restore."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp.domain.figures import size_words
from webapp.domain.recovery.settle import full_moment
from webapp.services.recovery.read_backups import read_backups_page, request_backup
from webapp.services.recovery.release_restore import (
    OpenRestore,
    read_open_restore,
    release_restore,
)
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, tell
from webapp.web.params import YES
from webapp.web.presence import needs_presence
from webapp.web.viewer import asked_by_pages, require_viewer

backups = Blueprint("backups", __name__, url_prefix="/backups")
backups.add_app_template_filter(size_words)
backups.add_app_template_filter(full_moment)


@backups.get("")
@admin_only
@asked_by_pages
def show() -> ResponseReturnValue:
    """Show where backups go, how old the newest is, and what became of the last ones."""
    return render_template("recovery/backups.html", page=read_backups_page())


@backups.post("")
@admin_only
@needs_presence
def make() -> ResponseReturnValue:
    """Let a worker make a backup now."""
    tell(lambda: request_backup(actor_id=require_viewer().id))
    return redirect(url_for("backups.show"), SEE_OTHER)


@backups.post("/release")
@admin_only
@needs_presence
def release() -> ResponseReturnValue:
    """Let messages go out again after a restore."""
    tell(_release)
    return redirect(url_for("backups.show"), SEE_OTHER)


def _release() -> str:
    drops = request.form.get("send_waiting") != YES
    dropped = release_restore(drops_waiting=drops, actor_id=require_viewer().id)
    if dropped:
        return f"Messages go out again; {dropped:,} that waited in the backup were dropped."
    return "Messages go out again."


@backups.app_template_global()
def held_restore() -> OpenRestore | None:
    """The restore that holds messages; every page says so."""
    return read_open_restore()
