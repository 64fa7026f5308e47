"""`triagedesk policy` and what `doctor` says of notifications."""

import json

from flask import Flask

from tests.cli.conftest import Shell
from tests.support.receivers.notices_data import add_target
from webapp.domain.notices.events import EVENTS
from webapp.domain.notices.target_kinds import Kind


def test_a_policy_is_added_listed_previewed_and_removed(app: Flask, shell: Shell) -> None:
    add_target("Hook", Kind.WEBHOOK)
    add_target("Ops")
    words = shell.ok(
        *("policy", "add", "All", "--event", "created,reopened", "--target", "hook"),
        *("--severity", "critical,high,low", "--target", "Ops", "--after", "10", "--after", "20"),
        *("--repeat", "2", "--on-call"),
    )
    assert words.strip() == (
        "All: Critical, high and low, created or reopened → on call, Hook and Ops at once, again"
        " after 10 minutes, again after 30 minutes; the last step 2 more times, every 20 minutes"
    )
    [listed] = shell.json("policy", "list")
    assert listed["name"] == "All"
    assert listed["conditions"]["severities"] == ["critical", "high", "low"]
    assert [step["after_minutes"] for step in listed["steps"]] == [0, 10, 20]
    assert "All" in shell.ok("policy", "list")
    assert shell.json("policy", "preview") == {
        "messages": 0,
        "at_night": 0,
        "targets": [],
        "tickets": 0,
        "time_zone": "UTC",
    }
    assert "no message" in shell.ok("policy", "preview")
    assert shell.json("policy", "remove", "all") == {"removed": "All"}
    assert "No policies yet" in shell.ok("policy", "list")
    assert "There is no policy named All" in shell.refused("policy", "remove", "All")


def test_conditions_are_named(app: Flask, shell: Shell) -> None:
    added = shell.json(
        *("policy", "add", "Some", "--event", "untouched", "--untouched-for", "30"),
        *("--unmapped", "--client", "internal (unmapped security)", "--board", "Security"),
        "--everybody",
    )
    assert added["words"] == (
        "Any severity, untouched for 30 minutes, on Security, of Internal (unmapped security),"
        " unmapped only → everybody at once"
    )
    assert shell.json("policy", "add", "Rest")["words"].endswith("→ only the daily summary")


def test_what_cannot_be_is_refused_in_words(app: Flask, shell: Shell) -> None:
    for words, arguments in {
        "There is no target named Nobody.": ("--target", "Nobody"),
        "There is no client named X.": ("--client", "X"),
        "There is no board named X.": ("--board", "X"),
        "Choose at least one event": ("--event", "exploded"),
        "A severity is one of": ("--severity", "mild"),
        "Choose whom this step tells": ("--after", "10"),
        "Repeat the last step": ("--everybody", "--repeat", "99"),
    }.items():
        assert words in shell.refused("policy", "add", "P", *arguments)
    result = shell.run("policy", "add", "P", "--target", "Nobody", "--json")
    assert json.loads(result.stdout)["success"] is False
    shell.ok("policy", "add", "P")
    assert "There is a policy named P already" in shell.refused("policy", "add", "p")


def check(shell: Shell) -> dict[str, object]:
    result = shell.run("doctor", "--json")
    checks = json.loads(result.stdout)["checks"]
    return next(one for one in checks if one["name"] == "notifications")


def test_doctor_says_whether_criticals_reach_somebody(app: Flask, shell: Shell) -> None:
    assert check(shell)["detail"] == "no connection is polled yet"
    connection_id = shell.connect()
    shell.route(connection_id)
    shell.ok("poll", connection_id)
    found = check(shell)
    assert (found["ok"], found["kind"]) == (True, "neutral")
    assert "There is no policy" in str(found["detail"])
    shell.ok("policy", "add", "Pager", "--on-call")
    found = check(shell)
    assert found["ok"] is False
    assert found["detail"] == (
        "Criticals reach nobody. The policy Pager reaches nobody: nobody is on call."
    )
    add_target("Hook", Kind.WEBHOOK)
    shell.ok("policy", "remove", "Pager")
    shell.ok("policy", "add", "Hook", "--target", "Hook")
    found = check(shell)
    assert found["ok"] is True
    assert "Nobody is told when the severity of a ticket rises" in str(found["detail"])
    shell.ok("policy", "add", "Later", "--event", "severity_raised,reopened", "--target", "Hook")
    found = check(shell)
    assert (found["ok"], found["detail"]) == (True, "criticals reach somebody")
    assert "TRIAGEDESK_PUBLIC_URL" in str(found["hint"])


def test_the_help_names_events_and_what_repeating_needs(shell: Shell) -> None:
    words = " ".join(shell.ok("policy", "add", "--help").split())
    for event in EVENTS:
        assert event in words
    assert "needs --after" in words
    refused = shell.refused("policy", "add", "All", "--on-call", "--repeat", "2")
    assert "--after" in refused or "step" in refused


def test_the_help_of_the_watcher_names_its_setting(shell: Shell) -> None:
    assert "TRIAGEDESK_HEARTBEAT_URL" in shell.ok("watch", "--help")
