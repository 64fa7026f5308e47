"""Sending what a form holds to a service, and putting what it refused beside the fields."""

from collections.abc import Callable
from typing import TypeVar

from flask_wtf import FlaskForm

from webapp.services.errors import FieldError

Result = TypeVar("Result")


def send_form(form: FlaskForm, service: Callable[[], Result]) -> Result | None:
    """What the service answers; None where the form was not sent, or was refused.

    After a refusal the sentences stand beside the fields.
    """
    if not form.validate_on_submit():
        return None
    try:
        return service()
    except FieldError as error:
        show_field_errors(form, error)
        return None


def form_status(form: FlaskForm) -> int:
    """The status of the page that shows the form: 400 where it was sent and comes back."""
    return 400 if form.is_submitted() else 200


def show_field_errors(form: FlaskForm, error: FieldError) -> None:
    """Give each field its sentence; one for a field the form does not have stands above all."""
    for name, sentence in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)
