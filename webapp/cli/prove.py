"""`triagedesk prove`: everything that Huntress lists, laid beside our books."""

import click

from webapp.cli.output import json_option, print_json, refusing
from webapp.domain.proof import PROOF_DAYS
from webapp.services.proof.prove_connection import prove_connection
from webapp.services.proof.read_proofs import view_proof


@click.command("prove")
@click.argument("connection_id", metavar="ID", type=int)
@click.option(
    "--days", type=int, default=PROOF_DAYS, show_default=True, help="How far back to look."
)
@json_option
@refusing
def prove(connection_id: int, days: int, as_json: bool) -> None:
    """Compare everything that Huntress lists with what is recorded here.

    What is unexplained goes into the inbox at once, and the next poll processes it. Exit code 0 if
    everything is accounted for or was healed so, 1 if the comparison failed or something could not
    be healed. What was healed stays on record and raises an alarm.
    """
    proof = view_proof(prove_connection(connection_id, days=days))
    if as_json:
        print_json(proof.as_dict())
    else:
        click.echo(f"Connection {connection_id}: {proof.words}")
        if proof.unexplained_ids:
            click.echo(f"Unexplained, now in the inbox: {', '.join(proof.unexplained_ids)}")
    if proof.error is not None or proof.counts["healed"] < proof.counts["unexplained"]:
        raise SystemExit(1)


commands: list[click.Command] = [prove]
