"""The one guard that every connection to a target goes through."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from time import monotonic

from webapp.outbound import connection_check, limited_requests
from webapp.outbound.connection_check import Guard


@contextmanager
def guarded(outbound_hosts: Sequence[str], *, ca_file: str | None = None) -> Iterator[Guard]:
    """Let this thread connect to public addresses only while the block runs.

    Whatever library opens a connection, the address that is really connected to has to be a public
    unicast address or one of `outbound_hosts` (see `allowed_hosts`). Sockets within the server are
    refused. The block's connections have 30 s in all, and `requests` keeps to the limits of
    `limited_requests`. `ca_file` names certificates to trust besides the usual ones. The block
    gets what is known of its delivery.

    Raises DeliveryError(PERMANENT) for a connection or a redirect that was refused, at the latest
    when the block ends: a library that swallows the error cannot hide it. Threads that are started
    inside are not guarded, so senders start none.
    """
    connection_check.watch_connections()
    limited_requests.limit_sessions()
    outer = connection_check.current.get()
    ends_at = monotonic() + connection_check.WHOLE_SECONDS
    guard = Guard(
        outbound_hosts,
        ca_file or (outer.ca_file if outer else None),
        ends_at if outer is None else min(ends_at, outer.ends_at),
    )
    token = connection_check.current.set(guard)
    try:
        yield guard
    except Exception:  # what a library makes of our refusal gives way to the refusal itself
        if guard.refusal is None:
            raise
    finally:
        connection_check.current.reset(token)
    if guard.refusal is not None:
        raise guard.refusal from None
