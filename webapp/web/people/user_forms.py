"""Forms of the Users pages; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import BooleanField, EmailField, HiddenField, RadioField, StringField
from wtforms.fields.choices import SelectChoice
from wtforms.validators import InputRequired

from webapp.models.user import ROLE_ADMIN, ROLE_AUDITOR, ROLE_HELPDESK
from webapp.web.params import IdField

ROLE_LABELS = {
    ROLE_AUDITOR: "Auditor: sees everything, also the audit log, and changes nothing",
    ROLE_HELPDESK: "Helpdesk: works tickets and presses “Poll now”",
    ROLE_ADMIN: "Admin: may also change settings, mappings and users",
}


def role_choices() -> list[SelectChoice]:
    """The roles as choices, the one with fewer rights first."""
    return [SelectChoice(role, label) for role, label in ROLE_LABELS.items()]


class InviteForm(FlaskForm):
    """The form to invite a person."""

    name = StringField("Name", [InputRequired("Enter a name.")])
    email = EmailField(
        "E-mail address",
        [InputRequired("Enter an e-mail address.")],
        description="What they sign in with. Triagedesk sends no mail: you hand over the link.",
    )
    role = RadioField("Role", choices=role_choices(), default=ROLE_HELPDESK)


class EditForm(FlaskForm):
    """The form for name, address, role; the hidden fields hold the values that were shown."""

    name = StringField("Name")
    email = EmailField("E-mail address", description="What they sign in with.")
    role = RadioField("Role", choices=role_choices(), validate_choice=False)
    seen_name = HiddenField()
    seen_email = HiddenField()
    seen_role = HiddenField()
    is_confirmed = BooleanField("Yes, I give up being an admin")


class DeactivateForm(FlaskForm):
    """The form that asks who takes over the open tickets."""

    successor = IdField("Give the open tickets to")
    is_confirmed = BooleanField("Yes, I lock myself out")

    def fill_choices(self, people: list[tuple[int, str]]) -> None:
        """Offer nobody and then these people."""
        self.successor.offer("Nobody (unassigned)", people)
