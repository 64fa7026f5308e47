"""The settings of the identity provider."""

from pathlib import Path

import pytest

from webapp.config import ConfigError, LocalPasswords, SignOnSettings
from webapp.config.sign_on import SETTINGS, read_sign_on

DESK = "https://desk.example.com"
GIVEN = {
    "OIDC_ISSUER": "https://id.example.com/realms/desk",
    "OIDC_CLIENT_ID": "triagedesk",
    "OIDC_CLIENT_SECRET": "s3cret",
}


def read(public_url: str | None = DESK, **changes: str | None) -> SignOnSettings | None:
    values = {name: value for name, value in (GIVEN | changes).items() if value is not None}
    return read_sign_on({f"TRIAGEDESK_{n}": v for n, v in values.items()}, public_url)


def refusal(public_url: str | None = DESK, **changes: str | None) -> ConfigError:
    with pytest.raises(ConfigError) as caught:
        read(public_url, **changes)
    assert caught.value.hint
    return caught.value


def test_without_an_issuer_there_is_none() -> None:
    assert read_sign_on({}, None) is None
    assert read_sign_on({"TRIAGEDESK_LOCAL_PASSWORDS": "on"}, None) is None


def test_what_is_enough() -> None:
    settings = read()
    assert settings == SignOnSettings(GIVEN["OIDC_ISSUER"], "triagedesk", "s3cret")
    assert settings.local_passwords is LocalPasswords.ON
    assert "s3cret" not in repr(settings)


def test_everything(tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("from a file\n")
    settings = read(
        OIDC_CLIENT_SECRET=None,
        OIDC_CLIENT_SECRET_FILE=str(tmp_path / "secret"),
        OIDC_NAME="  Example   Ltd ",
        OIDC_SCOPES="openid,email groups",
        OIDC_ROLES_CLAIM="realm_access.roles",
        OIDC_ADMIN_VALUES="Triage Admins, ,Owners",
        OIDC_HELPDESK_VALUES="Triage\nSecond Level",
        OIDC_AUDITOR_VALUES="Audit",
        LOCAL_PASSWORDS="Break-Glass",
    )
    assert settings is not None
    assert settings.client_secret == "from a file"
    assert settings.name == "Example Ltd"
    assert settings.scopes == ("openid", "email", "groups")
    assert settings.admin_values == ("Triage Admins", "Owners")
    assert settings.helpdesk_values == ("Triage", "Second Level")
    assert settings.auditor_values == ("Audit",)
    assert settings.local_passwords is LocalPasswords.BREAK_GLASS


@pytest.mark.parametrize("name", SETTINGS)
def test_a_setting_without_an_issuer_is_a_mistake(name: str) -> None:
    with pytest.raises(ConfigError, match="OIDC_ISSUER is not") as caught:
        read_sign_on({f"TRIAGEDESK_{name}": "x"}, DESK)
    assert name in caught.value.problem


def test_switching_passwords_off_needs_a_provider() -> None:
    with pytest.raises(ConfigError, match="LOCAL_PASSWORDS is set"):
        read_sign_on({"TRIAGEDESK_LOCAL_PASSWORDS": "break-glass"}, DESK)
    assert "is 'off'" in refusal(LOCAL_PASSWORDS="off").problem


@pytest.mark.parametrize(
    "issuer",
    [
        "http://id.example.com",
        "http://10.0.0.5",
        "http://localhost.example.com",
        "id.example.com",
        "ftp://id.example.com",
        "https://",
        "https://id.example.com/?a=b",
        "https://id.example.com/#a",
        "https://ada:secret@id.example.com",
        "https://id.example.com/.well-known/openid-configuration",
        "https://id.example.com/" + "x" * 500,
        "https://id.example.com/a b",
    ],
)
def test_issuers_that_cannot_be(issuer: str) -> None:
    assert "OIDC_ISSUER" in refusal(OIDC_ISSUER=issuer).problem


@pytest.mark.parametrize(
    "issuer", ["http://127.0.0.1:8080/realms/x", "http://localhost", "http://[::1]:8080"]
)
def test_http_is_for_this_machine(issuer: str) -> None:
    settings = read(OIDC_ISSUER=issuer)
    assert settings is not None
    assert settings.issuer == issuer


@pytest.mark.parametrize("tenant", ["common", "organizations", "consumers"])
def test_entra_for_every_tenant_is_refused(tenant: str) -> None:
    base = "https://login.microsoftonline.com"
    assert "every tenant" in refusal(OIDC_ISSUER=f"{base}/{tenant}/v2.0").problem
    assert read(OIDC_ISSUER=f"{base}/8d1f0c4e-0000-4000-8000-000000000000/v2.0")


def test_people_come_back_by_https() -> None:
    assert "PUBLIC_URL is not" in refusal(None).problem
    assert "PUBLIC_URL is 'http:" in refusal("http://desk.example.com").problem
    assert read("http://127.0.0.1:8000")


@pytest.mark.parametrize("name", ["OIDC_CLIENT_ID", "OIDC_CLIENT_SECRET"])
def test_what_is_missing(name: str) -> None:
    assert f"{name} is not" in refusal(**{name: None}).problem


@pytest.mark.parametrize("name", ["x" * 41, "a\u202eb"])
def test_names_that_cannot_be_shown(name: str) -> None:
    assert "OIDC_NAME" in refusal(OIDC_NAME=name).problem


def test_openid_belongs_to_the_scopes() -> None:
    assert "OIDC_SCOPES" in refusal(OIDC_SCOPES="email profile").problem


def test_roles_need_both_a_claim_and_values() -> None:
    assert "OIDC_ROLES_CLAIM is not set" in refusal(OIDC_ADMIN_VALUES="a").problem
    assert "no value gives a role" in refusal(OIDC_ROLES_CLAIM="groups").problem
    twice = refusal(OIDC_ROLES_CLAIM="g", OIDC_ADMIN_VALUES="a,b", OIDC_AUDITOR_VALUES="c,b")
    assert "'b' is among the values of two roles" in twice.problem
    assert read(OIDC_ROLES_CLAIM="g", OIDC_ADMIN_VALUES="a,a")
