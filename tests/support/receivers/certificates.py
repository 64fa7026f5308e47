"""Certificates of servers in tests: one that fits, and some that do not."""

import ssl
from datetime import UTC, datetime, timedelta
from pathlib import Path

import trustme

from webapp.clock import utcnow

NAMES = ("localhost", "127.0.0.1", "::1")


class Certificates:
    """An authority of its own; `ca_file` is what a client has to trust."""

    def __init__(self, folder: Path) -> None:
        self._authority = trustme.CA()
        self.ca_file = str(folder / "ca.pem")
        self._authority.cert_pem.write_to_path(self.ca_file)

    def fitting(self, *more_names: str) -> ssl.SSLContext:
        """For a server at any of `NAMES`, or of other names."""
        return _context(self._authority.issue_cert(*NAMES, *more_names))

    def for_another_name(self) -> ssl.SSLContext:
        """Good, but for another host."""
        return _context(self._authority.issue_cert("elsewhere.example"))

    def expired(self) -> ssl.SSLContext:
        """For the right host, until yesterday."""
        yesterday = utcnow().astimezone(UTC) - timedelta(days=1)
        first = datetime(2000, 1, 1, tzinfo=UTC)
        leaf = self._authority.issue_cert(*NAMES, not_before=first, not_after=yesterday)
        return _context(leaf)

    def of_a_stranger(self) -> ssl.SSLContext:
        """For the right host, by an authority that nobody trusts."""
        return _context(trustme.CA().issue_cert(*NAMES))


def _context(leaf: trustme.LeafCert) -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    leaf.configure_cert(context)
    return context
