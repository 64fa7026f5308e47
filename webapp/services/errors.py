"""Refusals of the services: one sentence each, written to be shown to the person who asked.

There are four kinds, and none is another's: whoever catches one never catches a second.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """Something was asked that cannot be done; nothing was changed. Always one of the kinds below.

    `str(error)` is one sentence (or two) with what to do about it, free of secrets.
    """


class NotFoundError(ServiceError):
    """What was named does not exist."""


class RefusedError(ServiceError):
    """It cannot be done as things are; the page says so and stays as it was."""


class ConflictError(ServiceError):
    """Somebody else changed meanwhile what the request was made from."""


class FieldError(ServiceError):
    """Some fields cannot be taken; `fields` says for each what is wrong with it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(fields.values())))
        self.fields = dict(fields)
