"""Forms of the desk's settings; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from webapp.services.desk.edit_priorities import COLOURS
from webapp.web.params import NO, YES, IdField


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
