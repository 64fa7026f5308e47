"""The form of a target, made for its kind."""

from collections.abc import Mapping, Sequence
from typing import Any

from flask_wtf import FlaskForm
from wtforms import BooleanField, Field, PasswordField, StringField

from webapp.domain.notices.masked import hint_at
from webapp.domain.notices.target_kinds import KINDS, Kind, KindSetting
from webapp.services.notices.targets.edit_targets import TargetValues

STORED = "Stored, and not shown again. Leave it empty to keep it."
STORED_ADDRESS = "Stored ({}), and not shown whole again. Leave it empty to keep it."
FORGOTTEN_BY_BROWSERS = {"autocomplete": "off", "spellcheck": "false", "autocapitalize": "none"}


class SettingsForm(FlaskForm):
    """The settings of a kind, to which `build_form` adds a field for each."""

    def typed(self, settings: Sequence[KindSetting]) -> dict[str, str | None]:
        """What was typed, by the names of the settings."""
        return {one.name: self[one.name].data for one in settings}


class TargetForm(SettingsForm):
    """The form of a target of the team."""

    name = StringField("Name", description="Such as SOC channel; policies choose it by its name.")
    tells_alarms = BooleanField("Alarms of Triagedesk itself are told here")
    tells_summaries = BooleanField("The daily and weekly summaries are sent here")

    def values(self, kind: Kind) -> TargetValues:
        """The typed values."""
        return TargetValues(
            name=self.name.data or "",
            settings=self.typed(KINDS[kind].settings),
            tells_alarms=self.tells_alarms.data,
            tells_summaries=self.tells_summaries.data,
        )


def build_form(
    base: type[SettingsForm],
    settings: Sequence[KindSetting],
    *,
    stored: Mapping[str, str] | None = None,
    **options: Any,
) -> Any:
    """Return a form of the class `base` with a field for each setting.

    `stored` are the secrets that are stored: their fields say so, and never hold them. Of an
    address they show where it leads.
    """

    class KindForm(base):  # type: ignore[misc,valid-type]
        """The form of one kind."""

    for setting in settings:
        setattr(KindForm, setting.name, _field(setting, (stored or {}).get(setting.name)))
    return KindForm(**options)


def _field(setting: KindSetting, stored: str | None) -> Field:
    """A secret address is typed in plain sight, as nobody types one right without seeing it."""
    is_hidden = setting.is_secret and setting.name != "url"
    label = setting.label if setting.is_required else f"{setting.label} (optional)"
    words = setting.help
    if stored:
        words = STORED if is_hidden else STORED_ADDRESS.format(hint_at(stored))
    attributes = {**FORGOTTEN_BY_BROWSERS, "placeholder": setting.placeholder}
    if is_hidden:
        attributes["autocomplete"] = "new-password"
    made = PasswordField if is_hidden else StringField
    return made(label, description=words, render_kw=attributes)
