"""The receiver in the documents, as it stands there, takes what webhooks send and nothing else."""

import re
import time
from collections.abc import Callable, Mapping
from typing import Any

import pytest

from tests.support.receivers.http_receiver import HttpReceiver
from tests.support.source_tree import ROOT
from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.settings import Destination
from webapp.outbound.webhook import new_secret, send_webhook

DOCUMENT = (ROOT / "docs" / "using.md").read_text(encoding="utf-8")
Check = Callable[[Mapping[str, str], bytes, str], bool]


@pytest.fixture(scope="module")
def source() -> str:
    found = re.findall(r"^```python\n(.*?)^```$", DOCUMENT, re.MULTILINE | re.DOTALL)
    assert len(found) == 1
    return str(found[0])


@pytest.fixture
def is_genuine(source: str) -> Check:
    names: dict[str, Any] = {}
    exec(compile(source, "docs/using.md", "exec"), names)
    check: Check = names["is_genuine"]
    return check


def received(secrets: str) -> tuple[dict[str, str], bytes]:
    """The headers and the body of a webhook that was sent just now."""
    message = Message(
        key="m-1",
        event="ticket.created",
        subject="ticket:1",
        title="Ticket",
        happened_at=clock.utcnow(),
        data={"number": "TKT-1", "client": "Müller"},
    )
    with HttpReceiver() as receiver:
        destination = Destination(
            kind=Kind.WEBHOOK,
            settings={"url": f"{receiver.origin}/hooks"},
            secrets={"secret": secrets},
            outbound_hosts=(receiver.origin,),
        )
        send_webhook(destination, message)
        request = receiver.requests[0]
    return dict(request.headers), request.body


def test_the_example_has_ten_lines(source: str) -> None:
    assert len([line for line in source.splitlines() if line.strip()]) <= 10


def test_it_takes_what_is_signed_by_its_secret(is_genuine: Check) -> None:
    old, new = new_secret(), new_secret()
    headers, body = received(old)
    assert is_genuine(headers, body, old)
    assert not is_genuine(headers, body, new)
    assert not is_genuine(headers, body + b" ", old)
    assert not is_genuine({**headers, "webhook-id": "m-2"}, body, old)
    headers, body = received(f"{new} {old}")
    assert is_genuine(headers, body, old)
    assert is_genuine(headers, body, new)


def test_it_takes_nothing_that_is_old(is_genuine: Check, monkeypatch: pytest.MonkeyPatch) -> None:
    secret = new_secret()
    headers, body = received(secret)
    later = time.time() + 301
    monkeypatch.setattr(time, "time", lambda: later)
    assert not is_genuine(headers, body, secret)
