"""Where a guarded thread may connect to, whichever library opens the connection."""

import os
import smtplib
import socket
import sys
import threading
from collections.abc import Callable, Iterator, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests

from tests.support.receivers.http_receiver import HttpReceiver, answer, drip, flood
from webapp.outbound import connection_check
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.guard import guarded

PUBLIC = "93.184.216.34"


@pytest.fixture(autouse=True)
def no_proxies(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in list(os.environ):
        if name.lower().endswith("_proxy"):
            monkeypatch.delenv(name)


@pytest.fixture
def receiver() -> Iterator[HttpReceiver]:
    with HttpReceiver() as server:
        yield server


@pytest.fixture
def names(monkeypatch: pytest.MonkeyPatch) -> dict[str, list[str]]:
    """Addresses of host names; each look-up takes one from the list, the last one stays."""
    known: dict[str, list[str]] = {}
    usual = socket.getaddrinfo

    def resolve(host: Any, port: Any, *args: Any, **options: Any) -> Any:
        if host not in known:
            return usual(host, port, *args, **options)
        left = known[host]
        address = left.pop(0) if len(left) > 1 else left[0]
        found = usual(address, port, *args, **options)
        sys.audit("socket.getaddrinfo", host, port, 0, 0, 0)  # as a real look-up does
        return found

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    return known


def refusal_of(action: Callable[[], object], outbound_hosts: Sequence[str] = ()) -> str:
    with pytest.raises(DeliveryError) as caught, guarded(outbound_hosts):
        action()
    assert caught.value.failure is Failure.PERMANENT
    return str(caught.value)


def test_outside_a_guard_everything_is_as_usual(receiver: HttpReceiver) -> None:
    with guarded(()):
        pass
    assert requests.get(receiver.origin, timeout=5).status_code == 200
    receiver.behaviour = answer(302, {"Location": "/there"})
    reply = requests.get(receiver.origin, timeout=5, allow_redirects=False)
    assert reply.status_code == 302


def test_a_host_of_ones_own_network_is_refused_in_words(receiver: HttpReceiver) -> None:
    sentence = refusal_of(lambda: requests.post(f"{receiver.origin}/secret-path?token=s3cret"))
    assert sentence.startswith("127.0.0.1 is not on the public internet")
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in sentence
    assert "secret" not in sentence
    assert "s3cret" not in sentence
    assert receiver.requests == []


@pytest.mark.parametrize(
    "host",
    [
        "127.0.0.1", "127.1", "2130706433", "0x7f000001", "0.0.0.0", "localhost", "[::1]", "[::]",
        "[::ffff:127.0.0.1]", "[::ffff:7f00:1]", "[64:ff9b::7f00:1]", "[fe80::1]",
        "[2002:7f00:1::]", "[fd00::1]", "10.0.0.1", "169.254.169.254", "100.64.0.1",
    ],
)  # fmt: skip
def test_no_writing_of_a_private_address_gets_past(receiver: HttpReceiver, host: str) -> None:
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in refusal_of(
        lambda: requests.get(f"http://{host}:{receiver.port}/")
    )
    assert receiver.requests == []


def test_a_name_is_told_with_the_address_that_is_not_public(
    receiver: HttpReceiver, names: dict[str, list[str]]
) -> None:
    names["intranet.example"] = ["127.0.0.1"]
    sentence = refusal_of(lambda: requests.get(f"http://intranet.example:{receiver.port}/"))
    assert sentence.startswith("intranet.example (127.0.0.1) is not")


def test_a_name_that_changes_after_a_check_reaches_nothing(
    receiver: HttpReceiver, names: dict[str, list[str]]
) -> None:
    names["rebinding.example"] = [PUBLIC, "127.0.0.1"]
    assert socket.getaddrinfo("rebinding.example", 80)[0][4][0] == PUBLIC
    assert "rebinding.example (127.0.0.1)" in refusal_of(
        lambda: requests.get(f"http://rebinding.example:{receiver.port}/")
    )
    assert receiver.requests == []


@pytest.mark.parametrize(
    "entry",
    ["127.0.0.1", "localhost", "http://127.0.0.1:{port}", "http://localhost:{port}"],
)
@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "[::ffff:127.0.0.1]"])
def test_exceptions_are_reached(receiver: HttpReceiver, entry: str, host: str) -> None:
    with guarded([entry.format(port=receiver.port)]):
        reply = requests.get(f"http://{host}:{receiver.port}/", timeout=5)
    assert reply.status_code == 200


@pytest.mark.parametrize(
    "entry", ["http://127.0.0.1:1", "10.0.0.1", "nowhere.invalid", "https://127.0.0.1"]
)
def test_exceptions_hold_for_their_host_and_port_alone(receiver: HttpReceiver, entry: str) -> None:
    refusal_of(lambda: requests.get(receiver.origin), [entry])


def test_a_mail_server_is_checked_too() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        assert "not on the public" in refusal_of(lambda: smtplib.SMTP("127.0.0.1", port))
        listener.settimeout(0)
        with pytest.raises(BlockingIOError):
            listener.accept()


def test_an_exception_may_be_an_origin_of_mail() -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
        with guarded([f"smtp://127.0.0.1:{port}"]):
            socket.create_connection(("127.0.0.1", port)).close()


def _send(family: int, kind: int, act: Callable[[Any], object]) -> Callable[[], None]:
    def run() -> None:
        with socket.socket(family, kind) as sock:
            act(sock)

    return run


@pytest.mark.parametrize(
    "act",
    [
        lambda sock: sock.sendto(b"x", ("127.0.0.1", 9)),
        lambda sock: sock.sendmsg([b"x"], [], 0, ("127.0.0.1", 9)),
        lambda sock: sock.connect(("127.0.0.1", 9)),
        lambda sock: sock.connect_ex(("127.0.0.1", 9)),
        lambda sock: sock.sendto(b"x", ("localhost", 9)),
        lambda sock: sock.connect(("localhost", 9)),
    ],
    ids=["sendto", "sendmsg", "connect", "connect_ex", "sendto a name", "connect to a name"],
)
def test_datagrams_and_bare_sockets_are_checked(act: Callable[[Any], object]) -> None:
    refusal_of(_send(socket.AF_INET, socket.SOCK_DGRAM, act))


def test_datagrams_to_exceptions_are_sent() -> None:
    with guarded(["127.0.0.1", "localhost"]), socket.socket(type=socket.SOCK_DGRAM) as sock:
        sock.sendto(b"x", ("127.0.0.1", 9))
        sock.sendto(b"x", ("localhost", 9))


def test_sockets_within_the_server_are_refused(tmp_path: Path) -> None:
    path = str(tmp_path / "socket")
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(path)
        listener.listen()
        act = _send(socket.AF_UNIX, socket.SOCK_STREAM, lambda sock: sock.connect(path))
        assert "within the server" in refusal_of(act, ["localhost"])


def test_a_library_that_swallows_the_refusal_cannot_hide_it(receiver: HttpReceiver) -> None:
    def swallow() -> None:
        with suppress(Exception):
            requests.get(receiver.origin)

    def blur() -> None:
        swallow()
        raise RuntimeError("something unclear")

    assert "127.0.0.1" in refusal_of(swallow)
    assert "127.0.0.1" in refusal_of(blur)


def test_other_errors_leave_the_block_as_they_are() -> None:
    with pytest.raises(KeyError), guarded(()):
        raise KeyError("x")


def test_other_threads_are_left_alone(receiver: HttpReceiver) -> None:
    statuses: list[int] = []

    def ask() -> None:
        statuses.append(requests.get(receiver.origin, timeout=5).status_code)

    thread = threading.Thread(target=ask)
    with guarded(()):
        thread.start()
        thread.join()
    assert statuses == [200]


def test_guards_stand_in_each_other(receiver: HttpReceiver) -> None:
    with guarded([receiver.origin]):
        with pytest.raises(DeliveryError), guarded(()):
            requests.get(receiver.origin)
        assert requests.get(receiver.origin).status_code == 200


# --- requests ---------------------------------------------------------------------------------


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_redirects_are_refused_whoever_calls_requests(receiver: HttpReceiver, status: int) -> None:
    receiver.behaviour = answer(status, {"Location": f"{receiver.origin}/stolen?token=s3cret"})
    sentence = refusal_of(lambda: requests.post(receiver.origin, data="x"), [receiver.origin])
    assert f"redirects to another address ({status})" in sentence
    assert "s3cret" not in sentence
    assert [one.path for one in receiver.requests] == ["/"]


def test_plugins_get_64_kilobytes_of_an_answer(receiver: HttpReceiver) -> None:
    receiver.behaviour = flood(300)
    with guarded([receiver.origin]):
        reply = requests.post(receiver.origin, data="x")
    assert len(reply.content) == 65_536
    assert len(reply.text) == 65_536


def test_plugins_end_at_the_deadline_whatever_time_out_they_ask_for(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_check, "WHOLE_SECONDS", 0.6)
    receiver.behaviour = drip(0.05, status=None)
    with guarded([receiver.origin]), pytest.raises((requests.ConnectionError, requests.Timeout)):
        requests.post(receiver.origin, data="x", timeout=600)


def test_nothing_is_begun_after_the_deadline(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_check, "WHOLE_SECONDS", 0)
    with guarded([receiver.origin]):
        with pytest.raises(TimeoutError):
            requests.post(receiver.origin)
        with pytest.raises(TimeoutError):
            socket.create_connection(("127.0.0.1", receiver.port))
    assert receiver.requests == []


def test_connecting_waits_for_ten_seconds_at_most(receiver: HttpReceiver) -> None:
    waits = []
    with guarded([receiver.origin]):
        for timeout in (None, 3, 500):
            with socket.create_connection(("127.0.0.1", receiver.port), timeout) as sock:
                waits.append(sock.gettimeout())
    assert waits == [10, 3, 10]


# --- proxies ----------------------------------------------------------------------------------


def test_a_proxy_may_have_any_address(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch, names: dict[str, list[str]]
) -> None:
    monkeypatch.setenv("http_proxy", receiver.origin)
    names["hooks.example"] = [PUBLIC]
    with guarded(()):
        assert requests.post("http://hooks.example/x", data="x").status_code == 200
        assert requests.post("http://unknown.invalid/x", data="x").status_code == 200
    assert [one.path for one in receiver.requests] == [
        "http://hooks.example/x",
        "http://unknown.invalid/x",
    ]


@pytest.mark.parametrize("host", ["10.0.0.1", "localhost", "[::1]", "2130706433"])
def test_private_hosts_are_refused_behind_a_proxy_too(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch, host: str
) -> None:
    monkeypatch.setenv("http_proxy", receiver.origin)
    refusal_of(lambda: requests.post(f"http://{host}/x", data="x"))
    assert receiver.requests == []


def test_a_proxy_is_no_exception_for_what_goes_past_it(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", receiver.origin)
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    refusal_of(lambda: requests.post(receiver.origin))


def test_a_proxy_that_a_plugin_chooses_is_not_used(
    receiver: HttpReceiver, names: dict[str, list[str]]
) -> None:
    names["hooks.example"] = ["127.0.0.1"]
    proxies = {"http": receiver.origin}
    refusal_of(lambda: requests.post("http://hooks.example/x", proxies=proxies))
    assert receiver.requests == []


def test_exceptions_are_reached_without_the_proxy(
    receiver: HttpReceiver, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("http_proxy", "http://127.0.0.1:1")
    with guarded([receiver.origin]):
        assert requests.get(receiver.origin).status_code == 200
