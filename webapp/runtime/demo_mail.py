"""The demo's mail server: it takes every mail and keeps it in a folder, and sends none anywhere."""

import asyncio
from pathlib import Path

from aiosmtpd.handlers import Mailbox
from aiosmtpd.smtp import SMTP

MOST_BYTES = 1024 * 1024


def run_mail_server(folder: Path, port: int) -> None:
    """Take mails at `port` of 127.0.0.1 and keep them in `folder` (a Maildir), until a signal."""
    handler = Mailbox(folder)
    asyncio.run(_serve(handler, port))


async def _serve(handler: Mailbox, port: int) -> None:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(handler, data_size_limit=MOST_BYTES, hostname="localhost"),
        host="127.0.0.1",
        port=port,
    )
    async with server:
        await server.serve_forever()
