"""What is done to a target by a button: a test, pause and resume, secrets, deleting."""

from collections.abc import Callable

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue

from webapp.services.errors import FieldError, RefusedError
from webapp.services.notices.targets.edit_targets import delete_target
from webapp.services.notices.targets.pause_targets import pause_target, resume_target
from webapp.services.notices.targets.try_target import try_target
from webapp.services.notices.targets.webhook_secrets import remove_old_secret, rotate_secret
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.notices.blueprint import notices
from webapp.web.notices.new_secret import show_secret_once
from webapp.web.person_limits import trials
from webapp.web.presence import needs_presence
from webapp.web.viewer import require_viewer


@notices.post("/targets/<int:target_id>/test")
@admin_only
@trials
def send_test(target_id: int) -> ResponseReturnValue:
    """Send a test, and show what the receiver answered."""
    return _act(target_id, lambda: f"The test was sent. The answer: {try_target(target_id)}")


@notices.post("/targets/<int:target_id>/pause")
@admin_only
def pause(target_id: int) -> ResponseReturnValue:
    """Pause a target."""
    try:
        paused = pause_target(target_id, request.form.get("reason"), actor_id=require_viewer().id)
    except (FieldError, RefusedError) as error:
        return done(str(error), _page_of(target_id), "error")
    return done(f"{paused.name} is paused.", _page_of(target_id))


@notices.post("/targets/<int:target_id>/resume")
@admin_only
@needs_presence
def resume(target_id: int) -> ResponseReturnValue:
    """Resume a target."""

    def _resume() -> str:
        resumed = resume_target(target_id, actor_id=require_viewer().id)
        return f"{resumed.name} is not paused any more; what waits is sent now."

    return _act(target_id, _resume)


@notices.post("/targets/<int:target_id>/rotate-secret")
@admin_only
@needs_presence
def rotate(target_id: int) -> ResponseReturnValue:
    """Make a new signing secret beside the old one, and show it in this one answer."""
    try:
        secret = rotate_secret(target_id, actor_id=require_viewer().id)
    except RefusedError as error:
        return done(str(error), _page_of(target_id), "error")
    return show_secret_once(target_id, secret, "The new secret signs beside the old one.")


@notices.post("/targets/<int:target_id>/remove-old-secret")
@admin_only
@needs_presence
def remove_secret(target_id: int) -> ResponseReturnValue:
    """Let only the newest secret sign."""

    def _remove() -> str:
        remove_old_secret(target_id, actor_id=require_viewer().id)
        return "Only the new secret signs now."

    return _act(target_id, _remove)


@notices.post("/targets/<int:target_id>/delete")
@admin_only
@needs_presence
def delete(target_id: int) -> ResponseReturnValue:
    """Delete a target that nothing uses."""
    try:
        name = delete_target(target_id, actor_id=require_viewer().id)
    except RefusedError as error:
        flash(str(error), "error")
        return redirect(_page_of(target_id), SEE_OTHER)
    return done(f"{name} was deleted.", url_for("notices.show_targets"))


def _act(target_id: int, action: Callable[[], str]) -> ResponseReturnValue:
    tell(action)
    return redirect(_page_of(target_id), SEE_OTHER)


def _page_of(target_id: int) -> str:
    return url_for("notices.show_target", target_id=target_id)
