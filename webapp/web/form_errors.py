"""Putting what a service refused beside the form's fields."""

from flask_wtf import FlaskForm

from webapp.services.errors import FieldError


def show_field_errors(form: FlaskForm, error: FieldError) -> None:
    """Give each field its sentence; one for a field the form does not have stands above all."""
    for name, sentence in error.fields.items():
        if name in form:
            form[name].errors = [*form[name].errors, sentence]
        else:
            form.form_errors.append(sentence)
