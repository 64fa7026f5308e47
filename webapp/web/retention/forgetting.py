"""The page on which a client or a person is forgotten."""

from collections.abc import Callable, Mapping

from flask import render_template
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm

from webapp.services.errors import FieldError, RefusedError
from webapp.services.retention.backups_left import find_backups_left
from webapp.services.retention.erasures import find_erasure
from webapp.task_queue import QueueUnavailableError, enqueue
from webapp.web.answers import done
from webapp.web.errors import status_of
from webapp.web.form_errors import form_status, show_field_errors


def answer_forgetting(
    form: FlaskForm,
    begin: Callable[[], object],
    *,
    said: str,
    template: str,
    page_url: str,
    subject: tuple[str, int],
    read: Callable[[], Mapping[str, object]],
) -> ResponseReturnValue:
    """Begin once the form is sent, and say `said` on the page; else show it, with what is wrong.

    `subject` is the kind of an erasure and the id of whom it erases. What `read` returns is what
    the template needs besides. Raises what `begin` and `read` raise, but for refusals.
    """
    problem, status = None, form_status(form)
    if form.validate_on_submit():
        try:
            begin()
        except FieldError as error:
            show_field_errors(form, error)
        except RefusedError as error:
            problem, status = str(error), status_of(error)
        else:
            return done(f"{said} {_let_a_worker_go_on()}", page_url)
    erasure = find_erasure(*subject)
    page = render_template(
        template,
        erasure=erasure,
        backups=find_backups_left(erasure),
        form=form,
        problem=problem,
        **read(),
    )
    return page, status


def _let_a_worker_go_on() -> str:
    """Let a worker erase what is left, and return what to say about that."""
    try:
        enqueue("forget", job_id="forget")
    except QueueUnavailableError:
        return "The rest is erased as soon as a worker runs."
    return "The rest is being erased; reload the page to see how far it has come."
