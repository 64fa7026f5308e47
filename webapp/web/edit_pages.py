"""What pages that edit one row share: one try to save, and actions that may be refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import Field, SelectField

from webapp.services.desk.delete_guard import DeskRow, activate_row, deactivate_row, delete_row
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import FieldError, NotFoundError, ServiceError
from webapp.web.form_errors import show_field_errors
from webapp.web.viewer import require_viewer

SEEN = "seen"
"""The hidden field with the version of the values that the form was filled with."""


class EditAttempt:
    """What became of a form that was sent (or only asked for).

    `is_saved` and then `is_changed`; else the page is shown again with `status`: 400 with messages
    at the fields, 409 with `conflict`.
    """

    def __init__(self, form: FlaskForm, save: Callable[[], bool]) -> None:
        self._form = form
        self.is_saved = False
        self.is_changed = False
        self.conflict: EditConflictError | None = None
        if not form.validate_on_submit():
            return
        try:
            self.is_changed = save()
            self.is_saved = True
        except FieldError as error:
            show_field_errors(form, error)
        except EditConflictError as error:
            self.conflict = error

    @property
    def status(self) -> int:
        """Of the page that is shown again."""
        if self.conflict:
            return 409
        return 400 if self._form.is_submitted() else 200

    def version(self, current: str) -> str:
        """What the shown form is compared to when it is sent.

        A person who has been shown a collision decides on what is stored now; one who only
        mistyped something still has the values from before.
        """
        return request.form.get(SEEN, current) if self.status == 400 else current

    def say(self, name: str) -> None:
        """Tell on the next page that it was saved."""
        flash(f"{name} was saved." if self.is_changed else "Nothing was changed.", "success")

    @property
    def differences(self) -> list[tuple[str, str]]:
        """Of a collision: labels and stored values of the fields that were typed differently."""
        if self.conflict is None:
            return []
        return [
            (self._form[name].label.text, _in_words(self._form[name], value))
            for name, value in self.conflict.current.items()
            if name in self._form and _as_typed(value) != (self._form[name].data or "")
        ]


@dataclass(frozen=True, slots=True)
class RowPages:
    """What can be done about the rows of a model, and where its pages are.

    `show` is the endpoint of a row's own page, which takes the id as `<kind>_id`; `show_list` the
    one that lists them. A refusal is told on the row's own page.
    """

    model: type[DeskRow]
    show: str
    show_list: str

    @property
    def kind(self) -> str:
        """The word for a row."""
        return self.model.__name__.lower()

    def deactivate(self, row_id: int) -> ResponseReturnValue:
        """Offer a row no more."""
        return self._switch(row_id, deactivate_row, "inactive")

    def activate(self, row_id: int) -> ResponseReturnValue:
        """Offer a row again."""
        return self._switch(row_id, activate_row, "active")

    def delete(self, row_id: int, *, leads_to: str | None = None) -> ResponseReturnValue:
        """Delete a row that nothing points to."""
        return self.act(
            row_id,
            lambda: delete_row(self.model, row_id, require_viewer().id),
            f"The {self.kind} was deleted.",
            leads_to=leads_to or url_for(self.show_list),
        )

    def act(
        self, row_id: int, action: Callable[[], object], done: str, *, leads_to: str
    ) -> ResponseReturnValue:
        """Do something about a row, say that it is `done`, and go on."""
        try:
            action()
        except NotFoundError as error:
            flash(str(error), "warning")
            return redirect(url_for(self.show_list), 303)
        except ServiceError as error:
            flash(str(error), "error")
            return redirect(self.url(row_id), 303)
        flash(done, "success")
        return redirect(leads_to, 303)

    def url(self, row_id: int) -> str:
        """A row's own page."""
        values: dict[str, Any] = {f"{self.kind}_id": row_id}
        return url_for(self.show, **values)

    def _switch(self, row_id: int, switch: Callable[..., object], word: str) -> ResponseReturnValue:
        return self.act(
            row_id,
            lambda: switch(self.model, row_id, require_viewer().id),
            f"The {self.kind} is {word}.",
            leads_to=self.url(row_id),
        )


def yes_or_no(value: bool) -> str:
    """How forms send a choice of two."""
    return "yes" if value else "no"


def _as_typed(value: object) -> str:
    """A stored value as a form would have sent it."""
    if isinstance(value, bool):
        return yes_or_no(value)
    return "" if value is None else str(value)


def _in_words(field: Field, value: object) -> str:
    typed = _as_typed(value)
    choices = field.iter_choices() if isinstance(field, SelectField) else ()
    return next((str(choice[1]) for choice in choices if choice[0] == typed), typed or "empty")
