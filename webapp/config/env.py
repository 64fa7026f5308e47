"""Reading single values from the environment, from files and from systemd's credentials."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

PREFIX = "TRIAGEDESK_"
CREDENTIALS_DIRECTORY = "CREDENTIALS_DIRECTORY"
"""Set by systemd for a service with LoadCredential= (systemd.exec(5))."""


class ConfigError(Exception):
    """The configuration cannot be used; `hint` says what to do about it."""

    def __init__(self, problem: str, hint: str) -> None:
        super().__init__(f"{problem} {hint}")
        self.problem = problem
        self.hint = hint


class SourceKind(StrEnum):
    """Where the value of a variable comes from."""

    VARIABLE = "environment"
    NAMED_FILE = "file"
    CREDENTIAL = "systemd credential"
    DATA_DIR = "data directory"


@dataclass(frozen=True, slots=True)
class ValueSource:
    """Where a value comes from, and the file that it stands in if it stands in one."""

    kind: SourceKind
    path: Path | None = None


FROM_ENVIRONMENT = ValueSource(SourceKind.VARIABLE)


def is_set(env: Mapping[str, str], name: str) -> bool:
    """Whether `TRIAGEDESK_<name>`, its `_FILE` variant or a credential gives a value."""
    return read_value(env, name) is not None


def find_source(env: Mapping[str, str], name: str) -> ValueSource | None:
    """Where `TRIAGEDESK_<name>` comes from, None if nothing gives it.

    The variable comes before the file that its `_FILE` variant names, and that before systemd's
    credential of the same name in lower case (`encryption_keys`).
    """
    if env.get(PREFIX + name, "").strip():
        return FROM_ENVIRONMENT
    if path := env.get(f"{PREFIX}{name}_FILE", "").strip():
        return ValueSource(SourceKind.NAMED_FILE, Path(path))
    if folder := env.get(CREDENTIALS_DIRECTORY, "").strip():
        credential = Path(folder) / name.lower()
        if credential.exists():
            return ValueSource(SourceKind.CREDENTIAL, credential)
    return None


def read_value(env: Mapping[str, str], name: str) -> str | None:
    """The variable's value: its own, or the content of the file that `find_source` finds."""
    source = find_source(env, name)
    if source is None or source.path is None:
        return env.get(PREFIX + name, "").strip() or None
    try:
        return source.path.read_text(encoding="utf-8").strip() or None
    except OSError as error:
        raise ConfigError(*_unreadable(name, source, error)) from error


def _unreadable(name: str, source: ValueSource, error: OSError) -> tuple[str, str]:
    if source.kind is SourceKind.CREDENTIAL:
        problem = f"The credential {source.path} cannot be read ({error.strerror})."
        return problem, "Check LoadCredential= in the unit of this service."
    problem = f"{PREFIX}{name}_FILE names {source.path}, which cannot be read ({error.strerror})."
    return problem, "Check the path and that this user may read it."


def without(env: Mapping[str, str], names: Iterable[str]) -> dict[str, str]:
    """Return `env` without these variables and their `_FILE` variants, for a part of the product.

    `$CREDENTIALS_DIRECTORY` stays: it is no secret, and parts read only what they need from it.
    """
    left_out = {PREFIX + name + end for name in names for end in ("", "_FILE")}
    return {name: value for name, value in env.items() if name not in left_out}


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
