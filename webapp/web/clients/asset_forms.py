"""Forms of the asset pages. What a field may hold is checked by the services."""

from flask_wtf import FlaskForm
from wtforms import SelectField, StringField
from wtforms.fields.choices import SelectChoice

from webapp.services.desk.edit_assets import AssetValues, read_asset_values
from webapp.services.desk.list_clients import list_client_choices
from webapp.web.edit_pages import chosen_id


class AssetForm(FlaskForm):
    """An asset."""

    client_id = SelectField("Client", validate_choice=False)
    name = StringField(
        "Hostname",
        description="Tickets are linked to the asset of their client that has their hostname.",
    )
    serial_number = StringField(
        "Serial number (optional)",
        description="Decides where several assets of a client have the same hostname.",
    )
    type = StringField("Type (optional)", description="Such as laptop or server.")
    asset_tag = StringField("Asset tag (optional)")

    def fill_choices(self, kept_id: int | None = None) -> None:
        """Offer the active clients, and the asset's own."""
        self.client_id.choices = [SelectChoice("", "Choose a client")] + [
            SelectChoice(str(key), name) for key, name in list_client_choices(kept_id=kept_id)
        ]

    def values(self) -> AssetValues:
        """What was entered, cleaned. Raises FieldError."""
        return read_asset_values(
            chosen_id(self.client_id.data),
            self.name.data,
            self.serial_number.data,
            self.type.data,
            self.asset_tag.data,
        )
