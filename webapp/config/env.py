"""Reading single values from the environment, from files and from systemd's credentials."""

import re
from collections.abc import Mapping
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

PREFIX = "TRIAGEDESK_"


class ConfigError(Exception):
    """The configuration cannot be used; `hint` says what to do about it."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint


def is_set(env: Mapping[str, str], name: str) -> bool:
    """Whether `TRIAGEDESK_<name>` or its `_FILE` variant gives a value."""
    return read_value(env, name) is not None


def read_value(env: Mapping[str, str], name: str) -> str | None:
    """The variable's value, or the content of the file that its `_FILE` variant names."""
    value = env.get(PREFIX + name, "").strip()
    path = env.get(f"{PREFIX}{name}_FILE", "").strip()
    if value or not path:
        return value or None
    try:
        return Path(path).read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise ConfigError(
            f"{PREFIX}{name}_FILE names {path}, which cannot be read ({error.strerror}).",
            "Check the path and that this user may read it.",
        ) from error


def read_words(env: Mapping[str, str], name: str) -> tuple[str, ...]:
    """The words of a variable, which are separated by spaces or commas."""
    return tuple(word for word in re.split(r"[\s,]+", read_value(env, name) or "") if word)


def read_number(env: Mapping[str, str], name: str, default: int, least: int, most: int) -> int:
    """A whole number within limits, `default` where it is not set; raises ConfigError."""
    text = read_value(env, name)
    if text is None:
        return default
    if not re.fullmatch(r"[0-9]{1,9}", text) or not least <= int(text) <= most:
        raise ConfigError(
            f"{PREFIX}{name} is {text!r}.", f"It takes a whole number from {least} to {most}."
        )
    return int(text)


def split_url(url: str) -> SplitResult | None:
    """The parts of a URL with a host and a valid port, otherwise None. Never raises."""
    try:
        parts = urlsplit(url)
        has_host = bool(parts.hostname) and (parts.port is None or parts.port > 0)
    except ValueError:
        return None
    return parts if has_host and not re.search(r"[\s\x00-\x1f]", url) else None


def read_file(path: Path) -> str | None:
    """The stripped text of a file; None if it does not exist or is empty. Raises ConfigError."""
    try:
        return path.read_text(encoding="utf-8").strip() or None
    except FileNotFoundError:
        return None
    except OSError as error:
        raise ConfigError(
            f"{path} cannot be read ({error.strerror}).", "Run this as the user who owns it."
        ) from error
