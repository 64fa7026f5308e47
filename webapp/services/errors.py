"""Refusals of the services, each with a sentence that is shown to the person who asked.

There are four kinds. None is a subclass of another, so catching one kind never catches a second.
"""

from collections.abc import Mapping


class ServiceError(Exception):
    """A request that cannot be carried out; nothing was changed. Only its subclasses are raised.

    `str(error)` is one or two sentences that say what to do. It contains no secrets.
    """


class NotFoundError(ServiceError):
    """The thing that the request names does not exist."""


class RefusedError(ServiceError):
    """The request cannot be carried out in the present state; the page says so and stays."""


class ConflictError(ServiceError):
    """Somebody else changed the data after the request's page was loaded."""


class FieldError(ServiceError):
    """Some fields cannot be taken; `fields` holds a sentence for each of them."""

    def __init__(self, fields: Mapping[str, str]) -> None:
        super().__init__(" ".join(dict.fromkeys(fields.values())))
        self.fields = dict(fields)
