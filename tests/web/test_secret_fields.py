"""Which fields of a form no page shows again."""

import pytest

from webapp.domain.notices.target_kinds import KINDS
from webapp.web.secret_fields import is_secret_field

SECRET_SETTINGS = [
    pytest.param(setting.name, id=f"{kind}-{setting.name}")
    for kind, target in KINDS.items()
    for setting in target.settings
    if setting.is_secret
]


@pytest.mark.parametrize("name", SECRET_SETTINGS)
def test_what_opens_a_target_is_never_shown_again(name: str) -> None:
    assert is_secret_field(name)


@pytest.mark.parametrize("name", ["new_password", "api_key", "client_secret", "csrf_token"])
def test_names_that_tell_of_a_secret(name: str) -> None:
    assert is_secret_field(name)


@pytest.mark.parametrize("name", ["title", "email", "external_url", "hostname", "form_token"])
def test_what_people_typed_is_shown_to_them(name: str) -> None:
    assert not is_secret_field(name)
