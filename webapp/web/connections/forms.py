"""Forms for a connection's account: its key, secret and base URL."""

from flask_wtf import FlaskForm
from wtforms import PasswordField, RadioField, StringField
from wtforms.fields.choices import SelectChoice

from webapp.domain.pause import PauseEnd
from webapp.domain.portal_link import PORTAL_TEMPLATE_LENGTH
from webapp.services.connections.connect_account import DEFAULT_BASE_URL
from webapp.services.portal_links import OWN, PORTAL_FORMS


class CredentialsForm(FlaskForm):
    """The form for an API key and its secret.

    A refused form comes back with the key that was typed, never with the secret.
    """

    api_key = StringField("API key")
    api_secret = PasswordField("API secret")

    def credentials(self) -> tuple[str, str]:
        """The key and secret as they were typed."""
        return self.api_key.data or "", self.api_secret.data or ""


class PortalLinkForm(FlaskForm):
    """The form for links to Huntress's portal: a choice, and an own form for the last choice."""

    choice = StringField("Link format")
    template = StringField(
        "Your own format",
        description="Write {subdomain}, {organization_id} and {incident_id} where they belong.",
        render_kw={"maxlength": PORTAL_TEMPLATE_LENGTH, "inputmode": "url"},
    )

    def chosen(self) -> str | None:
        """The form of links that was chosen, None for the install's."""
        if self.choice.data == OWN:
            return self.template.data or ""
        return PORTAL_FORMS.get(self.choice.data or "")


class ConnectForm(CredentialsForm):
    """The form for a new account."""

    name = StringField(
        "Name (optional)",
        description="What to call this connection. Leave it empty for the account's own name.",
    )
    base_url = StringField(
        "Base URL",
        description=f"Leave it empty for {DEFAULT_BASE_URL}. Only hosts that this server was set "
        "up to allow are ever called.",
    )


class PauseForm(FlaskForm):
    """Why polling is paused, and until when."""

    reason = StringField("Reason", description="Everybody sees it while polling is paused.")
    end = RadioField(
        "How long",
        choices=[
            SelectChoice(PauseEnd.HOUR.value, "For 1 hour"),
            SelectChoice(PauseEnd.TOMORROW.value, "Until tomorrow, 08:00"),
            SelectChoice(PauseEnd.RESUMED.value, "Until I resume"),
        ],
        default=PauseEnd.HOUR.value,
    )

    def chosen_end(self) -> PauseEnd | None:
        """Return the end that was chosen, or None for another value."""
        return next((end for end in PauseEnd if end.value == self.end.data), None)
