"""Forms of second factors; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField
from wtforms.validators import InputRequired

from webapp.models.columns import NAME_LENGTH
from webapp.services.people.factors.reset_factors import REASON_LENGTH

_CODE_LENGTH = 100


class AppCodeForm(FlaskForm):
    """The form for a code of the authenticator app."""

    code = StringField(
        "Code",
        [InputRequired("Enter the six digits.")],
        description="The six digits that your authenticator app shows now.",
        render_kw={"maxlength": _CODE_LENGTH},
    )


class RecoveryCodeForm(FlaskForm):
    """The form for a recovery code."""

    code = StringField(
        "Recovery code",
        [InputRequired("Enter a recovery code.")],
        description="Six groups of four letters and digits. Each code works once.",
        render_kw={"maxlength": _CODE_LENGTH},
    )


class PasskeyForm(FlaskForm):
    """The form for a passkey's name."""

    name = StringField(
        "Name",
        description="To tell your passkeys apart, such as “Laptop” or “Key on the key ring”.",
        render_kw={"maxlength": NAME_LENGTH},
    )


class ResetFactorsForm(FlaskForm):
    """The form for the reason of a reset."""

    reason = TextAreaField(
        "Reason",
        [InputRequired("Say why: the reason is on record, and the person reads it.")],
        description="For example: lost the phone, called back on the number we know.",
        render_kw={"maxlength": REASON_LENGTH},
    )
