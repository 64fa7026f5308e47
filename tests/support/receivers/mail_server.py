"""A real mail server that keeps the mails it gets, and refuses on demand.

    with MailReceiver(starttls=certificates.fitting(), user="desk", password="…") as server:
        server.replies["RCPT"] = "550 5.1.1 No such user"
        ...  # outbound_hosts=[server.origin]

`replies` holds what is said instead of the usual reply to MAIL, RCPT or DATA; at `hangs_at` nothing
is said at all.
"""

import asyncio
import ssl
from email import message_from_bytes
from email.message import EmailMessage
from email.policy import default
from typing import Any, Self

from aiosmtpd.controller import Controller
from aiosmtpd.smtp import AuthResult, LoginPassword


class _Controller(Controller):
    """Listens on a free port."""

    def _trigger_server(self) -> None:
        assert isinstance(self.server, asyncio.Server)
        self.port = self.server.sockets[0].getsockname()[1]
        super()._trigger_server()  # type: ignore[no-untyped-call]  # aiosmtpd's has no types


class MailReceiver:
    """The server, in a thread of this process.

    `starttls` offers STARTTLS, `tls` speaks TLS from the first byte, neither is plain. With `user`
    only this one may send, and with STARTTLS only after it.
    """

    def __init__(
        self,
        *,
        starttls: ssl.SSLContext | None = None,
        tls: ssl.SSLContext | None = None,
        user: str = "",
        password: str = "",
    ) -> None:
        self.mails: list[EmailMessage] = []
        self.sent_to: list[list[str]] = []
        self.logins: list[tuple[str, str]] = []
        self.replies: dict[str, str] = {}
        self.hangs_at = ""
        self._user, self._password = user, password
        self._controller = _Controller(
            self,
            hostname="127.0.0.1",
            port=0,
            ssl_context=tls,
            tls_context=starttls,
            require_starttls=starttls is not None,
            authenticator=self._authenticate,
            auth_required=bool(user),
            auth_require_tls=starttls is not None,
        )

    @property
    def port(self) -> int:
        return self._controller.port

    @property
    def origin(self) -> str:
        """The exception that lets a guarded connection reach the server."""
        return f"smtp://127.0.0.1:{self.port}"

    def __enter__(self) -> Self:
        self._controller.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._controller.stop()

    def _authenticate(self, _s: Any, _session: Any, _e: Any, _m: str, data: Any) -> AuthResult:
        assert isinstance(data, LoginPassword)
        given = data.login.decode(), data.password.decode()
        self.logins.append(given)
        return AuthResult(success=given == (self._user, self._password), handled=False)

    async def _reply(self, stage: str, usual: str) -> str:
        if self.hangs_at == stage:
            await asyncio.sleep(600)
        return self.replies.get(stage, usual)

    # The names of these are aiosmtpd's.

    async def handle_MAIL(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, options: list[str]
    ) -> str:
        envelope.mail_from = address
        envelope.mail_options.extend(options)
        return await self._reply("MAIL", "250 OK")

    async def handle_RCPT(  # noqa: N802
        self, _server: Any, _session: Any, envelope: Any, address: str, _options: list[str]
    ) -> str:
        reply = await self._reply("RCPT", "250 OK")
        if reply.startswith("250"):
            envelope.rcpt_tos.append(address)
        return reply

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        reply = await self._reply("DATA", "250 2.0.0 Queued as 4XyZ")
        if reply.startswith("250"):
            mail = message_from_bytes(envelope.content, policy=default)
            assert isinstance(mail, EmailMessage)
            self.mails.append(mail)
            self.sent_to.append(list(envelope.rcpt_tos))
        return reply
