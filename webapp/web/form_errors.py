"""Sending a form to a service, and showing at its fields what the service refused."""

from collections.abc import Callable
from typing import TypeVar

from flask_wtf import FlaskForm

from webapp.services.errors import FieldError

Result = TypeVar("Result")


def send_form(form: FlaskForm, service: Callable[[], Result]) -> Result | None:
    """Return the service's answer, or None if the form was not sent or was refused.

    After a refusal, each field has its sentence.
    """
    if not form.validate_on_submit():
        return None
    try:
        return service()
    except FieldError as error:
        show_field_errors(form, error)
        return None


def form_status(form: FlaskForm) -> int:
    """The status of a page that shows the form: 400 if the form was sent and comes back."""
    return 400 if form.is_submitted() else 200


def show_field_errors(form: FlaskForm, error: FieldError) -> None:
    """Give each field its sentence; one for a field that the form lacks is shown above the form."""
    for name, sentence in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)
