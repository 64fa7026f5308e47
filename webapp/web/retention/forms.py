"""Forms of retention; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import StringField

from webapp.domain.retention.kinds import RULES, RetentionKind, age_words
from webapp.services.retention.ages import AgeRow

SEEN = "seen-"
"""The beginning of the hidden fields that say which ages the form was filled with."""


class AgesForm(FlaskForm):
    """The form with a field for each kind of records."""

    def fill(self, rows: list[AgeRow]) -> None:
        """Show the ages that are stored."""
        for row in rows:
            self[row.kind.value].data = row.typed

    def typed(self) -> dict[RetentionKind, str]:
        """What was typed, by kind; a field that was not sent is left out."""
        return {kind: self[kind.value].data for kind in RetentionKind if self[kind.value].raw_data}


for _kind, _rule in RULES.items():
    _never = ', or "never"' if _rule.may_stay else ""
    setattr(
        AgesForm,
        _kind.value,
        StringField(
            f"{_rule.label} (days)",
            description=f"{_rule.why} At least {age_words(_rule.least)}{_never}; "
            f"{age_words(_rule.days)} by default.",
        ),
    )


class ForgetClientForm(FlaskForm):
    """The form that forgets a client."""

    name = StringField("Type the client's name")


class ForgetPersonForm(FlaskForm):
    """The form that forgets a person."""

    email = StringField("Type the person's e-mail address")
