"""The page of drills: starting one, following it, and how often one begins by itself."""

from flask import Blueprint, redirect, render_template, request, url_for
from flask.typing import ResponseReturnValue

from webapp import task_queue
from webapp.services.edition import require_enterprise
from webapp.services.errors import FieldError, RefusedError
from webapp.services.watch.drill import read_drill_schedule, schedule_drills, start_drill
from webapp.services.watch.read_drills import read_drills
from webapp.web.access import admin_only
from webapp.web.answers import SEE_OTHER, done, tell
from webapp.web.params import read_number
from webapp.web.person_limits import trials
from webapp.web.viewer import asked_by_pages, require_viewer

drills = Blueprint("drills", __name__, url_prefix="/drills")


@drills.get("")
@admin_only
@asked_by_pages
def show() -> ResponseReturnValue:
    """Show the last drills with their stations."""
    return _page(None, None)


@drills.post("")
@admin_only
@trials
def start() -> ResponseReturnValue:
    """Start a drill; a worker processes its report."""
    tell(lambda: _start(require_viewer().id))
    return redirect(url_for("drills.show"), SEE_OTHER)


@drills.post("/schedule")
@admin_only
def schedule() -> ResponseReturnValue:
    """Choose how often a drill begins by itself; what cannot be taken is shown as it was typed."""
    typed = request.form.get("days", "").strip()
    try:
        schedule_drills(_number(typed), actor_id=require_viewer().id)
    except FieldError as error:
        return _page(typed, error.fields["days"]), 400
    return done("The schedule is saved.", url_for("drills.show"))


def _number(typed: str) -> int | None:
    """The number that was typed, None for nothing; 0, which is refused, for anything else."""
    return (read_number(typed) or 0) if typed else None


def _page(typed: str | None, problem: str | None) -> str:
    require_enterprise()
    days = read_drill_schedule()
    return render_template(
        "operations/drills.html",
        drills=read_drills(),
        days=(days or "") if typed is None else typed,
        problem=problem,
    )


def _start(actor_id: int) -> str:
    if not task_queue.read_queue_status().can_run_jobs:
        raise RefusedError(
            "No worker is running, so no drill was started: nobody would be told of a real one"
            " either. See Health; on the server, `triagedesk drill` runs one without a worker."
        )
    drill = start_drill(actor_id)
    try:
        task_queue.enqueue("drill", job_id=f"drill-{drill.id}", drill_id=drill.id)
    except task_queue.QueueUnavailableError:
        return "The drill has begun; its report is processed with the next poll."
    return "The drill has begun: take the ticket by the link in the message."
