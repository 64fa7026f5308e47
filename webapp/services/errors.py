"""Refusals of the services: one sentence each, written to be shown to the person who asked."""

from collections.abc import Mapping


class ServiceError(Exception):
    """Something was asked that cannot be done; nothing was changed.

    `str(error)` is one sentence (or two) with what to do about it, free of secrets.
    """


class NotFoundError(ServiceError):
    """What was named does not exist."""


class FieldError(ServiceError):
    """Some fields cannot be taken; `fields` says for each what is wrong with it."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(fields.values())))
        self.fields = dict(fields)
