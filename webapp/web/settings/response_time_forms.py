"""The form of response times; its fields follow the priorities that there are."""

from calendar import day_name
from collections.abc import Iterable

from flask_wtf import FlaskForm
from wtforms import BooleanField, StringField, TextAreaField

from webapp.models import Priority
from webapp.services.desk.response_times.edit_times import ClockValues, TimesValues

TOUCH, CLOSE, ALWAYS, DAY = "touch", "close", "always", "day"


class TimesForm(FlaskForm):
    """The fields that are always there; `times_form` adds the others."""

    zone = StringField(
        "Time zone", description="The zone of the opening hours. Type a city, such as Berlin."
    )
    holidays = TextAreaField(
        "Holidays", description="One a line, as 2026-12-25. The desk is closed all day."
    )

    def values(self, priorities: Iterable[Priority]) -> TimesValues:
        """The typed values."""
        return TimesValues(
            targets={
                one.id: ClockValues(
                    self[f"{TOUCH}-{one.id}"].data or "",
                    self[f"{CLOSE}-{one.id}"].data or "",
                    bool(self[f"{ALWAYS}-{one.id}"].data),
                )
                for one in priorities
            },
            days=tuple(self[f"{DAY}-{number}"].data or "" for number in range(len(day_name))),
            zone=self.zone.data or "",
            holidays=self.holidays.data or "",
        )


def times_form(priorities: Iterable[Priority], shown: TimesValues | None = None) -> TimesForm:
    """The form as it was sent, or filled with `shown`."""
    fields: dict[str, object] = {
        f"{DAY}-{number}": StringField(name) for number, name in enumerate(day_name)
    }
    for one in priorities:
        fields[f"{TOUCH}-{one.id}"] = StringField(f"{one.name}: first touch within")
        fields[f"{CLOSE}-{one.id}"] = StringField(f"{one.name}: closed within")
        fields[f"{ALWAYS}-{one.id}"] = BooleanField(f"{one.name}: around the clock")
    kind: type[TimesForm] = type("TimesForm", (TimesForm,), fields)
    return kind() if shown is None else kind(formdata=None, data=_data(shown))


def _data(values: TimesValues) -> dict[str, object]:
    data: dict[str, object] = {"zone": values.zone, "holidays": values.holidays}
    data |= {f"{DAY}-{number}": text for number, text in enumerate(values.days)}
    for key, one in values.targets.items():
        data |= {
            f"{TOUCH}-{key}": one.touch,
            f"{CLOSE}-{key}": one.close,
            f"{ALWAYS}-{key}": one.is_around_the_clock,
        }
    return data
