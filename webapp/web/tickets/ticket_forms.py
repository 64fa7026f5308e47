"""Forms of one ticket: notes, changes, texts, and a new ticket.

A form carries the values that its fields had when it was shown (`was_…`). Only a field that differs
from its `was_…` value is a change, and it collides only with another change of the same field: so
saving never undoes what somebody else changed meanwhile.
"""

import re
import secrets
from datetime import datetime

from flask import abort, request
from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import HiddenField, MultipleFileField, StringField, TextAreaField

from webapp.domain.attaching.file_names import clean_file_name
from webapp.domain.triage.collisions import fingerprint
from webapp.domain.untrusted import parse_moment
from webapp.models import Ticket
from webapp.services.tickets.attachments.contents import SentFile
from webapp.services.tickets.change_ticket import TicketChange
from webapp.services.tickets.collisions.seen_values import text_values
from webapp.services.tickets.desk_choices import DeskChoices
from webapp.services.tickets.open_ticket import NewTicket
from webapp.web.page_context import option_pairs
from webapp.web.params import YES, IdField, read_number

WAS = "was_"
HOST_HINT = "What it is about: a host's name, or the address of an account."
MARKDOWN = "Markdown. Paste from Huntress or elsewhere as it is: HTML is shown as text."


class NoteForm(FlaskForm):
    """The form for an internal note."""

    body = TextAreaField(
        "Add internal note",
        description="Markdown. Only the desk sees notes. Write @name to tell a colleague.",
    )
    files = MultipleFileField("Files")


def read_files() -> list[SentFile]:
    """The files of a note's form, with cleaned names; what the browser says of types is ignored."""
    return [
        SentFile(clean_file_name(one.filename), one.stream)  # type: ignore[arg-type]  # an IO[bytes]
        for one in request.files.getlist("files")
        if one.filename
    ]


class EditNoteForm(FlaskForm):
    """The form for a note that was written before."""

    body = TextAreaField(
        "Your note", description="Markdown. What it said before is kept, and can be read."
    )


class TextForm(FlaskForm):
    """The form for a ticket's texts, its client, its reference and link in the PSA, its host."""

    title = StringField("Title")
    description = TextAreaField("Description", description=MARKDOWN)
    client_id = IdField("Client")
    external_reference = StringField(
        "PSA reference", description="The number of this ticket in your PSA, if it has one."
    )
    external_url = StringField("PSA link", description="Where to find it there.")
    host = StringField("Host or identity", description=HOST_HINT)


class NewTicketForm(FlaskForm):
    """The form for a new ticket."""

    form_token = HiddenField()
    title = StringField("Title")
    description = TextAreaField("Description", description=MARKDOWN)
    client_id = IdField("Client")
    board_id = IdField("Board")
    priority_id = IdField("Priority")
    category_id = IdField("Category (optional)")
    assignee_id = IdField("Assignee")
    host = StringField("Host or identity (optional)", description=HOST_HINT)
    external_reference = StringField(
        "PSA reference (optional)", description="The number of this ticket in your PSA."
    )
    external_url = StringField("PSA link (optional)", description="Where to find it there.")

    def offer(self, choices: DeskChoices) -> None:
        """Fill the selections; the template draws those of clients and categories itself."""
        self.board_id.offer("Choose a board", option_pairs(choices.boards))
        self.priority_id.offer("Choose a priority", option_pairs(choices.priorities))
        self.assignee_id.offer("Nobody", option_pairs(choices.users))

    def wanted(self) -> NewTicket:
        """The values that were filled in."""
        return NewTicket(
            title=self.title.data or "",
            description=self.description.data or "",
            client_id=self.client_id.chosen,
            board_id=self.board_id.chosen,
            priority_id=self.priority_id.chosen,
            category_id=self.category_id.chosen,
            assignee_id=self.assignee_id.chosen,
            host=self.host.data or "",
            external_reference=self.external_reference.data or "",
            external_url=self.external_url.data or "",
        )


def new_form_token() -> str:
    """A random token that tells one shown form from another."""
    return secrets.token_urlsafe(24)


def is_form_token(text: str | None) -> bool:
    """Whether `text` has the form of a token from `new_form_token`."""
    return re.fullmatch(r"[\w-]{16,64}", text or "", re.ASCII) is not None


def read_change(values: MultiDict[str, str]) -> TicketChange:
    """The changes that a form asks for; fields that it lacks or that were not changed are None."""
    return TicketChange(
        status_id=_changed_number(values, "status_id"),
        priority_id=_changed_number(values, "priority_id"),
        sets_assignee=_is_changed(values, "assignee_id"),
        assignee_id=read_number(values.get("assignee_id")),
        client_id=_changed_number(values, "client_id"),
        board_id=_changed_number(values, "board_id"),
        sets_category=_is_changed(values, "category_id"),
        category_id=read_number(values.get("category_id")),
        title=_changed_text(values, "title"),
        description=_changed_text(values, "description"),
        external_reference=_changed_text(values, "external_reference"),
        external_url=_changed_text(values, "external_url"),
        host=_changed_text(values, "host"),
        keeps_priority=values.get("keeps_priority") == YES,
    )


def read_was(values: MultiDict[str, str]) -> dict[str, str]:
    """What the fields said when the form was shown, for those of which it says so."""
    names = [name.removeprefix(WAS) for name in values if name.startswith(WAS)]
    return {name: values[f"{WAS}{name}"] for name in names}


def shown_values(ticket: Ticket) -> dict[str, str]:
    """The `was_…` fields of the text form; for the description only a fingerprint."""
    values = text_values(ticket)
    values["description"] = fingerprint(values["description"])
    return {f"{WAS}{name}": value for name, value in values.items()}


def rebase(form: TextForm, values: MultiDict[str, str], ticket: Ticket) -> None:
    """Put the stored values into the fields that the person did not change."""
    for name, stored in text_values(ticket).items():
        if not _is_changed(values, name):
            form[name].data = stored


def read_seen(values: MultiDict[str, str]) -> datetime:
    """When the ticket had last changed as the form was shown; aborts with 400 without it."""
    return parse_moment(values.get("seen")) or abort(400)


def _is_changed(values: MultiDict[str, str], name: str) -> bool:
    if name not in values:
        return False
    value = values[name]
    was = values.get(f"{WAS}{name}")
    return was is None or was != (fingerprint(value) if name == "description" else value)


def _changed_number(values: MultiDict[str, str], name: str) -> int | None:
    return read_number(values.get(name)) if _is_changed(values, name) else None


def _changed_text(values: MultiDict[str, str], name: str) -> str | None:
    return values[name] if _is_changed(values, name) else None
