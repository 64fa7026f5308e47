"""What all connections to other machines share: a name, answers that end in time."""

import io
import socket
from collections.abc import Iterator
from functools import partial
from http.client import HTTPResponse
from importlib import metadata
from time import monotonic
from typing import Any

from urllib3.connection import HTTPConnection


def user_agent() -> str:
    """What Triagedesk calls itself when it asks another machine."""
    try:
        return f"Triagedesk/{metadata.version('triagedesk')}"
    except metadata.PackageNotFoundError:
        return "Triagedesk/dev"


class DeadlineReader(io.RawIOBase):
    """A socket's reader that lets each `recv` wait only for the rest of the answer's time.

    With `most`, no more than so many bytes are read; then reading raises OSError.
    """

    def __init__(
        self,
        raw: io.RawIOBase,
        sock: socket.socket,
        seconds: float,
        whole: float,
        *,
        most: int | None = None,
    ):
        super().__init__()
        self._left = most
        self._raw = raw
        self._sock = sock
        self._seconds = seconds
        self._ends_at = monotonic() + whole

    def readable(self) -> bool:
        return True

    def fileno(self) -> int:
        return self._raw.fileno()

    def readinto(self, buffer: Any) -> int | None:
        left = self._ends_at - monotonic()
        if left <= 0:
            raise TimeoutError("the answer took too long as a whole")
        self._sock.settimeout(min(left, self._seconds))
        size = self._raw.readinto(buffer)
        if self._left is not None:
            self._left -= size or 0
            if self._left < 0:
                raise OSError("the answer is too long")
        return size

    def close(self) -> None:
        self._raw.close()
        super().close()


class _DeadlineResponse(HTTPResponse):
    """The response of http.client, read through a `DeadlineReader`."""

    def __init__(
        self, sock: socket.socket, *args: Any, seconds: float, whole: float, **kwargs: Any
    ) -> None:
        super().__init__(sock, *args, **kwargs)
        raw = self.fp.detach()
        self.fp = io.BufferedReader(DeadlineReader(raw, sock, seconds, whole))


def limit_answer(connection: HTTPConnection, *, seconds: float, whole: float) -> None:
    """Let the connection's next answer be silent for `seconds` at most and end within `whole`."""
    limited = partial(_DeadlineResponse, seconds=seconds, whole=whole)
    connection.response_class = limited  # type: ignore[assignment]


def causes_of(exception: BaseException) -> Iterator[BaseException]:
    """Yield the exception and its causes, which the libraries keep in arguments and in `reason`.

    `__context__` is left out, because it may be an unrelated exception that the caller is handling.
    """
    waiting: list[object] = [exception]
    seen: set[int] = set()
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [*current.args, getattr(current, "reason", None), current.__cause__]
