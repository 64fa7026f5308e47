"""docs/limits.md names the limits that the code and the proxy have."""

import re

import pytest

from tests.support.source_tree import ROOT
from webapp.domain import csv_text
from webapp.runtime.web_server import REQUEST_SECONDS
from webapp.services.tickets.bulk_change_tickets import MOST_TICKETS
from webapp.services.tickets.comment_ticket import NOTE_LENGTH
from webapp.services.tickets.ticket_fields import DESCRIPTION_LENGTH
from webapp.web import person_limits, request_sizes
from webapp.web.mapping.forms import MOST_ROWS
from webapp.web.people.contact_routes import MESSAGES
from webapp.web.tickets.take_routes import TRIES

DOCUMENT = (ROOT / "docs" / "limits.md").read_text(encoding="utf-8")
"""The rest is looked at by test_input_page.py."""

NGINX = (ROOT / "deploy" / "nginx.conf").read_text(encoding="utf-8")


def row(begins: str) -> str:
    """The rest of the only row whose first cell begins so."""
    [found] = re.findall(rf"^\| {re.escape(begins)}[^|]*\| (.*) \|$", DOCUMENT, re.MULTILINE)
    return found


@pytest.mark.parametrize(
    ("begins", "amount"),
    [
        ("exports: tickets", person_limits.EXPORTS),
        ("previews of a text", person_limits.TEXT_PREVIEWS),
        ("trying policies", person_limits.POLICY_PREVIEWS),
        ("syncing organizations", person_limits.HUNTRESS_CALLS),
        ("*Poll now*", person_limits.POLLS),
        ("tests of targets", person_limits.TRIALS),
        ("notes with files", person_limits.UPLOADS),
        ("codes and tests", MESSAGES),
    ],
)
def test_what_one_person_may_ask_for(begins: str, amount: str) -> None:
    parts = [re.fullmatch(r"(\d+) per (\w+)", part) for part in amount.split("; ")]
    words = [
        f"{found[1]} {'an' if found[2] == 'hour' else 'a'} {found[2]}" for found in parts if found
    ]
    assert row(begins) == ", ".join(words)


def test_what_a_request_may_be() -> None:
    assert row("exports at the same time") == str(person_limits.EXPORTS_AT_ONCE)
    assert row("a request, whole") == f"{request_sizes.MAX_REQUEST_BYTES // 2**20} MB"
    assert row("an uploaded CSV file") == (
        f"{csv_text.MAX_BYTES // 1_000_000} MB, {csv_text.MAX_ROWS:,} rows"
    )
    assert row("a description, a note") == f"{DESCRIPTION_LENGTH:,}, {NOTE_LENGTH:,} characters"
    assert row("tickets in one bulk change") == str(MOST_TICKETS)
    assert row("rows of one save") == str(MOST_ROWS)
    assert row("an answer").startswith(f"{REQUEST_SECONDS} seconds")
    assert f"opened {TRIES.split()[0]} times a minute from one address" in DOCUMENT


def test_what_the_proxy_adds() -> None:
    for words in (
        "zone=triagedesk_guesses:10m  rate=30r/m",
        "zone=triagedesk_guesses  burst=20",
        "zone=triagedesk_requests:10m rate=50r/s",
        "limit_conn triagedesk_connections 50;",
        "client_max_body_size 16m;",
        "client_max_body_size 101m;",
    ):
        assert words in NGINX, words
    told = " ".join(DOCUMENT.split())
    assert "adds 30 forms a minute (20 more at once)" in told
    assert "50 requests a second and 50 connections for each address" in told
