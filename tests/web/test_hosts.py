"""Hosts are looked at before anything else."""

import logging
from dataclasses import replace

import pytest
from flask import Flask
from hypothesis import given
from hypothesis import strategies as st

from webapp import create_app
from webapp.config import Config
from webapp.web.hosts import host_name

STRANGE = (
    ".x",
    "a" * 64,
    f"{'a' * 64}.example",
    "[::1",
    "x y",
    "localhost:port",
    "a@localhost",
    "",
)


def test_other_hosts_get_a_sentence_and_no_line_of_log(
    app: Flask, caplog: pytest.LogCaptureFixture
) -> None:
    for host in (*STRANGE, "desk.example.com", "localhost.example.com"):
        with caplog.at_level(logging.INFO):
            answer = app.test_client().get("/tickets", headers={"Host": host})
        assert answer.status_code == 400, host
        assert "TRIAGEDESK_PUBLIC_URL" in answer.text, host
        assert not caplog.records, host


def test_names_of_this_machine_are_answered(app: Flask) -> None:
    for host in ("localhost", "LOCALHOST:8000", "127.0.0.1", "[::1]:8000"):
        answer = app.test_client().get("/sign-in", headers={"Host": host})
        assert answer.status_code == 302, host


def test_the_public_address_is_answered_and_told(config: Config) -> None:
    client = create_app(replace(config, public_url="https://desk.example.com")).test_client()
    found = client.get("/sign-in", headers={"Host": "DESK.example.com:443"})
    assert found.status_code == 302
    refused = client.get("/sign-in", headers={"Host": "evil.example"})
    assert "Open https://desk.example.com instead." in refused.text
    assert client.head("/", headers={"Host": "evil.example"}).data == b""


def test_monitors_may_ask_by_any_address(app: Flask) -> None:
    for host in (*STRANGE, "192.0.2.7:8000"):
        answer = app.test_client().get("/healthz", headers={"Host": host})
        assert answer.status_code == 200, host


@given(st.text())
def test_no_host_stumbles(host: str) -> None:
    found = host_name(host)
    assert found is None or isinstance(found, str)


def test_an_error_page_that_fails_is_one_more_line_and_no_second_error(
    config: Config,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
) -> None:
    app = create_app(config)
    app.config["PROPAGATE_EXCEPTIONS"] = False

    def fail(*_: object, **__: object) -> str:
        raise RuntimeError("templates are gone")

    monkeypatch.setattr("webapp.web.errors.render_template", fail)
    monkeypatch.setitem(app.view_functions, "health.answer", fail)
    fail.access_rule = "public"  # type: ignore[attr-defined]
    answer = app.test_client().get("/healthz")
    assert answer.status_code == 500
    assert "Something went wrong on our side" in answer.text
    assert [record.getMessage() for record in caplog.records][1:] == [
        "The error page failed as well: templates are gone"
    ]
