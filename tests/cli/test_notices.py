"""`triagedesk target`, `mail`, `outbox` and `mute`."""

import json
from pathlib import Path

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.receivers.http_receiver import HttpReceiver, answer
from tests.support.rows import add, all_rows, audit_actions, fresh
from webapp import clock
from webapp.domain.notices.target_kinds import KINDS, Kind
from webapp.models import Client, ClientMute, NotificationSettings, OutboxRow, Target
from webapp.models.outbox import OutboxState

HOOK = ("target", "add", "PSA", "--kind", "webhook", "--url", "https://psa.example.com/hooks")


@both_databases
def test_a_webhook_is_added_and_its_secret_printed_once(shell: Shell) -> None:
    added = shell.json(*HOOK)
    assert set(added) == {"id", "name", "kind", "secret"}
    assert (added["name"], added["kind"]) == ("PSA", "webhook")
    assert added["secret"].startswith("whsec_")
    [listed] = shell.json("target", "list")
    assert listed["state"] == "never used"
    assert listed["tells_alarms"] is True
    assert added["secret"] not in json.dumps(listed)
    assert "PSA" in shell.ok("target", "list")
    assert "There is a target named PSA already." in shell.refused(*HOOK)


def test_a_secret_comes_from_a_file(shell: Shell, tmp_path: Path) -> None:
    secret = "whsec_" + "QUJD" * 8
    (tmp_path / "secret").write_text(f"{secret}\n")
    file = str(tmp_path / "secret")
    assert "secret" not in shell.json(*HOOK, "--secret-file", file, "--no-alarms")
    (tmp_path / "secret").write_text("1" * 32)
    said = shell.ok(
        *("target", "add", "Night", "--kind", "sms", "--to", "+14155550123"),
        *("--set", "from=+14155550100", "--set", "account=AC" + "0" * 32, "--secret-file", file),
    )
    assert said == "Night was added (SMS (Twilio)).\n"
    hook, sms = all_rows(Target)
    assert json.loads(hook.secrets or "") == {"secret": secret}
    assert json.loads(sms.secrets or "") == {"token": "1" * 32}
    assert not hook.tells_alarms
    assert sms.settings["account"] == "AC" + "0" * 32


@pytest.mark.parametrize(
    "wrong",
    [
        ("--kind", "fax", "--url", "https://example.com"),
        ("--kind", "webhook"),
        ("--kind", "webhook", "--to", "soc@example.com"),
        ("--kind", "email", "--url", "https://example.com"),
        ("--kind", "webhook", "--url", "https://example.com", "--set", "colour=red"),
        ("--kind", "webhook", "--url", "https://example.com", "--set", "url"),
    ],
)
def test_a_wrong_use_is_said(shell: Shell, wrong: tuple[str, ...]) -> None:
    assert shell.run("target", "add", "X", *wrong).exit_code == 2
    assert not all_rows(Target)


def test_slack_takes_no_secret_file(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("x")
    slack = ("--kind", "slack", "--url", "https://hooks.slack.com/services/T0/B0/abc")
    result = shell.run("target", "add", "X", *slack, "--secret-file", str(tmp_path / "file"))
    assert result.exit_code == 2
    shell.ok("target", "add", "X", *slack)
    assert "services/T0" in (all_rows(Target)[0].secrets or "")


def test_pagerduty_needs_no_address(shell: Shell, tmp_path: Path) -> None:
    (tmp_path / "key").write_text("a" * 32)
    shell.ok(
        *("target", "add", "Duty", "--kind", "pagerduty", "--secret-file", str(tmp_path / "key"))
    )
    assert all_rows(Target)[0].settings == {}


def test_a_test_prints_the_answer(shell: Shell) -> None:
    with HttpReceiver() as receiver:
        shell.env["TRIAGEDESK_OUTBOUND_HOSTS"] = receiver.origin
        shell.ok("target", "add", "PSA", "--kind", "webhook", "--url", f"{receiver.origin}/hooks")
        document = shell.json("target", "test", "psa")
        assert (document["success"], document["answer"]) == (True, "200 OK")
        receiver.behaviour = answer(410)
        assert "410" in shell.refused("target", "test", "PSA")
    assert "There is no target named Nobody" in shell.refused("target", "test", "Nobody")


@both_databases
def test_the_mail_server(shell: Shell, tmp_path: Path) -> None:
    assert shell.ok("mail", "show").startswith("No mail server is set up")
    (tmp_path / "password").write_text("hunter2\n")
    document = shell.json(
        *("mail", "set", "--host", "smtp.example.com", "--port", "465", "--security", "tls"),
        *("--user", "desk", "--sender", "desk@example.com"),
        *("--password-file", str(tmp_path / "password")),
    )
    assert document["has_password"] is True
    assert shell.json("mail", "set", "--subject", "{number} {title}")["port"] == 465
    assert "hunter2" not in shell.ok("mail", "show") + shell.ok("mail", "show", "--json")
    assert fresh(NotificationSettings, 1).mail_password == "hunter2"
    assert "{titel} means nothing here" in shell.refused("mail", "set", "--subject", "{titel}")


@both_databases
def test_the_outbox(shell: Shell) -> None:
    assert shell.ok("outbox", "list") == "No messages.\n"
    target = shell.json(*HOOK)["id"]
    now = clock.utcnow()
    rows = [
        add(
            OutboxRow(
                key=f"row:{number}",
                target_id=target,
                target_name="PSA",
                event="alarm.began",
                facts={},
                created_at=now,
                due_at=now,
                next_try_at=now,
                state=state,
            )
        ).id
        for number, state in enumerate((OutboxState.SENT, OutboxState.FAILED, OutboxState.FAILED))
    ]
    listed = shell.json("outbox", "list", "--state", "failed", "--target", "psa", "--limit", "1")
    assert [one["id"] for one in listed] == rows[2:]
    assert shell.json("outbox", "retry", str(rows[1])) == {"success": True, "rows": 1}
    assert "has not failed" in shell.refused("outbox", "retry", str(rows[0]))
    assert shell.ok("outbox", "retry", "--failed") == "Sent again at once: 1.\n"
    assert shell.run("outbox", "retry").exit_code == 2
    assert shell.run("outbox", "retry", "1", "--failed").exit_code == 2


@both_databases
def test_mute(shell: Shell) -> None:
    client = add(Client(name="Corner Bakery")).id
    assert shell.ok("mute", "--list") == "No client is muted.\n"
    local = shell.clock.now().astimezone().replace(hour=23, minute=59)
    until = f"{local:%Y-%m-%d %H:%M}"
    said = shell.ok("mute", "corner bakery", "--until", until, "--reason", "Penetration test")
    assert said == f"corner bakery is muted until {until}.\n"
    [muted] = shell.json("mute", "--list")
    assert (muted["client_id"], muted["reason"]) == (client, "Penetration test")
    assert shell.json("mute", "Corner Bakery", "--hours", "0.5")["client"] == "Corner Bakery"
    shell.ok("mute", "Corner Bakery", "--end")
    assert len(all_rows(ClientMute)) == 1
    assert audit_actions() == ["client.muted", "client.muted", "client.unmuted"]
    assert "is not muted" in shell.refused("mute", "Corner Bakery", "--end")
    assert "Write the end as" in shell.refused("mute", "Corner Bakery", "--until", "soon")
    assert "There is no client named X" in shell.refused("mute", "X", "--hours", "1")
    assert shell.run("mute", "Corner Bakery").exit_code == 2
    assert shell.run("mute").exit_code == 2


def test_the_help_names_the_settings_of_every_kind(shell: Shell) -> None:
    listed = shell.ok("target", "add", "--help").split("The kinds and their settings")[1]
    lines = [line.split() for line in listed.splitlines()]
    for kind in Kind:
        [words] = [line for line in lines if line[:1] == [kind.value]]
        assert {word.strip("[]*,") for word in words[1:]} == {
            setting.name for setting in KINDS[kind].settings
        }
    assert ["sms", "to,", "from,", "account,", "token*"] in lines
    assert ["webhook", "url,", "[secret*]"] in lines
