"""The forms of policies and of the offer; the services check the values.

What a form has many of (steps, clients) is read from the request itself.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from flask_wtf import FlaskForm
from werkzeug.datastructures import MultiDict
from wtforms import RadioField, StringField
from wtforms.fields.choices import SelectChoice

from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.policy import (
    ANY,
    HOLD,
    MAPPED,
    MOST_STEPS,
    SEVERITIES,
    SKIP,
    UNMAPPED,
    PolicyRule,
    StepRule,
)
from webapp.domain.notices.policy_words import WEEKDAYS
from webapp.services.errors import FieldError
from webapp.services.notices.edit_policies import PolicyValues
from webapp.services.notices.read_policies import PolicyChoices
from webapp.services.people.set_preferences import UTC_NAME, find_time_zone
from webapp.web.params import NO_SUCH_ID, YES, IdField, ManyField, read_number

WRONG_NUMBER = -1
"""What a field that holds no number is read as; the services refuse it."""

WORKDAYS = ("0", "1", "2", "3", "4")


class HoursForm(FlaskForm):
    """Hours of a week, which the form of a policy and the offer share."""

    weekdays = ManyField("On", [(str(day), name) for day, name in enumerate(WEEKDAYS)])
    begins = StringField("From")
    ends = StringField("To")
    zone = StringField("In the time zone", description="Type a city, such as Berlin.")

    def hours(self, *, skips_holidays: bool) -> dict[str, Any]:
        """What `read_hours` reads; raises FieldError for an unknown zone."""
        try:
            zone = find_time_zone(self.zone.data) or UTC_NAME
        except FieldError as error:
            raise FieldError({"zone": str(error)}) from None
        return {
            "zone": zone,
            "begins": self.begins.data or "",
            "ends": self.ends.data or "",
            "weekdays": [day for day in self.weekdays.numbers if day in range(7)],
            "skips_holidays": skips_holidays,
        }


class PolicyForm(HoursForm):
    """The form of a policy, without its steps."""

    name = StringField("Name")
    events = ManyField("What happens", [(key, one.label) for key, one in EVENTS.items()])
    untouched_minutes = StringField("Minutes", description="For “Nobody has touched it”.")
    severities = ManyField("Severity", [(one, one.capitalize()) for one in SEVERITIES])
    board_ids = ManyField("Boards")
    client_ids = ManyField("Clients")
    mapping = RadioField(
        "Organizations",
        choices=[
            SelectChoice(ANY, "Mapped or not"),
            SelectChoice(MAPPED, "Only those mapped to a client"),
            SelectChoice(UNMAPPED, "Only unmapped ones (on triage)"),
        ],
        validate_choice=False,
    )
    is_timed = ManyField("When", [(YES, "Only at certain hours")])
    keeps_holidays = ManyField("Holidays", [(YES, "On holidays, too")])
    outside = RadioField(
        "Outside of these hours",
        choices=[
            SelectChoice(HOLD, "Hold messages until they begin"),
            SelectChoice(SKIP, "Try the next policy"),
        ],
        validate_choice=False,
    )
    repeats = StringField("Repeat the last step so many times")

    def offer(self, choices: PolicyChoices) -> None:
        """Offer boards and clients."""
        self.board_ids.offer(choices.boards)
        self.client_ids.offer(choices.clients)

    def values(self, steps: Sequence[StepRule]) -> PolicyValues:
        """What was sent; raises FieldError for an unknown zone."""
        hours = None
        if self.is_timed.data:
            hours = self.hours(skips_holidays=not self.keeps_holidays.data)
        return PolicyValues(
            name=self.name.data,
            conditions={
                "events": self.events.data or (),
                "severities": self.severities.data or (),
                "board_ids": self.board_ids.numbers,
                "client_ids": self.client_ids.numbers,
                "mapping": self.mapping.data or ANY,
                "hours": hours,
                "outside": self.outside.data or HOLD,
                "untouched_minutes": read_whole(self.untouched_minutes.data, None),
            },
            steps=steps,
            repeats=read_whole(self.repeats.data, 0) or 0,
        )


class OfferForm(HoursForm):
    """What is chosen with the three policies that are offered."""

    target_id = IdField("High incidents go to")


@dataclass
class StepRow:
    """A step as it was typed; `errors` are shown below it."""

    after: str = ""
    targets: set[str] = field(default_factory=set)
    on_call: bool = False
    everybody: bool = False
    errors: list[str] = field(default_factory=list)

    @property
    def is_empty(self) -> bool:
        """Whether nothing was entered."""
        return not (self.targets or self.on_call or self.everybody or self.after.strip())

    def as_step(self) -> StepRule:
        """The step as the services take it."""
        numbers = (read_number(text) for text in sorted(self.targets))
        return StepRule(
            after_minutes=read_whole(self.after, 0) or 0,
            target_ids=tuple(NO_SUCH_ID if one is None else one for one in numbers),
            tells_on_call=self.on_call,
            tells_everybody=self.everybody,
        )


def read_step_rows(sent: MultiDict[str, str]) -> list[StepRow]:
    """The steps of a form that was sent, empty ones included."""
    rows = []
    for place in range(MOST_STEPS + 1):
        if f"steps-{place}-after" not in sent:
            break
        rows.append(
            StepRow(
                after=sent[f"steps-{place}-after"],
                targets=set(sent.getlist(f"steps-{place}-targets")),
                on_call=f"steps-{place}-on_call" in sent,
                everybody=f"steps-{place}-everybody" in sent,
            )
        )
    return rows


def step_rows(rule: PolicyRule) -> list[StepRow]:
    """The steps of a stored policy as rows of the form."""
    return [
        StepRow(
            after=str(step.after_minutes),
            targets={str(key) for key in step.target_ids},
            on_call=step.tells_on_call,
            everybody=step.tells_everybody,
        )
        for step in rule.steps
    ]


def place_errors(rows: Sequence[StepRow], error: FieldError) -> FieldError:
    """Put the sentences about steps below them; return all by the fields of the form."""
    filled = [(number, row) for number, row in enumerate(rows, 1) if not row.is_empty]
    fields: dict[str, str] = {}
    for name, sentence in error.fields.items():
        parts = name.split("-")
        if parts[0] == "steps" and len(parts) == 3:
            number, row = filled[int(parts[1])]
            row.errors.append(sentence)
            fields[name] = f"Step {number}: {sentence}"
        else:
            fields["begins" if name == "hours" else name] = sentence
    return FieldError(fields)


def form_data(rule: PolicyRule | None, time_zone: str) -> Mapping[str, Any]:
    """What the form shows of a stored policy, or of a new one."""
    if rule is None:
        return {
            "events": ["created"],
            "severities": ["critical"],
            "mapping": ANY,
            "outside": HOLD,
            "repeats": "0",
            "weekdays": list(WORKDAYS),
            "begins": "08:00",
            "ends": "18:00",
            "zone": time_zone,
        }
    about, hours = rule.conditions, rule.conditions.hours
    return {
        "name": rule.name,
        "events": list(about.events),
        "severities": list(about.severities),
        "board_ids": [str(key) for key in about.board_ids],
        "client_ids": [str(key) for key in about.client_ids],
        "mapping": about.mapping,
        "untouched_minutes": str(about.untouched_minutes or ""),
        "is_timed": [YES] if hours else [],
        "weekdays": [str(day) for day in hours.weekdays] if hours else list(WORKDAYS),
        "begins": f"{hours.begins:%H:%M}" if hours else "08:00",
        "ends": f"{hours.ends:%H:%M}" if hours else "18:00",
        "zone": hours.zone if hours else time_zone,
        "keeps_holidays": [YES] if hours and not hours.skips_holidays else [],
        "outside": about.outside,
        "repeats": str(rule.repeats),
    }


def read_whole(text: str | None, empty: int | None) -> int | None:
    """The number in a field, `empty` for nothing, WRONG_NUMBER for anything else."""
    typed = (text or "").strip()
    if not typed:
        return empty
    number = read_number(typed)
    return WRONG_NUMBER if number is None else number
