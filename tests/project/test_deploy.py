"""The files of `deploy`, and what the installation guide says of them."""

import shlex
from datetime import timedelta

import click
import pytest

from tests.support.source_tree import ROOT
from webapp.cli import triagedesk
from webapp.config import NOT_FOR_THE_SCHEDULER, NOT_WITHOUT_PAGES, PREFIX
from webapp.domain.retention.kinds import DEFAULT_AGES, RetentionKind, age_words
from webapp.services.retention import old_records

DEPLOY = ROOT / "deploy"
UNITS = sorted(DEPLOY.glob("*.service"))
GUIDE = (ROOT / "docs" / "installation.md").read_text(encoding="utf-8")
PROGRAM = "/opt/triagedesk/venv/bin/triagedesk"


def _lines(name: str) -> list[str]:
    return (DEPLOY / name).read_text(encoding="utf-8").splitlines()


def _protection(name: str) -> list[str]:
    """What stands from NoNewPrivileges on to the end of its paragraph."""
    lines = _lines(name)
    start = lines.index("NoNewPrivileges=yes")
    return lines[start : [*lines, ""].index("", start)]


@pytest.mark.parametrize("unit", [path.name for path in UNITS])
def test_a_unit_runs_a_command_of_roots_program_on_the_state_directory(unit: str) -> None:
    lines = _lines(unit)
    (start,) = (line.removeprefix("ExecStart=") for line in lines if line.startswith("ExecStart="))
    program, command, *options = shlex.split(start)
    assert program == PROGRAM
    known = triagedesk.get_command(click.Context(triagedesk), command)
    assert known
    names = {name for option in known.params for name in option.opts}
    assert {word for word in options if word.startswith("--")} <= names
    assert {
        "User=triagedesk",
        "StateDirectory=triagedesk",
        "Environment=TRIAGEDESK_DATA_DIR=/var/lib/triagedesk/data",
    } <= set(lines)
    assert _protection(unit) == _protection("triagedesk.service")
    assert unit in GUIDE


@pytest.mark.parametrize(
    ("part", "left_out"),
    [
        ("scheduler", NOT_FOR_THE_SCHEDULER),
        ("worker", NOT_WITHOUT_PAGES),
        ("watch", NOT_WITHOUT_PAGES),
        ("web", ()),
    ],
)
def test_a_part_gets_no_secret_that_it_does_not_need(part: str, left_out: tuple[str, ...]) -> None:
    lines = _lines(f"triagedesk-{part}.service")
    unset = {
        name
        for line in lines
        if line.startswith("UnsetEnvironment=")
        for name in line.removeprefix("UnsetEnvironment=").split()
    }
    assert unset == {PREFIX + name + end for name in left_out for end in ("", "_FILE")}


def test_every_part_has_a_unit() -> None:
    parts = {"", "-migrate", "-web", "-worker", "-scheduler", "-watch"}
    assert {path.name for path in UNITS} == {f"triagedesk{part}.service" for part in parts}


def test_the_program_is_installed_where_the_units_look_for_it() -> None:
    assert PROGRAM in GUIDE
    assert "/var/lib/triagedesk/venv" not in GUIDE


def test_the_caddyfiles_differ_in_how_requests_are_buffered_and_in_nothing_else() -> None:
    def rest(name: str) -> list[str]:
        return [line for line in _lines(name) if not line.startswith("#") and "buffer" not in line]

    assert rest("Caddyfile") == rest("Caddyfile-debian12")


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ("raw reports, once their ticket is closed", RetentionKind.RAW_REPORTS),
        ("closed tickets with their notes", RetentionKind.CLOSED_TICKETS),
        ("API calls", RetentionKind.EXCHANGES),
        ("poll history", RetentionKind.RUNS),
        ("the audit log", RetentionKind.AUDIT),
        (
            "messages in the outbox that do not wait any more, escalations and mutes that are over",
            RetentionKind.OUTBOX,
        ),
        ("alarms that are over", RetentionKind.ALARMS),
        ("daily proofs", RetentionKind.PROOFS),
        ("drills without a ticket", RetentionKind.DRILLS),
        ("on-call overrides", RetentionKind.OVERRIDES),
        ("what bells told people", RetentionKind.BELL),
    ],
)
def test_the_guide_says_how_long_records_are_kept(what: str, kept: RetentionKind) -> None:
    assert f"| {what} | {age_words(DEFAULT_AGES[kept])}" in GUIDE


@pytest.mark.parametrize(
    ("what", "kept"),
    [
        ("what a bulk change needs to be undone", old_records.KEEP_BULK_CHANGES),
        ("uploaded CSV files", old_records.KEEP_UPLOADS),
        ("links that take a ticket (they work for 24 hours)", old_records.KEEP_TAKE_LINKS),
        ("known browsers", old_records.KEEP_DEVICES),
        ("notes about one's account", old_records.KEEP_SECURITY_NOTES),
    ],
)
def test_the_guide_says_what_expires_by_itself(what: str, kept: timedelta) -> None:
    assert f"| {what} | {kept.days} day" in GUIDE


def test_every_age_stands_in_the_guide() -> None:
    rows = GUIDE.split("| what | kept |")[1].split("\n\n")[0].strip().splitlines()[1:]
    assert len(rows) == len(RetentionKind)


def test_the_documents_say_who_talks_to_whom() -> None:
    """Each part that runs, and each setting that names another machine."""
    text = (ROOT / "docs" / "network.md").read_text(encoding="utf-8")
    for part in ("web", "worker", "scheduler", "watcher", "Redis", "PostgreSQL", "Huntress"):
        assert part in text
    for name in ("HUNTRESS_HOSTS", "OUTBOUND_HOSTS", "HEARTBEAT_URL", "PUBLIC_URL"):
        assert name in text
    for linked in ("network.md", "limits.md", "dependencies.md"):
        assert linked in GUIDE
    socket = _lines("triagedesk.socket")
    [path] = [line.partition("=")[2] for line in socket if line.startswith("ListenStream=")]
    assert path in text
    assert f"unix:{path};" in (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
