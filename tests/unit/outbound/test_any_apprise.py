"""Any Apprise address: which are taken, what is sent, and that it happens in this thread."""

import threading
from collections.abc import Callable
from contextlib import suppress
from dataclasses import replace
from pathlib import Path

import pytest
from apprise import AppriseAttachment, NotifyFormat
from apprise.conversion import convert_between

from tests.support.receivers.http_receiver import answer
from tests.support.receivers.provider_rules import NTFY_TOKEN, NTFY_TOPIC
from tests.support.receivers.providers import Providers
from tests.unit.outbound.conftest import PAGE, SETTINGS, TAKE, TAKEN, TICKET
from tests.unit.outbound.messages import HOSTILE, LONG, NAMES
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound.any_apprise import build_text, read_address
from webapp.outbound.errors import DeliveryError
from webapp.outbound.send import send
from webapp.outbound.settings import Destination

Target = Callable[..., Destination]
ADDRESS = f"ntfys://{NTFY_TOKEN}@ntfy.sh/{NTFY_TOPIC}"
TELEGRAM = "tgram://123456789:abcdefg_hijklmnop/12345/"
DISCORD = "discord://1234567890123/abcdefghijklmnopqrstuvwxyz"

REFUSED = [
    ("", "not an Apprise address"),
    ("file:///etc/passwd", "knows no service"),
    ("nonsense://host", "knows no service"),
    ("https://example.com/hook", "Write the address as Apprise has it"),
    ("syslog://", "not an Apprise address"),
    ("syslog://local", "only services that Apprise reaches over HTTP"),
    ("rsyslog://localhost", "only services that Apprise reaches over HTTP"),
    ("dbus://now", "only services that Apprise reaches over HTTP"),
    ("macosx://now", "only services that Apprise reaches over HTTP"),
    ("windows://now", "only services that Apprise reaches over HTTP"),
    ("mailto://user:password@example.com", "only services that Apprise reaches over HTTP"),
    ("irc://localhost/#room", "only services that Apprise reaches over HTTP"),
    ("xmpp://user:password@localhost", "only services that Apprise reaches over HTTP"),
    (f"{DISCORD}?template=/etc/passwd", "would read a file"),
    (f"{DISCORD}#here?template=/etc/passwd", "would read a file"),
    (f"{DISCORD}?x=1;%74emplate=/etc/passwd", "would read a file"),
    (f"{ADDRESS}?attach=file:///etc/passwd", "would read a file"),
    ("fcm://project@/device?keyfile=/etc/passwd", "would read a file"),
    ("vapid://me@example.com/you@example.com?KeyFile=/etc/passwd", "would read a file"),
    ("jsons://example.com?verify=no", "Certificates are always checked"),
    ("slack://only-one-token", "lacks something"),
    ("json://example.com/hook", "sends without encryption; write “jsons://”"),
    ("ntfy://user:password@example.com/topic", "sends without encryption"),
    ("json://", "not an Apprise address"),
]


@pytest.mark.parametrize(("address", "words"), REFUSED)
def test_what_cannot_be_used_is_refused_in_words(address: str, words: str):
    with pytest.raises(ValueError, match=words) as caught:
        read_address(address)
    assert "passw" not in str(caught.value)


def test_no_plugin_can_read_a_file(tmp_path: Path):
    file = tmp_path / "template.json"
    file.write_text("{}", encoding="utf-8")
    attachments = AppriseAttachment()
    for location in (str(file), file.as_uri()):
        with suppress(LookupError):
            attachments.add(location)
    assert len(attachments) == 0


def test_an_exception_of_the_server_needs_no_encryption():
    assert read_address("json://127.0.0.1:9000/hook", ["http://127.0.0.1:9000"])
    with pytest.raises(ValueError, match="without encryption"):
        read_address("json://127.0.0.1:9001/hook", ["http://127.0.0.1:9000"])


@pytest.mark.parametrize("address", [TELEGRAM, DISCORD, ADDRESS, "matrixs://u:p@localhost/#room"])
def test_reading_an_address_opens_no_connection(address: str, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_arguments: object, **_options: object) -> None:
        raise AssertionError("the network was asked")

    monkeypatch.setattr("socket.getaddrinfo", refuse)
    monkeypatch.setattr("socket.socket.connect", refuse)
    assert read_address(address).service_name


def test_a_page(providers: Providers, target: Target):
    assert send(target(Kind.APPRISE), PAGE) == "200 OK"
    assert providers.last.json == {
        "topic": NTFY_TOPIC,
        "title": PAGE.title,
        "message": "\n".join(PAGE.lines) + f"\nTake it: {TAKE}\nOpen ticket: {TICKET}",
    }


def test_taken(providers: Providers, target: Target):
    send(target(Kind.APPRISE), TAKEN)
    assert providers.last.json == {"topic": NTFY_TOPIC, "message": TAKEN.title}


def test_an_address_cannot_ask_for_repeats_waits_or_pieces(providers: Providers, target: Target):
    address = f"{ADDRESS}?retry=3&wait=5&overflow=split&redirect=yes&rto=900&cto=900"
    providers.behaviour = answer(503)
    with pytest.raises(DeliveryError):
        send(target(Kind.APPRISE, url=address), replace(PAGE, lines=("a" * 30_000,)))
    assert len(providers.requests) == 1


def test_a_title_goes_into_the_text_where_a_service_has_none():
    title, text = build_text(read_address(TELEGRAM), PAGE)
    assert title == ""
    assert text.startswith(f"{PAGE.title}\n{PAGE.lines[0]}\n")


def test_nobody_is_called_by_a_text():
    for text in build_text(read_address(DISCORD), HOSTILE):
        assert not [
            call for call in ("@everyone", "@here", "<!channel>", "<@U123>") if call in text
        ]
    assert NAMES in text


@pytest.mark.parametrize(
    "address", [DISCORD, TELEGRAM, "gchat://a/b/c", "zulip://bot@org/" + "a" * 32]
)
def test_a_long_text_is_cut_to_what_the_service_takes(address: str):
    plugin = read_address(address)
    title, text = build_text(plugin, LONG)
    kind = plugin.resolve_format(NotifyFormat.TEXT)
    size = len(convert_between(NotifyFormat.TEXT, kind, text))
    assert plugin.body_maxlen - 40 < size <= plugin.body_maxlen
    assert len(title) <= plugin.title_maxlen
    assert f"\nTake it: {TAKE}\nOpen ticket: {TICKET}" in text


@pytest.mark.parametrize("kind", SETTINGS)
def test_no_thread_is_started(
    providers: Providers, target: Target, kind: Kind, monkeypatch: pytest.MonkeyPatch
):
    """A thread of its own would not be guarded. The look-alike's threads are another's."""
    started_here: list[str] = []
    here = threading.current_thread()
    start = threading.Thread.start

    def note(thread: threading.Thread) -> None:
        if threading.current_thread() is here:
            started_here.append(thread.name)
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", note)
    send(target(kind), PAGE)
    assert len(providers.requests) == 1
    assert not started_here
