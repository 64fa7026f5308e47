"""Erasures that were begun go on until they have finished, whoever began them."""

import logging

from webapp.models import Erasure
from webapp.services.retention.erasures import CLIENT, list_erasures, wipe_finished
from webapp.services.retention.forget_client import go_on_forgetting_client
from webapp.services.retention.forget_person import go_on_forgetting_person

log = logging.getLogger(__name__)


def go_on_forgetting(erasure: Erasure) -> None:
    """Bring an erasure to its end; several processes may do so at once."""
    if erasure.kind == CLIENT:
        go_on_forgetting_client(erasure)
    else:
        go_on_forgetting_person(erasure)
    log.info("%s %s is forgotten", erasure.kind.capitalize(), erasure.subject_id)


def go_on_with_all() -> int:
    """Bring every erasure that was begun to its end; return how many there were.

    One that fails is logged and keeps no other from going on.
    """
    erasures = list_erasures(are_running=True)
    for erasure in erasures:
        try:
            go_on_forgetting(erasure)
        except Exception:  # whatever it is, the others go on
            log.exception("Forgetting %s %s failed", erasure.kind, erasure.subject_id)
    if not wipe_finished():
        log.info("Somebody reads what was before; the write-ahead log is emptied later")
    return len(erasures)
