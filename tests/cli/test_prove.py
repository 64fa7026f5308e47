"""`triagedesk prove`: the counts as JSON, the sentence, and the exit code."""

from datetime import timedelta

from sqlalchemy import delete

from tests.cli.conftest import Shell
from tests.support.polling import add_bulk
from webapp.huntress.simulator.faults import Faults
from webapp.models import Alert
from webapp.services.transactions import transaction

KEYS = {"listed", "ticketed", "excluded", "closed", "recorded", "quarantined", "unexplained"}


def test_everything_is_accounted_for_or_healed(shell: Shell) -> None:
    connection_id = shell.connect()
    shell.route(connection_id)
    add_bulk(shell.simulator.account, 6, shell.clock.now() - timedelta(hours=1))
    refusal = shell.refused("prove", connection_id)
    assert "No poll of this connection has succeeded yet" in refusal
    shell.json("poll", connection_id)
    clean = shell.json("prove", connection_id)
    assert clean["listed"] == sum(clean[name] for name in KEYS - {"listed"}) == 6
    assert (clean["unexplained"], clean["healed"], clean["success"]) == (0, 0, True)
    with transaction() as session:
        session.execute(delete(Alert))
    shell.clock.advance(seconds=1)
    found = shell.json("prove", connection_id)
    assert found["unexplained"] == found["healed"] == 6
    shell.clock.advance(seconds=1)
    assert "6 listed: 6 tickets, 0" in shell.ok("prove", connection_id, "--days", "30")
    shell.clock.advance(minutes=5)
    shell.json("poll", connection_id)
    shell.clock.advance(seconds=1)
    assert shell.json("prove", connection_id)["unexplained"] == 0


def test_a_proof_that_fails_ends_with_an_error(shell: Shell) -> None:
    connection_id = shell.connect()
    shell.route(connection_id)
    shell.json("poll", connection_id)
    shell.simulator.faults = Faults(forbidden=True)
    shell.clock.advance(seconds=1)
    result = shell.run("prove", connection_id, "--json")
    assert result.exit_code == 1
    assert '"success": false' in result.stdout
