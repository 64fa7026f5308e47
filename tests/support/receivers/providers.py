"""A server that plays Teams, Slack, ntfy, PagerDuty, Pushover and Twilio.

`lead_names` leads their names to it, in this process. Its certificate is good for all of them, and
for 127.0.0.1, for those who trust `ca_file`. Which of them is played, the path of a request tells,
so that addresses like `http://127.0.0.1:9000/services/…` work, too, without certificates.
"""

import json
import socket
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import pytest

from tests.support.receivers.certificates import Certificates
from tests.support.receivers.http_receiver import Handler, HttpReceiver, Received
from tests.support.receivers.http_receiver import answer as answering
from tests.support.receivers.provider_rules import HOSTS, RULES, Answer, Request


class Providers(HttpReceiver):
    """What the server received, and, by `behaviour`, how it is told to misbehave."""

    def __init__(self, certificates: Certificates | None = None) -> None:
        super().__init__(tls=certificates.fitting(*HOSTS) if certificates else None)
        self.ca_file = certificates.ca_file if certificates else None
        self.behaviour = self.by_the_rules

    @property
    def outbound_hosts(self) -> tuple[str, ...]:
        """The exception that lets a guarded connection reach the server."""
        return (self.origin,)

    @property
    def last(self) -> Request:
        """The request that came last, as rules read it."""
        return _read(self.requests[-1])

    def by_the_rules(self, handler: Handler) -> None:
        """Answer as the provider does."""
        request = self.last
        rules = next((rule for path, rule in RULES.items() if request.path.startswith(path)), None)
        said = rules(request) if rules else Answer(404, "not found")
        is_text = isinstance(said.body, str)
        text = said.body if isinstance(said.body, str) else json.dumps(said.body)
        headers = {"Content-Type": "text/plain" if is_text else "application/json"}
        answering(said.status, headers, text.encode())(handler)

    def start_anew(self) -> None:
        """Forget what was received, and behave."""
        self.requests.clear()
        self.behaviour = self.by_the_rules


def lead_names(patches: pytest.MonkeyPatch, port: int) -> None:
    """Let every provider's name resolve to the server at `port`."""
    look_up = socket.getaddrinfo

    def led(host: Any, *rest: Any, **options: Any) -> Any:
        if host in HOSTS:
            return look_up("127.0.0.1", port, type=socket.SOCK_STREAM)
        return look_up(host, *rest, **options)

    patches.setattr(socket, "getaddrinfo", led)


def _read(received: Received) -> Request:
    parts = urlsplit(received.path)
    is_form = received.headers.get("content-type") == "application/x-www-form-urlencoded"
    form = dict(parse_qsl(received.body.decode(), keep_blank_values=True)) if is_form else {}
    return Request(parts.path, dict(parse_qsl(parts.query)), received.headers, received.body, form)
