"""Forms of the account pages; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import EmailField, HiddenField, PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from webapp.domain.security.passwords import RULE
from webapp.services.people.set_preferences import THEMES

THEME_LABELS = {"auto": "As the system", "light": "Light", "dark": "Dark"}


class SetupForm(FlaskForm):
    """The form for the first admin."""

    token = StringField(
        "Setup token",
        [InputRequired("Enter the setup token.")],
        description="Printed where Triagedesk was started. It is valid for 24 hours.",
    )
    name = StringField("Your name", [InputRequired("Enter your name.")])
    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address.")])
    password = PasswordField(
        "Password",
        [InputRequired("Choose a password.")],
        description=RULE,
    )
    time_zone = HiddenField()


class SignInForm(FlaskForm):
    """The form for e-mail address and password."""

    email = EmailField("E-mail address", [InputRequired("Enter your e-mail address.")])
    password = PasswordField("Password", [InputRequired("Enter your password.")])


class PreferencesForm(FlaskForm):
    """The form for one person's colours and time zone."""

    theme = RadioField(
        "Colours", choices=[SelectChoice(name, THEME_LABELS[name]) for name in THEMES]
    )
    time_zone = StringField(
        "Time zone",
        description="Every time is shown in this zone. Type a city, such as Berlin, to find it.",
    )


class DetailsForm(FlaskForm):
    """The form for one's own name and address; the hidden fields hold what was shown."""

    name = StringField("Name")
    email = EmailField("E-mail address", description="What you sign in with.")
    seen_name = HiddenField()
    seen_email = HiddenField()


class ChoosePasswordForm(FlaskForm):
    """The form for a password with a one-time link; without a link, its code is typed in."""

    token = StringField(
        "Link or its code",
        [InputRequired("Enter the link you were given.")],
        description="The code is what stands after “token=” in the link.",
    )
    password = PasswordField(
        "New password",
        [InputRequired("Choose a password.")],
        description=RULE,
    )
    time_zone = HiddenField()


class BetterPasswordForm(FlaskForm):
    """The form for a better password, before anything else can be done."""

    current_password = PasswordField("Current password", [InputRequired("Enter it.")])
    new_password = PasswordField(
        "Better password", [InputRequired("Choose a password.")], description=RULE
    )


class ChangePasswordForm(FlaskForm):
    """The form to change one's own password."""

    current_password = PasswordField("Current password", [InputRequired("Enter it.")])
    new_password = PasswordField(
        "New password",
        [InputRequired("Choose a password.")],
        description=f"{RULE} You stay signed in here and are signed out elsewhere.",
    )
