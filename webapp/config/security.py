"""How people sign in: sessions, second factors, passwords that are refused."""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import timedelta

from webapp.config.env import PREFIX, ConfigError, read_number, read_value
from webapp.domain.security.factor_rule import FactorRule


@dataclass(frozen=True)
class SecuritySettings:
    """How long sessions last, who needs a second factor and how soon, which passwords are known."""

    session_lifetime: timedelta = timedelta(days=14)
    idle_lifetime: timedelta = timedelta(hours=8)
    second_factor: FactorRule = FactorRule.ADMINS
    factor_grace: timedelta = timedelta(days=7)
    breached_passwords: str | None = None


def read_security(env: Mapping[str, str]) -> SecuritySettings:
    """Read and check the settings; raises ConfigError with a hint."""
    return SecuritySettings(
        session_lifetime=timedelta(days=read_number(env, "SESSION_DAYS", 14, 1, 90)),
        idle_lifetime=timedelta(hours=read_number(env, "SESSION_IDLE_HOURS", 8, 1, 2160)),
        second_factor=_factor_rule(env),
        factor_grace=timedelta(days=read_number(env, "SECOND_FACTOR_GRACE_DAYS", 7, 0, 90)),
        breached_passwords=read_value(env, "BREACHED_PASSWORDS"),
    )


def _factor_rule(env: Mapping[str, str]) -> FactorRule:
    text = (read_value(env, "SECOND_FACTOR") or FactorRule.ADMINS).lower()
    try:
        return FactorRule(text)
    except ValueError as error:
        raise ConfigError(
            f"{PREFIX}SECOND_FACTOR is {text!r}.", f"It is one of {', '.join(FactorRule)}."
        ) from error
