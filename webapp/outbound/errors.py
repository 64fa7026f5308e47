"""Why a message was not delivered, as a sentence that an admin can act on."""

from enum import StrEnum


class Failure(StrEnum):
    """What a failed delivery means for the target and for the message."""

    TRANSIENT = "transient"
    """It may work later: a time-out, 429, a 5xx answer. The message is tried again."""

    PERMANENT = "permanent"
    """The target itself is refused: 401, 403, 404, 410, an unknown recipient, a host that is not
    allowed. The target is paused."""

    MESSAGE = "message"
    """Only this message is refused (400, 413, 422). It fails, and the target goes on."""


class DeliveryError(Exception):
    """A message was not delivered; the text is a sentence without any secret.

    `retry_after` is the number of seconds that the receiver asked to wait, None if it did not.
    """

    def __init__(
        self, failure: Failure, sentence: str, *, retry_after: float | None = None
    ) -> None:
        super().__init__(sentence)
        self.failure = failure
        self.retry_after = retry_after
