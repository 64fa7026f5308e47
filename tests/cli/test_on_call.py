"""`triagedesk oncall`."""

import pytest

from tests.cli.conftest import Shell
from tests.support.databases import both_databases
from tests.support.on_call.rotations import add_contact, add_user_row
from tests.support.rows import audit_actions

WEEKLY = ("oncall", "set", "--every", "weekly", "--handover", "Mon 09:00")
BERLIN = ("--zone", "Europe/Berlin")
ADA, BO = ("--person", "ada@example.com"), ("--person", "BO@example.com")


@pytest.fixture
def people(shell: Shell) -> list[int]:
    ids = [add_user_row("Ada", role="admin"), add_user_row("Bo")]
    for one in ids:
        add_contact(one, confirmed_at=shell.clock.now())
    return ids


@both_databases
def test_setting_it_and_asking(shell: Shell, people: list[int]) -> None:
    assert shell.json(*WEEKLY, *BERLIN, *ADA, *BO) == {
        "changed": True,
        "every": "weekly",
        "handover": "Mon 09:00",
        "time_zone": "Europe/Berlin",
        "people": ["ada@example.com", "bo@example.com"],
    }
    assert shell.json("oncall", "now") == {
        "name": "Ada",
        "email": "ada@example.com",
        "since": "2026-06-08T07:00:00+00:00",
        "until": "2026-06-15T07:00:00+00:00",
        "next": {
            "name": "Bo",
            "email": "bo@example.com",
            "since": "2026-06-15T07:00:00+00:00",
            "until": "2026-06-22T07:00:00+00:00",
        },
        "warnings": [],
    }
    assert shell.ok("oncall", "now") == (
        "On call now: Ada (ada@example.com), 2026-06-08 09:00 to 2026-06-15 09:00 CEST\n"
        "Next: Bo (bo@example.com), 2026-06-15 09:00 to 2026-06-22 09:00 CEST\n"
    )
    assert shell.ok(*WEEKLY, *BERLIN, *ADA, *BO) == (
        "The rotation was like this already: Ada is first.\n"
    )
    assert audit_actions() == ["on_call.rotation_set"]


def test_nobody(shell: Shell, people: list[int]) -> None:
    told = shell.json("oncall", "now")
    assert [told[key] for key in ("name", "email", "since", "until", "next")] == [None] * 5
    assert told["warnings"][0].startswith("There is no rotation")
    lines = shell.ok("oncall", "now").splitlines()
    assert lines[0] == "Nobody is on call."
    assert lines[1].startswith("Warning: There is no rotation")


def test_every_day(shell: Shell, people: list[int]) -> None:
    daily = ("oncall", "set", "--every", "daily", "--handover", "18:00", *BO, *ADA)
    assert shell.ok(*daily) == "The rotation is set: Bo is first.\n"
    told = shell.json("oncall", "now")
    assert (told["name"], told["until"]) == ("Bo", "2026-06-09T18:00:00+00:00")
    assert told["next"]["name"] == "Ada"


@both_databases
def test_an_override(shell: Shell, people: list[int]) -> None:
    shell.ok(*WEEKLY, *BERLIN, *ADA, *BO)
    override = ("oncall", "override", "bo@example.com", "--until")
    told = shell.json(*override, "2026-06-09 18:30", "--reason", "Ada is ill")
    assert told["name"] == "Bo"
    assert (told["since"], told["until"]) == (
        "2026-06-09T12:00:00+00:00",
        "2026-06-09T16:30:00+00:00",
    )
    assert shell.json("oncall", "now")["name"] == "Bo"
    later = (*override, "2026-06-12T08:00:00Z", "--from", "2026-06-11T18:00")
    assert shell.ok(*later) == (
        "On call: Bo (bo@example.com), 2026-06-11 18:00 to 2026-06-12 10:00 CEST\n"
    )


def test_what_cannot_be_taken(shell: Shell, people: list[int]) -> None:
    weekly = ("oncall", "set", "--every", "weekly", "--handover")
    assert "Write the handover like `Mon 09:00`" in shell.refused(*weekly, "09:00", *ADA)
    assert "Write the handover like" in shell.refused(*weekly, "noon", *ADA)
    assert "no user eve@example.com" in shell.refused(*WEEKLY, "--person", "eve@example.com")
    assert "Choose a time zone" in shell.refused(*WEEKLY, "--zone", "Atlantis", *ADA)
    assert shell.run(*WEEKLY).exit_code == 2
    override = ("oncall", "override", "bo@example.com", "--until")
    assert "Write the time of --until like" in shell.refused(*override, "tomorrow")
    assert "later than now" in shell.refused(*override, "2026-06-01T00:00")
