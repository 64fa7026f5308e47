"""Everything about messages and the clocks of tickets that comes due by itself, in one place.

The worker's job does it every few seconds, and the watcher where no worker is alive.
"""

import logging
from collections.abc import Callable
from datetime import datetime

from webapp import clock
from webapp.services.notices.deliver import expire_messages
from webapp.services.notices.escalate import advance_escalations
from webapp.services.notices.mute_client import record_ended_mutes
from webapp.services.notices.silence.deactivated import forget_deactivated
from webapp.services.tickets.clocks.end_waits import end_waits
from webapp.services.tickets.clocks.recompute_clocks import recompute_clocks
from webapp.services.tickets.clocks.tell_due import tell_due
from webapp.services.transactions import DATABASE_AWAY
from webapp.services.watch.drill import follow_drills
from webapp.services.watch.write_summaries import write_summaries

PARTS: tuple[Callable[[datetime], object], ...] = (
    end_waits,  # before what goes by untouched tickets
    recompute_clocks,
    tell_due,
    advance_escalations,
    record_ended_mutes,
    forget_deactivated,
    follow_drills,
    write_summaries,
    expire_messages,
)

log = logging.getLogger(__name__)


def advance_notices() -> None:
    """Run due steps, record mutes that have ended, follow drills, write due summaries.

    Before that, tickets come back from waiting, get new due times where targets or opening hours
    were changed, and are told to be due.
    What waits for people who were deactivated is dropped, and what waited for two days given up.

    What is to be sent is in the outbox then. A part that fails is logged and keeps no other from
    running; whoever calls this again tries it again. Raises a database's error if it is away.
    """
    for part in PARTS:
        try:
            part(clock.utcnow())
        except DATABASE_AWAY:
            raise
        except Exception:  # one part keeps no other from running
            log.exception("%s failed", getattr(part, "__name__", part))
