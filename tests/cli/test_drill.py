"""`triagedesk drill`: without anybody to tell, it says what is missing."""

import json

from tests.cli.conftest import Shell


def test_it_says_what_is_missing(shell: Shell) -> None:
    assert "polled successfully" in shell.refused("drill")
    connection_id = shell.connect()
    shell.route(connection_id)
    shell.json("poll", connection_id)
    result = shell.run("drill", "--json")
    assert result.exit_code == 1
    told = json.loads(result.stdout)
    assert (told["success"], told["failed_at"]) == (False, "Policy")
    assert told["error"].startswith("No policy tells anybody")
    names = [one["name"] for one in told["stations"] if one["at"]]
    assert names[:3] == ["inbox", "plan", "ticket"]
    assert "Failed at Policy" in shell.refused("drill")
