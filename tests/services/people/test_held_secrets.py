"""Secrets of a form that waits until its sender has shown who they are."""

import pytest
from flask import Flask
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from webapp.services.people.held_secrets import (
    Fields,
    HeldSecretsError,
    open_fields,
    seal_fields,
)

TYPED = [("api_secret", "marked one"), ("api_key", "marked one"), ("api_key", "")]


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], max_examples=50)
@given(fields=st.lists(st.tuples(st.text(), st.text())))
def test_what_was_typed_comes_back_as_it_was(app: Flask, fields: Fields) -> None:
    assert open_fields(7, seal_fields(7, fields)) == fields


def test_it_cannot_be_read(app: Flask) -> None:
    first, second = seal_fields(7, TYPED), seal_fields(7, TYPED)
    assert first != second
    assert "marked" not in first
    assert "secret" not in first


@pytest.mark.parametrize("spoilt", ["", "[]", "v2:00000000:AAAA", "v2"])
def test_what_was_made_up_is_not_opened(app: Flask, spoilt: str) -> None:
    with pytest.raises(HeldSecretsError, match="Nothing was changed"):
        open_fields(7, spoilt)


def test_what_was_changed_is_not_opened(app: Flask) -> None:
    sealed = seal_fields(7, TYPED)
    for place in (20, -8):
        other = "A" if sealed[place] != "A" else "B"
        with pytest.raises(HeldSecretsError):
            open_fields(7, sealed[:place] + other + sealed[place + 1 :])


def test_another_session_opens_nothing(app: Flask) -> None:
    with pytest.raises(HeldSecretsError):
        open_fields(8, seal_fields(7, TYPED))
