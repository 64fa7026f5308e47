"""When the outside service is told that all is well, and how it is told that it is not."""

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from urllib.parse import parse_qsl, urlencode, urlsplit, urlunsplit

from webapp.domain.polling_health import PollingFacts

INTERVALS = 3
"""Within so many intervals a connection has to have been polled with success."""

HEALTHCHECKS_HOST = "hc-ping.com"
REASON_LENGTH = 200

_HEALTHCHECKS_PATH = re.compile(r"/ping/[^/]+(/[^/]+)?/?$")
_KUMA_PATH = re.compile(r"/api/push/[^/]+/?$")
_SIGNALS = ("/fail", "/start", "/log")


@dataclass(frozen=True, slots=True)
class NamedFacts:
    """A connection with the facts of its polling."""

    name: str
    facts: PollingFacts


def why_not(
    connections: Iterable[NamedFacts], now: datetime, *, problems: Sequence[str] = ()
) -> list[str]:
    """Return why the outside service must not be told that all is well; empty if it may.

    `problems` are what else is not well. Connections that were not started, are paused or
    disconnected, or belong to another edition are left out.
    """
    return [*problems, *_silent(connections, now)]


def failure_url(url: str, why: str) -> str | None:
    """Return the address that says "not well" to the service of `url`; None where it knows none.

    Healthchecks (its own hosts, and `/ping/…` elsewhere) takes `/fail` behind the address, and an
    Uptime Kuma push monitor `status=down`.
    """
    parts = urlsplit(url)
    path = parts.path.rstrip("/")
    if (parts.hostname or "").lower() == HEALTHCHECKS_HOST or _HEALTHCHECKS_PATH.search(path):
        bare = path.removesuffix(next((one for one in _SIGNALS if path.endswith(one)), ""))
        return urlunsplit(parts._replace(path=f"{bare}/fail")) if bare else None
    if _KUMA_PATH.search(path):
        kept = [
            (name, value)
            for name, value in parse_qsl(parts.query, keep_blank_values=True)
            if name not in ("status", "msg", "ping")
        ]
        query = urlencode([*kept, ("status", "down"), ("msg", why[:REASON_LENGTH]), ("ping", "")])
        return urlunsplit(parts._replace(query=query))
    return None


def _silent(connections: Iterable[NamedFacts], now: datetime) -> Iterator[str]:
    for one in connections:
        facts = one.facts
        is_expected = (
            facts.is_available
            and facts.started_at is not None
            and facts.paused_at is None
            and facts.disconnected_at is None
        )
        span = INTERVALS * facts.interval
        moments = (facts.last_success_at, facts.started_at, facts.resumed_at)
        last = max((one for one in moments if one is not None and one <= now), default=None)
        if is_expected and (last is None or now - last > span):
            yield f"{one.name} was not polled with success within {_words(span)}."


def _words(span: timedelta) -> str:
    return f"{span // timedelta(minutes=1)} minutes"
