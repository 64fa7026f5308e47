"""Mails to a real server: encryption, sign-in, threads, refusals."""

import re
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import SMTP, default
from email.utils import parsedate_to_datetime
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.receivers.certificates import Certificates
from tests.support.receivers.mail_server import MailReceiver
from webapp.domain.notices.message import Link, Message, Urgency
from webapp.domain.notices.target_kinds import Kind
from webapp.outbound import connection_check
from webapp.outbound.errors import DeliveryError, Failure
from webapp.outbound.mail_text import read_mail_address, write_mail
from webapp.outbound.send import send
from webapp.outbound.settings import Destination, MailServer

pytestmark = pytest.mark.filterwarnings("ignore:Requiring AUTH")  # TLS stands around it all

PASSWORD = "s3cret-word"
MESSAGE = Message(
    key="12:begins:1",
    event="ticket.created",
    subject="ticket:12",
    title="Ransomware on SRV-01 <Müller & Söhne>",
    lines=("שרת: הנהלת חשבונות", "Host <b>SRV-01</b>"),
    links=(Link("Take it", "https://desk.example.com/take/a?b=1&c=2"), Link("Bad", "javascript:x")),
    mail_subject="[#12] Müller & Söhne: ransomware",
    happened_at=datetime(2026, 11, 29, 3, 12, tzinfo=UTC),
)


@pytest.fixture(scope="module")
def certificates(tmp_path_factory: pytest.TempPathFactory) -> Certificates:
    return Certificates(tmp_path_factory.mktemp("certificates"))


@pytest.fixture
def plain() -> Iterator[MailReceiver]:
    with MailReceiver() as server:
        yield server


def target(server: MailReceiver, ca_file: str | None = None, **changed: Any) -> Destination:
    options: dict[str, Any] = {"security": "none", "sender": "Desk <desk@msp.example>", **changed}
    return Destination(
        kind=Kind.EMAIL,
        settings={"to": "soc@client.example"},
        outbound_hosts=[server.origin],
        mail_server=MailServer(host="127.0.0.1", port=server.port, **options),
        ca_file=ca_file,
    )


def error_of(destination: Destination, message: Message = MESSAGE) -> DeliveryError:
    with pytest.raises(DeliveryError) as caught:
        send(destination, message)
    assert PASSWORD not in str(caught.value)
    assert PASSWORD not in repr(caught.value)
    assert caught.value.__suppress_context__ or caught.value.__context__ is None
    return caught.value


def test_a_mail_arrives_whole(plain: MailReceiver) -> None:
    assert send(target(plain), MESSAGE) == "250 2.0.0 Queued as 4XyZ"
    mail = plain.mails[0]
    assert plain.sent_to == [["soc@client.example"]]
    assert (mail["From"], mail["To"]) == ("Desk <desk@msp.example>", "soc@client.example")
    assert mail["Subject"] == "[#12] Müller & Söhne: ransomware"
    assert mail["Auto-Submitted"] == "auto-generated"
    assert parsedate_to_datetime(mail["Date"]).tzinfo is not None
    assert "Importance" not in mail
    body, page = mail.get_body(("plain",)), mail.get_body(("html",))
    assert isinstance(body, EmailMessage)
    assert isinstance(page, EmailMessage)
    text, html = body.get_content(), page.get_content()
    assert text.startswith("Ransomware on SRV-01 <Müller & Söhne>")
    assert "שרת: הנהלת חשבונות" in text
    assert "Take it: https://desk.example.com/take/a?b=1&c=2" in text
    assert '<p dir="auto">שרת: הנהלת חשבונות</p>' in html
    assert '<a href="https://desk.example.com/take/a?b=1&amp;c=2">Take it</a>' in html
    assert "Host &lt;b&gt;SRV-01&lt;/b&gt;" in html
    assert "<b>" not in html
    assert "javascript" not in html


def test_starttls_and_a_password(certificates: Certificates) -> None:
    with MailReceiver(starttls=certificates.fitting(), user="desk", password=PASSWORD) as server:
        given = {"security": "starttls", "user": "desk", "password": PASSWORD}
        send(target(server, certificates.ca_file, **given), MESSAGE)
        assert server.logins == [("desk", PASSWORD)]
        assert len(server.mails) == 1


def test_tls_from_the_first_byte(certificates: Certificates) -> None:
    with MailReceiver(tls=certificates.fitting(), user="desk", password=PASSWORD) as server:
        given = {"security": "tls", "user": "desk", "password": PASSWORD}
        send(target(server, certificates.ca_file, **given), MESSAGE)
        assert len(server.mails) == 1


def test_starttls_is_never_left_out(plain: MailReceiver) -> None:
    """A server, or somebody between, that does not offer it gets neither password nor mail."""
    error = error_of(target(plain, security="starttls", user="desk", password=PASSWORD))
    assert error.failure is Failure.PERMANENT
    assert "STARTTLS" in str(error)
    assert plain.logins == []
    assert plain.mails == []


@pytest.mark.parametrize("name", ["for_another_name", "expired", "of_a_stranger"])
@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_certificate_that_does_not_fit_gets_no_password(
    certificates: Certificates, name: str, security: str
) -> None:
    context = getattr(certificates, name)()
    with MailReceiver(**{security: context}, user="desk", password=PASSWORD) as server:
        given = {"security": security, "user": "desk", "password": PASSWORD}
        error = error_of(target(server, certificates.ca_file, **given))
        assert server.logins == []
    assert error.failure is Failure.TRANSIENT
    assert "certificate that does not fit" in str(error)


def test_a_wrong_password_is_permanent(certificates: Certificates) -> None:
    with MailReceiver(starttls=certificates.fitting(), user="desk", password="other") as server:
        given = {"security": "starttls", "user": "desk", "password": PASSWORD}
        error = error_of(target(server, certificates.ca_file, **given))
    assert error.failure is Failure.PERMANENT
    assert "user name or the password (535)" in str(error)


def test_a_password_that_smtp_cannot_hold_is_told(certificates: Certificates) -> None:
    with MailReceiver(starttls=certificates.fitting(), user="desk", password="x") as server:
        given = {"security": "starttls", "user": "desk", "password": f"{PASSWORD}ü"}
        error = error_of(target(server, certificates.ca_file, **given))
    assert error.failure is Failure.PERMANENT
    assert "characters" in str(error)


def test_a_server_that_wants_a_password_says_so(certificates: Certificates) -> None:
    with MailReceiver(tls=certificates.fitting(), user="desk", password=PASSWORD) as server:
        error = error_of(target(server, certificates.ca_file, security="tls"))
    assert error.failure is Failure.PERMANENT
    assert "530" in str(error)


@pytest.mark.parametrize(
    ("stage", "reply", "refusal"),
    [
        ("RCPT", "550 5.1.1 No such user", Failure.PERMANENT),
        ("RCPT", "553 Not here", Failure.PERMANENT),
        ("RCPT", "550 #5.1.0 Address rejected", Failure.PERMANENT),
        ("RCPT", "551 User not local", Failure.PERMANENT),
        ("RCPT", "550 5.2.1 Mailbox is disabled", Failure.TRANSIENT),
        ("RCPT", "552 5.2.2 Mailbox is full", Failure.TRANSIENT),
        ("RCPT", "554 5.3.0 Out of order", Failure.TRANSIENT),
        ("RCPT", "550 5.4.5 Daily quota exceeded", Failure.TRANSIENT),
        ("RCPT", "554 5.7.1 Blocked by a list", Failure.TRANSIENT),
        ("RCPT", "550 5.7.1 Blocked by a list", Failure.TRANSIENT),
        ("RCPT", "554 Not now", Failure.TRANSIENT),
        ("RCPT", "552 5.3.4 Too large", Failure.MESSAGE),
        ("RCPT", "450 4.2.0 Greylisted", Failure.TRANSIENT),
        ("RCPT", "421 Closing", Failure.TRANSIENT),
        ("MAIL", "550 Not you", Failure.PERMANENT),
        ("MAIL", "553 5.1.8 Unknown domain", Failure.PERMANENT),
        ("MAIL", "530 5.7.0 Authentication required", Failure.PERMANENT),
        ("MAIL", "550 5.4.5 Daily quota exceeded", Failure.TRANSIENT),
        ("MAIL", "554 5.7.1 Blocked by a list", Failure.TRANSIENT),
        ("MAIL", "451 Later", Failure.TRANSIENT),
        ("MAIL", "552 Too large", Failure.MESSAGE),
        ("DATA", "552 5.3.4 Too large", Failure.MESSAGE),
        ("DATA", "554 Looks like spam", Failure.MESSAGE),
        ("DATA", "554 5.7.1 Looks like spam", Failure.MESSAGE),
        ("DATA", "550 5.4.5 Daily quota exceeded", Failure.TRANSIENT),
        ("DATA", "552 5.2.2 Mailbox is full", Failure.TRANSIENT),
        ("DATA", "452 Disk full", Failure.TRANSIENT),
    ],
)
def test_each_refusal_has_its_meaning(
    plain: MailReceiver, stage: str, reply: str, refusal: Failure
) -> None:
    plain.replies[stage] = reply
    error = error_of(target(plain))
    assert error.failure is refusal
    assert reply in str(error)
    assert plain.mails == []
    plain.replies.clear()
    send(target(plain), MESSAGE)


@pytest.mark.parametrize("reply", ["554 5.7.1 Blocked by a list", "550 Not now"])
def test_a_server_that_greets_with_a_refusal_is_tried_again(reply: str) -> None:
    def greet(listener: socket.socket) -> None:
        connection, _ = listener.accept()
        with connection:
            connection.sendall(f"{reply}\r\n".encode())

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        server = MailServer(
            host="127.0.0.1",
            port=listener.getsockname()[1],
            security="none",
            sender="c@d.example",
        )
        error = error_of(
            Destination(
                kind=Kind.EMAIL,
                settings={"to": "a@b.example"},
                outbound_hosts=["127.0.0.1"],
                mail_server=server,
            )
        )
        thread.join(20)
    assert error.failure is Failure.TRANSIENT
    assert reply in str(error)


@pytest.mark.parametrize("stage", ["RCPT", "DATA"])
def test_a_server_that_falls_silent_is_transient(
    plain: MailReceiver, stage: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_check, "READ_SECONDS", 0.4)
    plain.hangs_at = stage
    error = error_of(target(plain))
    assert error.failure is Failure.TRANSIENT
    assert "in time" in str(error)


@pytest.mark.parametrize(
    ("chunk", "pause"), [(b"2", 0.05), (b"220-Welcome\r\n" * 5_000, 0.0)], ids=["drip", "flood"]
)
def test_a_greeting_without_end_ends(
    chunk: bytes, pause: float, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection_check, "WHOLE_SECONDS", 1.5)
    sent = 0

    def greet(listener: socket.socket) -> None:
        nonlocal sent
        connection, _ = listener.accept()
        with connection:
            try:
                while True:
                    connection.sendall(chunk)
                    sent += len(chunk)
                    time.sleep(pause)
            except OSError:
                pass

    with socket.create_server(("127.0.0.1", 0)) as listener:
        thread = threading.Thread(target=greet, args=(listener,), daemon=True)
        thread.start()
        port = listener.getsockname()[1]
        error = error_of(
            Destination(
                kind=Kind.EMAIL,
                settings={"to": "a@b.example"},
                outbound_hosts=["127.0.0.1"],
                mail_server=MailServer(
                    host="127.0.0.1", port=port, security="none", sender="c@d.example"
                ),
            )
        )
        thread.join(20)
    assert not thread.is_alive()
    assert error.failure is Failure.TRANSIENT
    assert sent < 50_000_000


def test_a_closed_port_and_an_unknown_name_are_transient(plain: MailReceiver) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    server = MailServer(host="127.0.0.1", port=port, security="none", sender="c@d.example")
    destination = replace(target(plain), outbound_hosts=["127.0.0.1"], mail_server=server)
    assert "could not be reached" in str(error_of(destination))
    unknown = replace(destination, mail_server=replace(server, host="nowhere.invalid"))
    error = error_of(unknown)
    assert "DNS" in str(error)
    assert error.failure is Failure.TRANSIENT


def test_a_mail_server_in_the_own_network_has_to_be_named(plain: MailReceiver) -> None:
    error = error_of(replace(target(plain), outbound_hosts=()))
    assert error.failure is Failure.PERMANENT
    assert "TRIAGEDESK_OUTBOUND_HOSTS" in str(error)


def test_what_is_missing_is_told(plain: MailReceiver) -> None:
    assert "No mail server is set up" in str(error_of(replace(target(plain), mail_server=None)))
    assert "sender" in str(error_of(target(plain, sender="")))
    for to in ("", "soc", "a@b@", "@x.example", "a b@c.example", "a@b.example\r\nBcc: x@y.example"):
        error = error_of(replace(target(plain), settings={"to": to}))
        assert error.failure is Failure.PERMANENT
        assert "no mail address" in str(error)
    assert plain.mails == []


# --- the mail itself ---------------------------------------------------------------------------


def mail_of(message: Message, **changed: str) -> EmailMessage:
    """The mail as a receiver reads it."""
    to = read_mail_address(changed.get("to", "soc@client.example"))
    sender = read_mail_address(changed.get("sender", "desk@msp.example"))
    now = datetime(2026, 11, 29, 3, 13, tzinfo=UTC)
    written = write_mail(message, to=to, sender=sender, now=now).as_bytes(policy=SMTP)
    read = message_from_bytes(written, policy=default)
    assert isinstance(read, EmailMessage)
    return read


def test_a_repeat_has_the_same_id_and_no_other_mail_has_it() -> None:
    ids = [mail_of(replace(MESSAGE, key=key))["Message-ID"] for key in ("a:1", "a:1", "a-1", "a:2")]
    assert ids[0] == ids[1]
    assert len(set(ids)) == 3
    assert all(re.fullmatch(r"<[A-Za-z0-9.-]+@msp\.example>", one) for one in ids)


def test_mails_about_one_ticket_refer_to_one_root() -> None:
    first = mail_of(MESSAGE)
    second = mail_of(replace(MESSAGE, key="12:taken"))
    other = mail_of(replace(MESSAGE, subject="ticket:13"))
    assert first["References"] == first["In-Reply-To"] == "<ticket-12@msp.example>"
    assert second["References"] == first["References"] != other["References"]
    assert first["Message-ID"] != first["References"]
    assert "References" not in mail_of(replace(MESSAGE, subject=""))


def test_a_page_is_important_and_a_title_serves_as_subject() -> None:
    mail = mail_of(replace(MESSAGE, urgency=Urgency.PAGE, mail_subject=""))
    assert mail["Importance"] == "high"
    assert mail["Subject"] == MESSAGE.title


def test_addresses_beyond_ascii() -> None:
    mail = mail_of(MESSAGE, to="soc@müller.example", sender="Büro, Nacht <desk@münchen.example>")
    assert mail["To"].addresses[0].domain == "xn--mller-kva.example"
    assert mail["From"].addresses[0].display_name == "Büro, Nacht"
    assert mail["Message-ID"].endswith("@xn--mnchen-3ya.example>")


ANY_TEXT = st.text(max_size=300) | st.text("\r\n\t \0\u202eé🍕ש:=?_<>@.,;", max_size=120)


@settings(max_examples=40)  # six texts each, and a whole mail is written and read
@given(subject=ANY_TEXT, title=ANY_TEXT, line=ANY_TEXT, key=ANY_TEXT, about=ANY_TEXT, name=ANY_TEXT)
def test_nothing_in_a_message_adds_a_header_or_breaks_the_mail(
    subject: str, title: str, line: str, key: str, about: str, name: str
) -> None:
    message = replace(
        MESSAGE, mail_subject=subject, title=title, lines=(line,), key=key, subject=about
    )
    try:
        read_mail_address(f"{name} <desk@msp.example>")
        sender = f"{name} <desk@msp.example>"
    except ValueError:
        sender = "desk@msp.example"
    mail = mail_of(message, sender=sender)
    usual = {
        *("From", "To", "Subject", "Date", "Message-ID", "Auto-Submitted"),
        *("X-Auto-Response-Suppress", "MIME-Version", "Content-Type"),
    }
    assert set(mail.keys()) - {"In-Reply-To", "References"} == usual
    assert mail["To"] == "soc@client.example"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
