"""Letting an app in a test send to receivers on this machine."""

from dataclasses import replace

from flask import Flask


def allow_outbound(app: Flask, *hosts: str, ca_file: str | None = None) -> None:
    """Make `hosts` exceptions of the guard, and trust the certificates in `ca_file`."""
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(
        config, outbound_hosts=hosts, outbound_ca_file=ca_file
    )
