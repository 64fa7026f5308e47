"""The variables that are set, as a backup tells them: what is no secret, with its value."""

import re
from collections.abc import Mapping

from webapp.config.config import VARIABLES
from webapp.config.env import PREFIX
from webapp.config.keys import SECRETS

ADDRESSES = ("DATABASE_URL", "REDIS_URL")
"""Of the secrets, those that are told but for the password in them."""

LEFT_OUT = "(set, left out)"


def describe_variables(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that are set, without secrets and passwords.

    Paths of files (`…_FILE`) are told, and what is in the files is not. Of a name that is not known
    it is only told that it is set: it may be a secret's name, written wrongly.
    """
    return {
        name: _describe_variable(name.removeprefix(PREFIX), value)
        for name, value in sorted(env.items())
        if name.startswith(PREFIX) and value
    }


def _describe_variable(name: str, value: str) -> str:
    if name.endswith("_FILE"):
        return value
    if name in ADDRESSES:
        return re.sub(r"(?<=://).*@", "", value, flags=re.DOTALL).partition("?")[0]
    return value if name in VARIABLES and name not in SECRETS else LEFT_OUT
