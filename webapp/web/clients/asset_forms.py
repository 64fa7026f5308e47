"""Forms of the asset pages; the services check the values."""

from flask_wtf import FlaskForm
from wtforms import StringField

from webapp.services.desk.edit_assets import AssetValues, read_asset_values
from webapp.services.desk.list_clients import list_client_choices
from webapp.web.params import IdField


class AssetForm(FlaskForm):
    """The form for an asset."""

    client_id = IdField("Client")
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
        """Offer the active clients and the asset's own client."""
        self.client_id.offer("Choose a client", list_client_choices(kept_id=kept_id))

    def values(self) -> AssetValues:
        """The typed values, cleaned. Raises FieldError."""
        return read_asset_values(
            self.client_id.chosen,
            self.name.data,
            self.serial_number.data,
            self.type.data,
            self.asset_tag.data,
        )
