"""The form of the log."""

from collections.abc import Mapping
from enum import StrEnum

from webapp.config.env import PREFIX, ConfigError, read_value


class LogFormat(StrEnum):
    """How each event is written; both take one line."""

    TEXT = "text"
    JSON = "json"


def read_log_format(env: Mapping[str, str]) -> LogFormat:
    """Read and check the form; raises ConfigError with a hint."""
    text = (read_value(env, "LOG_FORMAT") or LogFormat.TEXT).lower()
    try:
        return LogFormat(text)
    except ValueError as error:
        raise ConfigError(
            f"{PREFIX}LOG_FORMAT is {text[:100]!r}.", f"It is one of {', '.join(LogFormat)}."
        ) from error
