"""What every line of the log says besides its message: the request, session, user, connection, run.

The values belong to what a thread or task does at the moment; whoever knows one notes it.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from types import MappingProxyType

NOTHING: Mapping[str, object] = MappingProxyType({})
_fields: ContextVar[Mapping[str, object]] = ContextVar("log_fields", default=NOTHING)


def read_log_fields() -> Mapping[str, object]:
    """Return the fields by name, in the order in which they were noted."""
    return _fields.get()


def begin_log_fields(**fields: object) -> None:
    """Forget what was noted before, and note these: something new begins, such as a request."""
    _fields.set(fields)


def note_log_fields(**fields: object) -> None:
    """Note fields until what is done at the moment ends; one that is None is left out."""
    known = {name: value for name, value in fields.items() if value is not None}
    _fields.set({**_fields.get(), **known})


@contextmanager
def log_fields(**fields: object) -> Iterator[None]:
    """Note fields for the lines that are logged inside the block."""
    token = _fields.set({**_fields.get(), **fields})
    try:
        yield
    finally:
        _fields.reset(token)
