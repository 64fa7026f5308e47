"""Placeholders of canned notes."""

import pytest
from hypothesis import given

from tests.support.attacks import attack
from tests.support.rendered import render
from webapp.domain.runbooks.canned_notes import (
    PLACEHOLDERS,
    fill_placeholders,
    unknown_placeholders,
)
from webapp.domain.untrusted import clean_line

VALUES = {name: f"the {name.replace('_', ' ')}" for name in PLACEHOLDERS}


def test_each_placeholder_gets_its_value() -> None:
    body = " ".join(f"{{{name}}}" for name in PLACEHOLDERS if name != "portal_link")
    filled = fill_placeholders(body, VALUES)
    assert "{" not in filled
    assert all(VALUES[name] in filled for name in PLACEHOLDERS if name != "portal_link")


def test_the_portal_is_a_link() -> None:
    link = "https://acme.huntress.io/incident_reports/1?a=b_c_d"
    found = render(fill_placeholders("See {portal_link}.", {"portal_link": link}))
    assert found.links == [(link, link)]


def test_what_is_no_placeholder_and_what_has_no_value_stays_as_typed() -> None:
    body = "{host} {hosts} {Host} { host } {} {{host}} ${number} {user}"
    assert fill_placeholders(body, {"host": "PC-1", "hosts": "x", "user": None, "number": ""}) == (
        "PC-1 {hosts} {Host} { host } {} {PC-1} ${number} {user}"
    )
    assert unknown_placeholders(body) == ["{hosts}"]
    assert unknown_placeholders("{b} {a} {b} {client}") == ["{b}", "{a}"]


@given(attack)
def test_a_value_is_only_text(value: str) -> None:
    """Values are cleaned where they come in, so none has a NUL."""
    value = clean_line(value) or ""
    found = render(fill_placeholders("On {host} it happened.", {"host": value}))
    if value:
        assert (found.headings, found.links, found.quotes) == ([], [], [])
        assert found.words == f"On {value} it happened."


@pytest.mark.parametrize(
    ("value", "written"),
    [
        ("PC-1", "PC-1"),
        ("Łódzka Drukarnia Sp. z o.o.", "Łódzka Drukarnia Sp. z o.o."),
        ("O'Neil & Co. (UK), Inc.", "O'Neil & Co. (UK), Inc."),
        ("srv_01", "srv_01"),
        ("_srv_", "`_srv_`"),
        ("ACME\\m_weiss", "`ACME\\m_weiss`"),
        ("evil.example", "`evil.example`"),
        ("ada@example.com", "`ada@example.com`"),
        ("@ada", "`@ada`"),
        ("- list", "`- list`"),
        ("1. list", "`1. list`"),
        ("a`b``c", "```a`b``c```"),
        ("`a`", "`` `a` ``"),
    ],
)
def test_what_is_more_than_words_is_shown_as_it_is(value: str, written: str) -> None:
    """Neither dialect of notes reads more into it: one of them knows no escapes."""
    assert fill_placeholders("{host}", {"host": value}) == written


@given(attack)
def test_a_value_is_not_filled_again(value: str) -> None:
    assert fill_placeholders("{client}", {"client": "{host}", "host": value}) == "`{host}`"
