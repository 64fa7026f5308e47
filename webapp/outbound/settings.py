"""What a sender needs to know besides the message."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from webapp.domain.notices.target_kinds import Kind


@dataclass(frozen=True, slots=True, kw_only=True)
class MailServer:
    """The server that takes our mails. `security` is `starttls`, `tls` or `none`."""

    host: str
    port: int = 587
    security: str = "starttls"
    user: str = ""
    password: str = field(default="", repr=False)
    sender: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Destination:
    """A target with its settings in plain text; none of `secrets` appears in its repr.

    `secrets` holds the secret settings by name; of a webhook's signing secrets `secret` holds all
    that are valid, the newest first, separated by spaces. `outbound_hosts` are the exceptions of
    TRIAGEDESK_OUTBOUND_HOSTS. `mail_server` is None where none is set up.
    """

    kind: Kind
    settings: Mapping[str, str]
    secrets: Mapping[str, str] = field(default_factory=dict, repr=False)
    outbound_hosts: Sequence[str] = ()
    mail_server: MailServer | None = None
    ca_file: str | None = None
    """A file with certificates to trust besides the usual ones."""
