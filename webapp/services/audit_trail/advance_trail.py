"""Everything about the audit log that comes due by itself, in one place.

The worker's job does it every 30 seconds, the watcher where no worker is alive, and `poll --due`.
"""

import logging

from webapp import clock
from webapp.config import Config
from webapp.services.audit_trail.chain_events import chain_events
from webapp.services.audit_trail.check_daily import verify_daily
from webapp.services.audit_trail.forward_events import forward_events
from webapp.services.audit_trail.seal_chain import make_seal, send_seals
from webapp.services.transactions import DATABASE_AWAY

log = logging.getLogger(__name__)


def advance_audit_trail(config: Config, *, is_thorough: bool = False) -> None:
    """Chain new events, verify all once a day, seal the day, send what is to leave the machine.

    With `is_thorough` events are looked for however late they were committed. A part that fails is
    logged and keeps no other from running. Raises a database's error if it is away.
    """
    now = clock.utcnow()
    parts = (
        lambda: chain_events(now, is_thorough=is_thorough),
        lambda: verify_daily(now),
        lambda: make_seal(now),
        lambda: send_seals(config, now),
        lambda: forward_events(config, now),
    )
    for part in parts:
        try:
            part()
        except DATABASE_AWAY:
            raise
        except Exception:  # one part keeps no other from running
            log.exception("A part of the work on the audit log failed")
