"""Forms of the client pages; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import StringField, TextAreaField

from webapp.services.desk.edit_clients import ClientValues, read_client_values


class ClientForm(FlaskForm):
    """The form for a client."""

    name = StringField("Name")
    external_reference = StringField(
        "External reference (optional)", description="Its number in your PSA, for example."
    )
    notes = TextAreaField("Notes (optional)", description="Only admins see them.")

    def values(self) -> ClientValues:
        """The typed values, cleaned. Raises FieldError."""
        return read_client_values(self.name.data, self.notes.data, self.external_reference.data)
