"""Forms of on-call duty; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import RadioField, SelectField, StringField
from wtforms.fields.choices import SelectChoice

from webapp.domain.on_call import Every
from webapp.domain.on_call_words import WEEKDAYS
from webapp.services.on_call.edit_rotation import RotationValues
from webapp.web.params import NO_SUCH_ID, IdField, read_number

FREE_PLACES = 2
LEAST_PLACES = 3
EVERY_LABELS = {Every.DAILY: "Every day", Every.WEEKLY: "Every week"}


class HandoverForm(FlaskForm):
    """The form of the rotation; the people are read by `chosen_people`, as their number varies."""

    every = RadioField(
        "Handover", choices=[SelectChoice(one.value, words) for one, words in EVERY_LABELS.items()]
    )
    weekday = SelectField(
        "On (if every week)",
        choices=[SelectChoice(str(number), name) for number, name in enumerate(WEEKDAYS)],
        validate_choice=False,
    )
    at = StringField("At", description="It stays at this time of day when clocks change.")
    time_zone = StringField("In the time zone", description="Type a city, such as Berlin.")

    def values(self, people: list[int]) -> RotationValues:
        """What was sent, with the people in order."""
        weekday = read_number(self.weekday.data)
        return RotationValues(
            every=self.every.data or "",
            weekday=NO_SUCH_ID if weekday is None else weekday,
            at=self.at.data or "",
            time_zone=self.time_zone.data or "",
            people=people,
        )


class OverrideForm(FlaskForm):
    """The form of an override; without a person it is for oneself."""

    person = IdField("Who")
    starts_at = StringField("From", description="Empty: from now on.")
    ends_at = StringField("Until")
    reason = StringField("Reason (optional)")


def chosen_people(sent: list[str]) -> list[int]:
    """The ids of a form's places in their order; empty places are left out."""
    numbers = [(text, read_number(text)) for text in sent if text]
    return [NO_SUCH_ID if number is None else number for _, number in numbers]


def places(people: list[int]) -> list[int | None]:
    """The places that a form shows: one for each person, and some that are free."""
    free = max(FREE_PLACES, LEAST_PLACES - len(people))
    return [*people, *([None] * free)]
