"""The settings of a target: what was typed, cleaned and checked, and how it is stored."""

import json
from collections.abc import Mapping
from dataclasses import dataclass
from urllib.parse import urlsplit

from webapp.crypto import UnreadableText
from webapp.domain.notices.masked import mask_address
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.domain.untrusted import clean_line
from webapp.extensions import current_config
from webapp.models import Target
from webapp.outbound.check_host import check_target_hosts
from webapp.outbound.check_settings import check_settings
from webapp.outbound.webhook import check_secret
from webapp.services.errors import FieldError

LONGEST_SETTING = 2_000
ADDRESS = "url"
SIGNING_SECRET = "secret"  # noqa: S105 - the name of a setting

ENTER_AGAIN = "Enter it again: it is sent only to the host that it was entered for."


@dataclass(frozen=True, slots=True)
class Settings:
    """A target's settings by name: those that anybody may see, and the secret ones."""

    plain: Mapping[str, str]
    secret: Mapping[str, str]

    def sealed(self) -> str | None:
        """The secret ones as a target's `secrets` holds them."""
        return json.dumps(dict(self.secret)) if self.secret else None


def read_settings(
    kind: Kind, typed: Mapping[str, str | None], stored: Settings | None = None
) -> Settings:
    """Return what was typed, checked; of an empty secret the stored one is kept.

    Raises FieldError with a sentence for each setting by its name. None of them holds a secret.
    """
    stored = stored or Settings({}, {})
    plain, secret = {}, {}
    for setting in KINDS[kind].settings:
        value = clean_line(typed.get(setting.name), LONGEST_SETTING) or ""
        if setting.is_secret:
            secret[setting.name] = value or stored.secret.get(setting.name, "")
        else:
            plain[setting.name] = value
    problems = _problems(kind, plain, secret)
    if not problems:
        problems = _sent_elsewhere(kind, {**plain, **secret}, typed, stored)
    if problems:
        raise FieldError(problems)
    return Settings(_without_empty(plain), _without_empty(secret))


def settings_of(target: Target) -> Settings:
    """Return a stored target's settings; secrets that no key fits count as none."""
    plain = {name: str(value) for name, value in target.settings.items()}
    if not target.secrets or isinstance(target.secrets, UnreadableText):
        return Settings(plain, {})
    return Settings(plain, json.loads(target.secrets))


def shown_settings(target: Target) -> dict[str, str]:
    """Return the settings that are not secret, as lists and the audit log show them.

    Of a webhook's address they show the host, since a key often stands behind it.
    """
    shown = {name: str(value) for name, value in target.settings.items()}
    if target.kind == Kind.WEBHOOK.value and ADDRESS in shown:
        shown[ADDRESS] = mask_address(shown[ADDRESS])
    return shown


def _problems(kind: Kind, plain: Mapping[str, str], secret: Mapping[str, str]) -> dict[str, str]:
    hosts = current_config().outbound_hosts
    problems = check_settings(kind, plain, secret, hosts)
    signing = secret.get(SIGNING_SECRET, "") if kind is Kind.WEBHOOK else ""
    for one in signing.split():
        try:
            check_secret(one)
        except ValueError as error:
            problems[SIGNING_SECRET] = str(error)
    return check_target_hosts(kind, {**plain, **secret}, hosts) | problems


def _sent_elsewhere(
    kind: Kind, read: Mapping[str, str], typed: Mapping[str, str | None], stored: Settings
) -> dict[str, str]:
    """Return the stored secrets that another host would get; a signing secret is never sent."""
    before = {**stored.plain, **stored.secret}.get(ADDRESS, "")
    if kind is Kind.WEBHOOK or _host(before) == _host(read.get(ADDRESS, "")):
        return {}
    kept = [name for name in stored.secret if not (typed.get(name) or "").strip()]
    return {name: ENTER_AGAIN for name in kept if name != ADDRESS}


def _host(address: str) -> tuple[str, str]:
    parts = urlsplit(address)
    return parts.scheme, parts.netloc


def _without_empty(values: Mapping[str, str]) -> dict[str, str]:
    return {name: value for name, value in values.items() if value}
