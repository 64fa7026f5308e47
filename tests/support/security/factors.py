"""People with second factors, made by the services that the pages call."""

from dataclasses import replace
from datetime import timedelta

import pyotp
from flask import current_app

from tests.support.security.passkeys import SoftPasskey
from tests.support.security.sessions import begin
from webapp import clock
from webapp.config import FactorRule
from webapp.services.people.factors.authenticator_app import begin_app_setup, read_app_setup
from webapp.services.people.factors.own_factors import (
    FactorChange,
    add_own_passkey,
    confirm_own_app,
)
from webapp.services.people.factors.passkeys import ask_to_make_passkey


def require_factors(
    rule: FactorRule = FactorRule.ADMINS, grace: timedelta = timedelta(days=7), **changes: object
) -> None:
    """Set who needs a second factor in the app of the test, and what else is to differ."""
    config = current_app.extensions["triagedesk_config"]
    security = replace(config.security, second_factor=rule, factor_grace=grace)
    current_app.extensions["triagedesk_config"] = replace(config, security=security, **changes)


def code_at(key: str, steps: int = 0) -> str:
    """What the app shows now, or so many steps of thirty seconds later."""
    return pyotp.TOTP(key).at(clock.utcnow(), counter_offset=steps)


def set_up_app(user_id: int, token: str | None = None) -> tuple[str, FactorChange]:
    """Give a person an authenticator app; returns its key and the change.

    The code of the present step is used up by it.
    """
    begin_app_setup(user_id)
    key = read_app_setup(user_id).key.replace(" ", "")
    change = confirm_own_app(user_id, code_at(key), kept_token=token or begin(user_id))
    return key, change


def set_up_passkey(
    user_id: int, token: str | None = None, *, name: str = "Laptop", **options: object
) -> tuple[SoftPasskey, FactorChange]:
    """Give a person a passkey; returns it and the change."""
    passkey = SoftPasskey(**options)  # type: ignore[arg-type]
    question = ask_to_make_passkey(user_id)
    change = add_own_passkey(
        user_id,
        question.token,
        passkey.make(question.options),
        name,
        kept_token=token or begin(user_id),
    )
    return passkey, change
