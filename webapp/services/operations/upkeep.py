"""What has to be done every now and then, in one list.

The worker does it hourly, `poll --due` each time. Each piece is safe to be cut off and to run
again, and whatever goes wrong with one keeps no other from being done.
"""

import logging
from collections.abc import Callable, Mapping

from webapp import clock
from webapp.config import Config
from webapp.services.audit_trail.advance_trail import chain_and_seal, send_and_verify
from webapp.services.keys.note_keys import note_keys
from webapp.services.keys.reencrypt import finish_reencryption
from webapp.services.operations.housekeeping import refresh_statistics
from webapp.services.polling.relink_tickets import relink_waiting
from webapp.services.polling.reports.read_facts import read_older_reports
from webapp.services.proof.due_proofs import prove_due
from webapp.services.recovery.scratch import clean_scratch
from webapp.services.retention.delete_old_records import delete_old_records
from webapp.services.retention.go_on import go_on_with_all
from webapp.services.tickets.attachments.contents import drop_unused_contents
from webapp.services.tickets.clocks.end_waits import end_waits
from webapp.services.tickets.clocks.recompute_clocks import recompute_clocks
from webapp.services.transactions import DATABASE_AWAY, first_line

log = logging.getLogger(__name__)


def do_upkeep(config: Config, *, has_worker: bool) -> None:
    """Do everything that is due, piece by piece.

    Without a worker it also makes the proofs of the day, lets the clocks of tickets go on, sends
    what is to leave the machine and verifies the audit log; otherwise these are jobs of their own.
    What fails is logged.
    """
    pieces = _always(config) if has_worker else _without_worker(config)
    for name, do in pieces.items():
        try:
            do()
        except DATABASE_AWAY as error:
            log.warning("Upkeep: %s has to wait: %s", name, first_line(error))
        except Exception:  # whatever it is, the other pieces are done
            log.exception("Upkeep: %s failed", name)


def _always(config: Config) -> Mapping[str, Callable[[], object]]:
    """The pieces by their names in the log, in the order in which they are done."""
    return {
        "forgetting clients and people": go_on_with_all,
        "deleting old records": _delete_old,
        "deleting files that no ticket has": drop_unused_contents,
        "deleting scratch places": lambda: clean_scratch(config),
        "refreshing the statistics": refresh_statistics,
        "rewriting links": relink_waiting,
        "reading older reports": read_older_reports,
        "encrypting secrets anew": finish_reencryption,
        "noting keys": note_keys,
        "chaining the audit log": lambda: chain_and_seal(is_thorough=True),
    }


def _without_worker(config: Config) -> Mapping[str, Callable[[], object]]:
    return {
        "making proofs": lambda: prove_due(clock.utcnow()),
        **_always(config),
        "bringing tickets back from waiting": lambda: end_waits(clock.utcnow()),
        "recomputing when tickets are due": lambda: recompute_clocks(clock.utcnow()),
        "sending and verifying the audit log": lambda: send_and_verify(config),
    }


def _delete_old() -> None:
    for table, count in delete_old_records(clock.utcnow()).items():
        if count:
            log.info("Deleted %s old rows of %s", count, table)
