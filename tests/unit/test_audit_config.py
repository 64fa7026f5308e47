"""Where the audit log goes, and the form of the log, as they are configured."""

import pytest

from webapp.config.audit import AuditSettings, read_audit_settings
from webapp.config.env import ConfigError
from webapp.config.logs import LogFormat, read_log_format


@pytest.mark.parametrize(
    ("text", "receiver"),
    [
        ("stdout", "stdout"),
        ("STDOUT", "stdout"),
        ("syslog+tls://logs.example.com", "syslog+tls://logs.example.com:6514"),
        ("syslog+tls://10.0.0.5:7000/", "syslog+tls://10.0.0.5:7000"),
        ("syslog://127.0.0.1", "syslog://127.0.0.1:601"),
        ("syslog://localhost:514", "syslog://localhost:514"),
        ("syslog://[::1]:514", "syslog://[::1]:514"),
    ],
)
def test_receivers(text: str, receiver: str) -> None:
    settings = read_audit_settings({"TRIAGEDESK_AUDIT_SEAL": text})
    assert (str(settings.seal), settings.forward) == (receiver, None)


def test_without_them_nothing_leaves_the_machine() -> None:
    assert read_audit_settings({}) == AuditSettings()


@pytest.mark.parametrize(
    "text",
    [
        "stderr",
        "logs.example.com:6514",
        "https://logs.example.com",
        "syslog+tls://",
        "syslog+tls://user:word@logs.example.com",
        "syslog+tls://logs.example.com/path",
        "syslog+tls://logs.example.com?x",
        "syslog+tls://logs.example.com:99999",
        "syslog+tls://" + "x" * 300,
        "syslog://logs.example.com",
        "syslog://10.0.0.5:514",
    ],
)
def test_what_is_no_receiver_is_refused_in_a_sentence(text: str) -> None:
    with pytest.raises(ConfigError, match=r"TRIAGEDESK_AUDIT_FORWARD .*syslog\+tls://"):
        read_audit_settings({"TRIAGEDESK_AUDIT_FORWARD": text})


def test_the_form_of_the_log() -> None:
    assert read_log_format({}) is LogFormat.TEXT
    assert read_log_format({"TRIAGEDESK_LOG_FORMAT": "Json"}) is LogFormat.JSON
    with pytest.raises(ConfigError, match="text, json"):
        read_log_format({"TRIAGEDESK_LOG_FORMAT": "xml"})
