"""What pages that edit one row share: an attempt to save, and actions that may be refused."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from flask import flash, redirect, request, url_for
from flask.typing import ResponseReturnValue
from flask_wtf import FlaskForm
from wtforms import Field, SelectField

from webapp.services.desk.delete_guard import DeskRow, activate_row, deactivate_row, delete_row
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.errors import NotFoundError, RefusedError
from webapp.web.answers import done
from webapp.web.errors import status_of
from webapp.web.form_errors import form_status, send_form
from webapp.web.params import yes_or_no
from webapp.web.viewer import require_viewer

SEEN = "seen"
"""The hidden field with the version of the values that filled the form."""
UP = "up"


class EditAttempt:
    """The result of showing or sending a form.

    `save` gets the version that filled the form and the id of the person who saves; it returns
    whether anything changed. If nothing was saved, the page is shown again with `status`: 400 with
    messages at the fields, or 409 with `conflict`.
    """

    def __init__(self, form: FlaskForm, save: Callable[[str, int], bool]) -> None:
        self._form = form
        self._is_changed: bool | None = None
        self.conflict: EditConflictError | None = None
        seen = request.form.get(SEEN, "")
        try:
            self._is_changed = send_form(form, lambda: save(seen, require_viewer().id))
        except EditConflictError as error:
            self.conflict = error

    @property
    def is_saved(self) -> bool:
        """Whether what was typed is stored now."""
        return self._is_changed is not None

    @property
    def status(self) -> int:
        """The status of the page when the form is shown again."""
        if self.conflict:
            return status_of(self.conflict)
        return form_status(self._form)

    def version(self, current: str) -> str:
        """The version for the form that is shown, with which it is compared when it is sent.

        After a conflict the form gets the `current` version, because the person has seen what is
        stored now. After a mistyped value it keeps the version from before.
        """
        return request.form.get(SEEN, current) if self.status == 400 else current

    def done(self, name: str, leads_to: str) -> ResponseReturnValue:
        """Redirect to `leads_to` and say there that the row was saved."""
        words = f"{name} was saved." if self._is_changed else "Nothing was changed."
        return done(words, leads_to)

    @property
    def differences(self) -> list[tuple[str, str]]:
        """After a conflict: label and stored value of each field that was typed differently."""
        if self.conflict is None:
            return []
        return [
            (self._form[name].label.text, _in_words(self._form[name], value))
            for name, value in self.conflict.current.items()
            if name in self._form and _differs(self._form[name], value)
        ]


@dataclass(frozen=True, slots=True)
class RowPages:
    """The actions on rows of a model, and the endpoints of their pages.

    `show` is the endpoint of a row's own page, which takes the id as `<kind>_id`. `show_list` is
    the endpoint of the list. A refusal is shown on the row's own page.
    """

    model: type[DeskRow]
    show: str
    show_list: str

    @property
    def kind(self) -> str:
        """The word for a row of this kind."""
        return self.model.__name__.lower()

    def added(self, row: DeskRow) -> ResponseReturnValue:
        """Redirect to the page of a row that was added."""
        return done(f"{row.name} was added.", self.url(row.id))

    def deactivate(self, row_id: int) -> ResponseReturnValue:
        """Deactivate a row, so that it cannot be chosen any more."""
        return self._switch(row_id, deactivate_row, "inactive")

    def activate(self, row_id: int) -> ResponseReturnValue:
        """Activate a row, so that it can be chosen again."""
        return self._switch(row_id, activate_row, "active")

    def delete(self, row_id: int, *, leads_to: str | None = None) -> ResponseReturnValue:
        """Delete a row that nothing points to; redirect to the list unless `leads_to` is given."""
        return self.act(
            row_id,
            lambda: delete_row(self.model, row_id, require_viewer().id),
            f"The {self.kind} was deleted.",
            leads_to=leads_to,
        )

    def move(self, row_id: int, move: Callable[..., object]) -> ResponseReturnValue:
        """Move a row one place up or down, as the pressed button says."""
        is_up = request.form.get("direction") == UP
        return self.act(
            row_id,
            lambda: move(row_id, is_up=is_up, actor_id=require_viewer().id),
            "The order was saved.",
        )

    def act(
        self, row_id: int, action: Callable[[], object], words: str, leads_to: str | None = None
    ) -> ResponseReturnValue:
        """Run an action on a row, say `words` and redirect to `leads_to`, by default the list."""
        try:
            action()
        except NotFoundError as error:
            flash(str(error), "warning")
            return redirect(url_for(self.show_list), 303)
        except RefusedError as error:
            flash(str(error), "error")
            return redirect(self.url(row_id), 303)
        return done(words, leads_to or url_for(self.show_list))

    def url(self, row_id: int) -> str:
        """The address of a row's own page."""
        values: dict[str, Any] = {f"{self.kind}_id": row_id}
        return url_for(self.show, **values)

    def _switch(self, row_id: int, switch: Callable[..., object], word: str) -> ResponseReturnValue:
        return self.act(
            row_id,
            lambda: switch(self.model, row_id, require_viewer().id),
            f"The {self.kind} is {word}.",
            leads_to=self.url(row_id),
        )


def _differs(field: Field, value: object) -> bool:
    if isinstance(value, list):
        return set(value) != set(field.data or ())
    return _as_typed(value) != (field.data or "")


def _as_typed(value: object) -> str:
    """A stored value as a form would send it."""
    if isinstance(value, bool):
        return yes_or_no(value)
    return "" if value is None else str(value)


def _in_words(field: Field, value: object) -> str:
    if isinstance(value, list):
        return ", ".join(_in_words(field, one) for one in value) or "any"
    typed = _as_typed(value)
    choices = field.iter_choices() if isinstance(field, SelectField) else ()
    return next((str(choice[1]) for choice in choices if choice[0] == typed), typed or "empty")
