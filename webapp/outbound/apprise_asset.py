"""How Apprise is used here: in this thread, without files, and without a word in our log.

Its log names addresses and payloads, some of them with secrets in them, so none of it is kept. What
went wrong is taken from the answer itself (`apprise_send`).
"""

import logging

from apprise import AppriseAsset
from apprise.common import OverflowMode, PersistentStoreMode
from apprise.manager_attachment import AttachmentManager
from apprise.plugins.base import NotifyBase

CONNECT_SECONDS = 5.0
READ_SECONDS = 15.0

ASSET = AppriseAsset(
    app_id="Triagedesk",
    app_desc="Triagedesk",
    async_mode=False,
    http_redirects=False,
    image_path_mask=False,
    image_url_mask="",
    image_url_logo="",
    interpret_emojis=False,
    pem_autogen=False,
    pgp_autogen=False,
    service_timeout=0,
    storage_mode=PersistentStoreMode.MEMORY,
)


def silence_apprise() -> None:
    """Keep all that Apprise logs out of every handler."""
    logger = logging.getLogger("apprise")
    logger.disabled = True
    logger.propagate = False


def forbid_files() -> None:
    """Let no plugin read a file of this machine: neither as attachment nor as template or key."""
    # Apprise has no types here.
    AttachmentManager().remove("file", unload=False)  # type: ignore[no-untyped-call]


def restrain(plugin: NotifyBase) -> None:
    """Undo what an address may have asked for: long waits, retries, storage, several messages."""
    plugin.socket_connect_timeout = CONNECT_SECONDS
    plugin.socket_read_timeout = READ_SECONDS
    plugin.request_rate_per_sec = 0
    plugin.retry = 0
    plugin.persistent_storage = False
    plugin.redirects = False
    plugin.verify_certificate = True
    plugin.overflow_mode = OverflowMode.UPSTREAM


silence_apprise()
forbid_files()
