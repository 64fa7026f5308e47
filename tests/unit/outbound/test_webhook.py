"""Webhooks as the Standard Webhooks specification describes them."""

import base64
import hashlib
import hmac
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone

import pytest

from tests.support.receivers.http_receiver import HttpReceiver, answer
from webapp import clock
from webapp.domain.notices.message import Message
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.send import send
from webapp.outbound.settings import Destination
from webapp.outbound.webhook import check_secret, new_secret, sign

NOW = datetime(2026, 11, 29, 3, 13, 14, tzinfo=UTC)
MESSAGE = Message(
    key="msg_12.begins.1",
    event="ticket.created",
    subject="ticket:12",
    title="Ransomware",
    happened_at=datetime(2026, 11, 29, 4, 12, tzinfo=timezone(timedelta(hours=1))),
    data={"number": 12, "client": "Müller", "severity": "critical"},
)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server, clock.replaced(lambda: NOW, lambda _: None):
        yield server


def target(receiver: HttpReceiver, secret: str = "") -> Destination:
    return Destination(
        kind=Kind.WEBHOOK,
        settings={"url": f"{receiver.origin}/hooks/desk"},
        secrets={"secret": secret} if secret else {},
        outbound_hosts=[receiver.origin],
    )


def test_the_specifications_own_example() -> None:
    signature = sign(
        ["whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"],
        "msg_p5jXN8AQM9LWM0D4loKWxJek",
        1614265330,
        b'{"test": 2432232314}',
    )
    assert signature == "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="


def test_a_receiver_can_check_what_it_got(receiver: HttpReceiver) -> None:
    newest, oldest = new_secret(), new_secret()
    receiver.behaviour = answer(204)
    assert send(target(receiver, f"{newest} {oldest}"), MESSAGE) == "204 No Content"
    request = receiver.requests[0]
    assert request.path == "/hooks/desk"
    assert request.headers["content-type"] == "application/json"
    assert request.headers["webhook-id"] == "msg_12.begins.1"
    assert request.headers["webhook-timestamp"] == str(int(NOW.timestamp()))
    content = b".".join((b"msg_12.begins.1", str(int(NOW.timestamp())).encode(), request.body))
    expected = [
        "v1,"
        + base64.b64encode(
            hmac.new(base64.b64decode(secret[6:]), content, hashlib.sha256).digest()
        ).decode()
        for secret in (newest, oldest)
    ]
    assert request.headers["webhook-signature"].split(" ") == expected
    assert request.json == {
        "type": "ticket.created",
        "timestamp": "2026-11-29T03:12:00Z",
        "data": {"number": 12, "client": "Müller", "severity": "critical"},
    }


def test_a_repeat_is_the_same_message(receiver: HttpReceiver) -> None:
    secret = new_secret()
    for _ in range(2):
        send(target(receiver, secret), MESSAGE)
    first, second = receiver.requests
    assert (first.headers["webhook-id"], first.body) == (second.headers["webhook-id"], second.body)


def test_without_a_secret_nothing_is_signed(receiver: HttpReceiver) -> None:
    send(target(receiver), MESSAGE)
    headers = receiver.requests[0].headers
    assert "webhook-signature" not in headers
    assert headers["webhook-id"] == "msg_12.begins.1"


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        (410, Failure.PERMANENT),
        (404, Failure.PERMANENT),
        (302, Failure.PERMANENT),
        (422, Failure.MESSAGE),
        (503, Failure.TRANSIENT),
    ],
)
def test_other_answers_are_refusals(receiver: HttpReceiver, status: int, refusal: Failure) -> None:
    receiver.behaviour = answer(status)
    with pytest.raises(DeliveryError) as caught:
        send(target(receiver, new_secret()), MESSAGE)
    assert caught.value.failure is refusal


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(b"k" * size).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_secrets_of_24_to_64_bytes_are_taken(size: int) -> None:
    assert check_secret(secret_of(size)) == b"k" * size


@pytest.mark.parametrize(
    "text",
    ["", "whsec_", "s3cret", secret_of(23), secret_of(65), secret_of(32)[6:], "whsec_s3cret!",
     secret_of(32) + "=", "whsec_ü" + "a" * 40],
)  # fmt: skip
def test_other_secrets_are_refused_without_being_told(text: str) -> None:
    with pytest.raises(ValueError, match="24 to 64 bytes") as caught:
        check_secret(text)
    assert "s3cret" not in str(caught.value)


def test_a_secret_that_cannot_sign_pauses_the_target(receiver: HttpReceiver) -> None:
    with pytest.raises(DeliveryError, match="signing secret") as caught:
        send(target(receiver, "s3cret"), MESSAGE)
    assert caught.value.failure is Failure.PERMANENT
    assert receiver.requests == []


def test_new_secrets_are_good_and_never_the_same() -> None:
    made = {new_secret() for _ in range(20)}
    assert len(made) == 20
    assert {len(check_secret(secret)) for secret in made} == {32}
