"""Posting to a real server: what each answer and each failure means, and what it costs."""

import os
import resource
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.receivers.certificates import Certificates
from tests.support.receivers.http_receiver import (
    HttpReceiver,
    answer,
    drip,
    flood,
    hang,
    reset,
)
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound import connection_check
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.guard import guarded
from webapp.outbound.http import HttpAnswer, post
from webapp.outbound.limited_requests import trusting
from webapp.outbound.settings import Destination

PLACES = ("path", "query", "user", "word", "body", "head")
SECRETS = tuple(f"s3cret-{place}" for place in PLACES)
ANYWHERE = Destination(kind=Kind.SLACK, settings={})


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


def target(receiver: HttpReceiver, **changed: Any) -> Destination:
    usual = Destination(kind=Kind.WEBHOOK, settings={}, outbound_hosts=[receiver.origin])
    return replace(usual, **changed)


def send(origin: str, destination: Destination) -> HttpAnswer:
    """Post with a secret in every place that may hold one."""
    host = origin.replace("://", "://s3cret-user:s3cret-word@")
    return post(
        f"{host}/s3cret-path?key=s3cret-query",
        destination=destination,
        json={"text": "s3cret-body"},
        headers={"X-Token": "s3cret-head"},
        auth=("s3cret-user", "s3cret-word"),
    )


def error_of(receiver: HttpReceiver, **changed: Any) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(receiver.origin, target(receiver, **changed))
    for secret in SECRETS:
        assert secret not in str(caught.value)
        assert secret not in repr(caught.value)
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_success_is_the_answer(receiver: HttpReceiver) -> None:
    receiver.behaviour = answer(202, body="gut ✓".encode())
    reply = send(receiver.origin, target(receiver))
    assert (reply.status, reply.text, reply.words) == (202, "gut ✓", "202 Accepted")
    request = receiver.requests[0]
    assert request.json == {"text": "s3cret-body"}
    assert request.headers["user-agent"].startswith("Triagedesk/")
    assert request.headers["authorization"].startswith("Basic ")


def test_a_form_and_bytes_are_sent_as_they_are(receiver: HttpReceiver) -> None:
    post(receiver.origin, destination=target(receiver), data={"Body": "a b"})
    post(receiver.origin, destination=target(receiver), data=b'{"a":1}')
    assert [one.body for one in receiver.requests] == [b"Body=a+b", b'{"a":1}']


@pytest.mark.parametrize(
    ("status", "refusal"),
    [
        *((status, Failure.PERMANENT) for status in (301, 302, 307, 401, 403, 404, 405, 410)),
        *((status, Failure.MESSAGE) for status in (400, 413, 415, 422)),
        *((status, Failure.TRANSIENT) for status in (407, 408, 425, 429, 500, 502, 503, 504, 599)),
    ],
)
def test_each_status_has_its_meaning(receiver: HttpReceiver, status: int, refusal: Failure) -> None:
    receiver.behaviour = answer(status, body=b"s3cret-body")
    error = error_of(receiver)
    assert error.failure is refusal
    assert str(error).startswith("127.0.0.1 ")
    assert str(status) in str(error)
    assert len(receiver.requests) == 1


@pytest.mark.parametrize(
    ("headers", "seconds"),
    [
        ({"Retry-After": "7"}, 7.0),
        ({"Retry-After": "999999999"}, 86_400.0),
        ({"Retry-After": "soon"}, None),
        ({}, None),
    ],
)
@pytest.mark.parametrize("status", [429, 503])
def test_retry_after_in_seconds(
    receiver: HttpReceiver, status: int, headers: dict[str, str], seconds: float | None
) -> None:
    receiver.behaviour = answer(status, headers)
    assert error_of(receiver).retry_after == seconds


def test_retry_after_as_a_date_is_measured_from_the_receivers_own(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    at = datetime(2031, 5, 6, 10, 0, tzinfo=UTC)
    monkeypatch.setattr(
        "http.server.BaseHTTPRequestHandler.date_time_string",
        lambda *_: at.strftime("%a, %d %b %Y %H:%M:%S GMT"),
    )
    receiver.behaviour = answer(429, {"Retry-After": "Tue, 06 May 2031 10:01:30 GMT"})
    assert error_of(receiver).retry_after == 90


def test_a_refusal_that_is_no_wait_has_no_retry_after(receiver: HttpReceiver) -> None:
    receiver.behaviour = answer(404, {"Retry-After": "7"})
    assert error_of(receiver).retry_after is None


def test_a_sender_may_explain_an_answer_better(receiver: HttpReceiver) -> None:
    seen: list[HttpAnswer] = []

    def explain(reply: HttpAnswer) -> DeliveryError | None:
        seen.append(reply)
        return DeliveryError(Failure.PERMANENT, "No such channel.") if reply.text else None

    receiver.behaviour = answer(400, body=b"no_channel")
    with pytest.raises(DeliveryError, match="No such channel"):
        post(receiver.origin, destination=target(receiver), explain=explain)
    receiver.behaviour = answer(429, {"Retry-After": "3"})
    with pytest.raises(DeliveryError, match="429") as caught:
        post(receiver.origin, destination=target(receiver), explain=explain)
    assert caught.value.retry_after == 3
    assert [reply.status for reply in seen] == [400, 429]


def test_an_explanation_keeps_what_the_receiver_asked_to_wait(receiver: HttpReceiver) -> None:
    receiver.behaviour = answer(429, {"Retry-After": "3"})
    with pytest.raises(DeliveryError, match="Slower") as caught:
        post(
            receiver.origin,
            destination=target(receiver),
            explain=lambda _: DeliveryError(Failure.TRANSIENT, "Slower."),
        )
    assert caught.value.retry_after == 3


def test_a_redirect_into_the_own_network_is_refused_and_not_followed(
    receiver: HttpReceiver,
) -> None:
    with HttpReceiver() as inner:
        receiver.behaviour = answer(302, {"Location": f"{inner.origin}/s3cret-path"})
        error = error_of(receiver)
        assert inner.requests == []
    assert error.failure is Failure.PERMANENT
    assert "redirects" in str(error)


def test_a_host_that_is_not_public_is_permanent(receiver: HttpReceiver) -> None:
    error = error_of(receiver, outbound_hosts=())
    assert error.failure is Failure.PERMANENT
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in str(error)
    assert receiver.requests == []


@pytest.mark.parametrize("status", [200, 500])
def test_300_megabytes_are_not_downloaded(receiver: HttpReceiver, status: int) -> None:
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    receiver.behaviour = flood(300, status)
    if status == 200:
        assert len(send(receiver.origin, target(receiver)).text) == 65_536
    else:
        assert error_of(receiver).failure is Failure.TRANSIENT
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 60_000  # kilobytes


@pytest.fixture
def short_waits(monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """Half a second for a silence, a second and a half in all."""
    monkeypatch.setattr(connection_check, "READ_SECONDS", 0.5)
    monkeypatch.setattr(connection_check, "WHOLE_SECONDS", 1.5)
    started = time.monotonic()
    yield
    assert time.monotonic() - started < 15


@pytest.mark.usefixtures("short_waits")
@pytest.mark.parametrize("behaviour", [hang, drip(0.05, status=None)], ids=["silence", "drip"])
def test_a_head_that_does_not_come_is_transient(
    receiver: HttpReceiver, behaviour: Callable[[Any], None]
) -> None:
    receiver.behaviour = behaviour
    error = error_of(receiver)
    assert error.failure is Failure.TRANSIENT
    assert "in time" in str(error)


@pytest.mark.usefixtures("short_waits")
def test_a_body_that_drips_does_not_undo_a_success(receiver: HttpReceiver) -> None:
    """The message was taken: to send it again would double it."""
    receiver.behaviour = drip(0.05)
    assert send(receiver.origin, target(receiver)).status == 200


def test_a_cut_connection_is_transient(receiver: HttpReceiver) -> None:
    receiver.behaviour = reset
    error = error_of(receiver)
    assert error.failure is Failure.TRANSIENT
    assert "cut the connection" in str(error)


def test_a_closed_port_is_transient() -> None:
    receiver = HttpReceiver()
    receiver._server.server_close()
    error = error_of(receiver)
    assert error.failure is Failure.TRANSIENT
    assert "could not be reached" in str(error)


def test_a_name_that_does_not_resolve_is_transient() -> None:
    with pytest.raises(DeliveryError, match="DNS") as caught:
        post("https://nowhere.invalid/s3cret", destination=ANYWHERE)
    assert caught.value.failure is Failure.TRANSIENT
    assert "s3cret" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    ["", "s3cret", "ftp://s3cret.example/", "http://", "https://[::1/s3cret", "https://a..b/s3cret",
     "https://*.example/s3cret", "https://" + "a" * 70 + ".example/s3cret", "https://x:99999/s3cret"],
)  # fmt: skip
def test_what_is_no_address_is_permanent(url: str) -> None:
    with pytest.raises(DeliveryError) as caught:
        post(url, destination=ANYWHERE)
    assert caught.value.failure is Failure.PERMANENT
    assert "s3cret" not in str(caught.value)


def test_a_name_may_turn_private_at_any_time(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    usual, addresses = socket.getaddrinfo, ["93.184.216.34", "127.0.0.1"]

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        return usual(addresses.pop(0) if host == "moving.example" else host, port, *args, **options)

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    assert socket.getaddrinfo("moving.example", 80)[0][4][0] == "93.184.216.34"
    with pytest.raises(DeliveryError, match=r"\(127\.0\.0\.1\)|^127\.0\.0\.1") as caught:
        post(
            f"http://moving.example:{receiver.port}/",
            destination=ANYWHERE,
        )
    assert caught.value.failure is Failure.PERMANENT
    assert receiver.requests == []


# --- certificates -----------------------------------------------------------------------------


def test_a_certificate_that_fits_is_taken(certificates: Certificates) -> None:
    with HttpReceiver(tls=certificates.fitting()) as receiver:
        assert send(receiver.origin, target(receiver, ca_file=certificates.ca_file)).status == 200


def test_a_bundle_is_trusted_besides_the_usual_authorities(certificates: Certificates) -> None:
    usual = trusting(None).cert_store_stats()["x509_ca"]
    assert trusting(certificates.ca_file).cert_store_stats()["x509_ca"] == usual + 1


@pytest.mark.parametrize("name", ["for_another_name", "expired", "of_a_stranger"])
def test_a_certificate_that_does_not_fit_is_told(certificates: Certificates, name: str) -> None:
    with HttpReceiver(tls=getattr(certificates, name)()) as receiver:
        error = error_of(receiver, ca_file=certificates.ca_file)
        assert receiver.requests == []
    assert error.failure is Failure.TRANSIENT
    assert "certificate that does not fit" in str(error)


def test_without_a_bundle_the_usual_authorities_decide(certificates: Certificates) -> None:
    with HttpReceiver(tls=certificates.fitting()) as receiver:
        assert "certificate" in str(error_of(receiver))


def test_a_plugin_cannot_turn_the_check_of_certificates_off(certificates: Certificates) -> None:

    with HttpReceiver(tls=certificates.fitting()) as receiver:
        with guarded([receiver.origin]), pytest.raises(requests.exceptions.SSLError):
            requests.post(receiver.origin, verify=False)
        with guarded([receiver.origin], ca_file=certificates.ca_file):
            assert requests.post(receiver.origin, verify=False).status_code == 200


def test_a_server_without_tls_is_told(receiver: HttpReceiver) -> None:
    origin = receiver.origin.replace("http:", "https:")
    with pytest.raises(DeliveryError, match="No encrypted connection") as caught:
        post(origin, destination=target(receiver, outbound_hosts=[origin]))
    assert caught.value.failure is Failure.TRANSIENT


def test_a_netrc_file_adds_no_credentials(
    receiver: HttpReceiver, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "netrc").write_text("machine 127.0.0.1 login a password b\n")
    monkeypatch.setenv("NETRC", str(tmp_path / "netrc"))
    post(receiver.origin, destination=target(receiver), data=b"x")
    assert "authorization" not in receiver.requests[0].headers
