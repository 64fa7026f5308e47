"""The settings of backups: what is taken, and what is refused before anything starts."""

import re

import pytest

from webapp.config import PREFIX, SECRETS, VARIABLES, ConfigError, describe_variables, read_backups

RECIPIENT = "age1" + "q" * 58
BACKUPS = {
    "TRIAGEDESK_BACKUP_DIR": "/mnt/backups",
    "TRIAGEDESK_BACKUP_PASSPHRASE": "correct horse battery",
}
S3 = {
    "TRIAGEDESK_BACKUP_S3_URL": "https://s3.example.com/desk/nightly/",
    "TRIAGEDESK_BACKUP_S3_ACCESS_KEY": "access",
    "TRIAGEDESK_BACKUP_S3_SECRET_KEY": "the secret key",
}


def test_backups_have_a_place_a_time_and_somebody_who_opens_them() -> None:
    settings = read_backups({})
    assert (settings.places, str(settings.at)) == ((), "02:00 UTC")
    settings = read_backups(
        {
            **BACKUPS,
            **S3,
            "TRIAGEDESK_BACKUP_AT": "3:30 Europe/Berlin",
            "TRIAGEDESK_BACKUP_KEEP": "2 daily",
        }
    )
    assert settings.places == ("/mnt/backups", "https://s3.example.com/desk/nightly")
    assert (str(settings.at), str(settings.keep)) == ("03:30 Europe/Berlin", "2 daily")
    assert "horse" not in repr(settings)
    assert "the secret key" not in repr(settings)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"BACKUP_PASSPHRASE": ""}, "nothing encrypts them"),
        ({"BACKUP_PASSPHRASE": "too short"}, "fewer than 12 characters"),
        ({"BACKUP_RECIPIENTS": RECIPIENT}, "are both set"),
        ({"BACKUP_RECIPIENTS": "age1o", "BACKUP_PASSPHRASE": ""}, "no public key of age"),
        ({"BACKUP_DIR": "backups"}, "Give the whole path"),
        ({"BACKUP_AT": "25:00"}, "takes a time of day"),
        ({"BACKUP_KEEP": "all"}, "7 daily, 4 weekly"),
        ({"BACKUP_S3_URL": "https://s3.example.com"}, "not the address of a bucket"),
        ({"BACKUP_S3_URL": "https://key:secret@s3.example.com/desk"}, "not the address"),
        ({"BACKUP_S3_URL": "ftp://s3.example.com/desk"}, "not the address of a bucket"),
        ({"BACKUP_S3_SECRET_KEY": ""}, "BACKUP_S3_SECRET_KEY is not set"),
        ({"PG_BIN": "bin"}, "Give the whole path"),
    ],
)
def test_backups_that_cannot_be_made_are_refused_at_the_start(
    changes: dict[str, str], words: str
) -> None:
    env = {**BACKUPS, **S3, **{f"TRIAGEDESK_{name}": value for name, value in changes.items()}}
    with pytest.raises(ConfigError, match=re.escape(words)) as refused:
        read_backups(env)
    assert "secret" not in str(refused.value).replace("SECRET_KEY", "").replace("secret key", "")


def test_recipients_need_no_passphrase() -> None:
    env = {**BACKUPS, "TRIAGEDESK_BACKUP_PASSPHRASE": "", "TRIAGEDESK_BACKUP_RECIPIENTS": RECIPIENT}
    assert read_backups(env).recipients == (RECIPIENT,)


def test_a_backup_tells_every_setting_but_secrets() -> None:
    env = {PREFIX + name: "geheim" for name in VARIABLES}
    told = describe_variables(env)
    assert set(told) == set(env)
    left_out = {name for name, value in told.items() if value == "(set, left out)"}
    assert left_out == {PREFIX + name for name in SECRETS} - {
        "TRIAGEDESK_DATABASE_URL",
        "TRIAGEDESK_REDIS_URL",
    }


@pytest.mark.parametrize(
    ("name", "value", "told"),
    [
        ("OIDC_ROLES_CLAIM", "groups", "groups"),
        ("AUDIT_FORWARD", "syslog+tls://logs:6514", "syslog+tls://logs:6514"),
        ("HUNTRESS_PORTAL_URL", "https://h/?i={incident_id}", "https://h/?i={incident_id}"),
        ("METRICS_TOKEN_FILE", "/etc/token", "/etc/token"),
        ("METRIC_TOKEN", "geheim", "(set, left out)"),
        (
            "DATABASE_URL",
            "postgresql://desk:ge heim@db/desk?password=geheim",
            "postgresql://db/desk",
        ),
        ("DATABASE_URL", "postgresql://desk:ge?he@im\n@db/desk", "postgresql://db/desk"),
        ("REDIS_URL", "rediss://:geheim@cache:6380/1", "rediss://cache:6380/1"),
        ("REDIS_URL", "unix:///run/valkey.sock?password=geheim", "unix:///run/valkey.sock"),
    ],
)
def test_no_password_in_an_address_is_told(name: str, value: str, told: str) -> None:
    assert describe_variables({PREFIX + name: value}) == {PREFIX + name: told}
