"""`triagedesk audit`: the log is whole, or a sentence says what was done to it."""

import pytest

from tests.cli.conftest import Shell
from tests.support.rows import all_rows
from tests.support.security.trail import add_events, chained, tamper
from webapp.domain.security.chain import hash_text
from webapp.models import AuditEvent
from webapp.services.audit_trail.verify_chain import verify_chain


def test_a_log_that_is_whole(shell: Shell) -> None:
    assert shell.ok("audit", "verify") == "ok   0 links are whole. The last: none yet\n"
    chained(3)
    add_events(1)
    end = verify_chain().end
    assert shell.ok("audit", "verify").splitlines() == [
        "     1 event waits for a link, since 2026-06-09 12:00:00 UTC.",
        f"ok   3 links are whole. The last: 3:{end.hash}",
    ]
    assert shell.json("audit", "verify")["whole"] is True


def test_a_log_that_is_not(shell: Shell) -> None:
    chained(3)
    tamper("DELETE FROM audit_events WHERE id = 2")
    done = shell.run("audit", "verify")
    assert done.exit_code == 1
    assert done.stdout == (
        "FAIL Event 2 was deleted; link 2, made on 2026-06-09 at 12:00:00 UTC, belongs to it.\n"
    )
    assert shell.run("audit", "verify", "--json").exit_code == 1


def test_seals_from_elsewhere(shell: Shell) -> None:
    chained(2)
    end = verify_chain().end
    shell.ok("audit", "verify", "--seal", f"2:{end.hash}")
    done = shell.run("audit", "verify", "--seal", f"2:{'a' * 64}", "--seal", f"9:{'b' * 64}")
    assert done.exit_code == 1
    assert done.stdout.count("FAIL") == 2
    wrong = shell.run("audit", "verify", "--seal", "yesterday")
    assert "POSITION:HASH" in wrong.stderr


def test_anybody_can_compute_the_hashes(shell: Shell) -> None:
    chained(3)
    lines = [line.split("\t") for line in shell.ok("audit", "lines").splitlines()]
    assert [line[0] for line in lines] == ["1", "2", "3"]
    assert all(hash_text(line) == digest for _, digest, line in lines)
    assert [
        line.split("\t")[0] for line in shell.ok("audit", "lines", "--after", "2").splitlines()
    ] == ["3"]


def test_lines_that_are_taken_along_are_on_record_before_the_first(shell: Shell) -> None:
    chained(2)
    shell.ok("audit", "lines", "--after", "1")
    event = all_rows(AuditEvent)[-1]
    assert (event.action, event.after) == ("export.audit", {"command": "audit lines", "after": 1})


@pytest.mark.parametrize("command", ["verify", "lines"])
def test_help(shell: Shell, command: str) -> None:
    assert "Usage" in shell.ok("audit", command, "--help")
