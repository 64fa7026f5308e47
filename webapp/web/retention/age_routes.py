"""The page of how long records are kept."""

from flask import render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import clock
from webapp.domain.retention.kinds import RULES, RetentionKind
from webapp.services.errors import ConflictError, FieldError
from webapp.services.retention.ages import set_ages
from webapp.services.retention.preview import preview_retention, preview_words
from webapp.task_queue import QueueUnavailableError, enqueue
from webapp.web.access import admin_only
from webapp.web.answers import done
from webapp.web.errors import CONFLICT
from webapp.web.form_errors import form_status, show_field_errors
from webapp.web.presence import needs_presence_to_send
from webapp.web.retention.blueprint import retention
from webapp.web.retention.forms import SEEN, AgesForm
from webapp.web.viewer import require_viewer


@retention.route("/desk/retention", methods=["GET", "POST"])
@admin_only
@needs_presence_to_send
def show_ages() -> ResponseReturnValue:
    """Show how long each kind is kept and what would be deleted now, and save other ages."""
    form = AgesForm()
    problem, status = None, form_status(form)
    if form.validate_on_submit():
        try:
            changed = set_ages(form.typed(), seen=_seen(), actor_id=require_viewer().id)
        except FieldError as error:
            show_field_errors(form, error)
        except ConflictError as error:
            problem, status = str(error), CONFLICT
        else:
            labels = ", ".join(RULES[kind].label.lower() for kind in changed)
            return done(
                f"Saved: {labels}." if changed else "Nothing was changed.",
                url_for("retention.show_ages"),
            )
    rows = preview_retention(clock.utcnow())
    if not form.is_submitted():
        form.fill([row.age for row in rows])
    page = render_template(
        "retention/ages.html",
        form=form,
        rows=rows,
        words=preview_words(rows),
        problem=problem,
        seen_prefix=SEEN,
    )
    return page, status


@retention.post("/desk/retention/apply")
@admin_only
@needs_presence_to_send
def apply_ages() -> ResponseReturnValue:
    """Let a worker delete now what is too old, which it otherwise does once a day."""
    try:
        enqueue("housekeeping", job_id="housekeeping-now")
    except QueueUnavailableError:
        words = "No worker can be reached just now; what is too old is deleted once one runs."
        return done(words, url_for("retention.show_ages"), "warning")
    return done("What is too old is being deleted.", url_for("retention.show_ages"))


def _seen() -> dict[RetentionKind, str]:
    return {
        kind: request.form[f"{SEEN}{kind.value}"]
        for kind in RetentionKind
        if f"{SEEN}{kind.value}" in request.form
    }
