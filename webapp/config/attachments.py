"""How large files on tickets may be."""

from collections.abc import Mapping

from webapp.config.env import PREFIX, ConfigError, read_number
from webapp.domain.attaching.limits import MEGABYTE, FileLimits


def read_file_limits(env: Mapping[str, str]) -> FileLimits:
    """The limits of files; raises ConfigError where a ticket could not take one largest file."""
    largest = read_number(env, "ATTACHMENT_MB", 10, 1, 100)
    of_ticket = read_number(env, "TICKET_ATTACHMENTS_MB", 100, 1, 1_000)
    if of_ticket < largest:
        raise ConfigError(
            f"{PREFIX}TICKET_ATTACHMENTS_MB is {of_ticket}, less than {PREFIX}ATTACHMENT_MB"
            f" ({largest}).",
            "A ticket has to take at least one file of the largest size.",
        )
    return FileLimits(largest * MEGABYTE, of_ticket * MEGABYTE)
