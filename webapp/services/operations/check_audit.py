"""The audit log and what it says that needs a look, as `doctor` and Health show them."""

from collections.abc import Iterator, Sequence
from datetime import datetime

from webapp.config import Config
from webapp.services.audit_trail.chain_end import read_chain_end
from webapp.services.audit_trail.check_daily import read_last_verification
from webapp.services.audit_trail.find_suspicious import (
    Suspicion,
    find_broken_chain,
    find_broken_glass,
    find_guessed_accounts,
    find_refused_addresses,
    find_unchained,
    find_unsent,
    find_unverified,
)
from webapp.services.operations.check_health import Check
from webapp.services.transactions import reading

TAMPERED_HINT = (
    "`triagedesk audit verify` names every event. Compare with the seals and events that have left"
    " this machine, and treat it as a break-in until you know better."
)
WAITING_HINT = "Look whether a worker or a watcher runs, and what its log says about the audit log."
GUESSING_HINT = (
    "Look at Audit log → Failures and refusals: whose addresses are these? Ask the person, and let"
    " them choose a new password or factor if in doubt."
)
SHOWN = 3


def check_audit(config: Config, now: datetime) -> Iterator[Check]:
    """Check the chain of the audit log, what is to leave the machine, and failed sign-ins."""
    with reading() as session:
        tampered = list(find_broken_chain(session))
        waiting = [
            *find_unverified(session, now),
            *find_unchained(session, now),
            *find_unsent(session, config.audit, now),
        ]
        guessing = [
            *find_guessed_accounts(session, now),
            *find_refused_addresses(session, now),
            *find_broken_glass(session, now),
        ]
        end, last = read_chain_end(session), read_last_verification(session)
    if tampered or waiting:
        hint = TAMPERED_HINT if tampered else WAITING_HINT
        yield Check("audit log", False, _sentences([*tampered, *waiting]), hint)
    elif last is None:
        yield Check("audit log", True, "events are chained; the first verification is to come")
    else:
        detail = f"whole; verified on {last.happened_at:%Y-%m-%d %H:%M} UTC, {end.position:,} links"
        yield Check("audit log", True, detail)
    if guessing:
        yield Check("sign-ins", False, _sentences(guessing), GUESSING_HINT)
    else:
        yield Check("sign-ins", True, "nothing that needs a look")


def _sentences(found: Sequence[Suspicion]) -> str:
    more = len(found) - SHOWN
    words = [one.sentence for one in found[:SHOWN]]
    return " ".join([*words, f"{more:,} more like this."] if more > 0 else words)
