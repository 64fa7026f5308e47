"""Hashes of cookies: of no use without the secret key, and never made without one."""

from dataclasses import replace

import pytest
from flask import Flask

from webapp.services.people.tokens import hash_cookie, make_token


def test_a_cookies_hash_hangs_on_the_secret_key(app: Flask) -> None:
    token, config = make_token(), app.extensions["triagedesk_config"]
    before = hash_cookie(token)
    assert hash_cookie(token) == before
    app.extensions["triagedesk_config"] = replace(config, secret_key="another " * 5)
    assert hash_cookie(token) != before


def test_a_part_without_a_secret_key_makes_none(app: Flask) -> None:
    config = app.extensions["triagedesk_config"]
    app.extensions["triagedesk_config"] = replace(config, secret_key="")
    with pytest.raises(RuntimeError, match="no secret key"):
        hash_cookie(make_token())
