"""Forms of the desk's settings; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField, TextAreaField
from wtforms.fields.choices import SelectChoice

from webapp.domain.notices.policy import SEVERITIES
from webapp.domain.runbooks.runbooks import PLATFORMS
from webapp.domain.triage.incident_kinds import KIND_WORDS, kind_words
from webapp.models import Runbook
from webapp.services.desk.edit_priorities import COLOURS
from webapp.services.tickets.runbooks.check_runbook import RunbookValues
from webapp.web.params import NO, YES, IdField, ManyField


class NameForm(FlaskForm):
    """The form for the name of a board or a category."""

    name = StringField("Name")


class CategoryForm(NameForm):
    """The form for a new category of a board."""

    parent_id = IdField(
        "Part of (optional)", description="Choose a category to make this a subcategory of it."
    )


class PriorityForm(NameForm):
    """The form for a priority."""

    colour = RadioField(
        "Colour",
        choices=[SelectChoice(name, name.capitalize()) for name in COLOURS],
        validate_choice=False,
    )


class StatusForm(NameForm):
    """The form for a status."""

    is_closed = SelectField(
        "Tickets in this status are",
        choices=[SelectChoice(NO, "Open"), SelectChoice(YES, "Closed")],
    )


class PrefixForm(FlaskForm):
    """The form for the prefix of ticket numbers."""

    prefix = StringField(
        "Prefix", description="Up to 10 characters, such as TKT- or SEC/; it ends with no digit."
    )


class RunbookForm(NameForm):
    """The form for a runbook."""

    kinds = ManyField("Indicator types", KIND_WORDS.items())
    other_kinds = StringField(
        "Other indicator types", description="As Huntress writes them, with commas between them."
    )
    severities = ManyField("Severity", [(one, one.capitalize()) for one in SEVERITIES])
    platforms = ManyField("Platform", PLATFORMS.items())
    body = TextAreaField(
        "Steps",
        description="Markdown. A line that begins with “- [ ] ” is a step; indented lines below it"
        " belong to it. Headings and text may stand between steps.",
    )

    def offer(self, runbook: Runbook | None) -> None:
        """Offer the stored words as well, even if they are none of those that are known."""
        for field in (self.kinds, self.platforms):
            known = {choice.value for choice in field.choices}
            stored = getattr(runbook, field.name, None) or ()
            field.choices += [
                SelectChoice(one, kind_words(one)) for one in stored if one not in known
            ]

    def values(self) -> RunbookValues:
        """What was filled in."""
        others = (self.other_kinds.data or "").split(",")
        return RunbookValues(
            name=self.name.data,
            kinds=[*(self.kinds.data or ()), *others],
            severities=self.severities.data or (),
            platforms=self.platforms.data or (),
            body=self.body.data,
        )


class CannedNoteForm(NameForm):
    """The form for a canned note."""

    body = TextAreaField("Text", description="Markdown, with placeholders.")
