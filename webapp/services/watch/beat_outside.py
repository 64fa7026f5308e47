"""Calling the outside service that notices when this installation falls silent."""

from webapp import clock
from webapp.domain.watch.heartbeat import failure_url
from webapp.outbound.heartbeat import call
from webapp.services.watch.other_watchers import record_heartbeat


def beat_outside(url: str, why_not: str) -> str:
    """Call `url`, and return and record what came of it in words.

    With `why_not` (a sentence) the service is told that not all is well; one that cannot be told so
    is not called, and notices the silence.
    """
    called = failure_url(url, why_not) if why_not else url
    words = f"not called: {why_not}" if called is None else call(called)
    if why_not and called is not None:
        words = f"told that it is not well ({words}): {why_not}"
    record_heartbeat(words, clock.utcnow())
    return words
