"""The check of `doctor` and Health whether criticals reach somebody."""

from datetime import datetime

from webapp.config import Config
from webapp.domain.polling_health import Tone
from webapp.services.notices.reach import read_reach
from webapp.services.operations.check_health import Check
from webapp.services.transactions import reading

NAME = "notifications"
LOCAL_ONLY = "Links in messages open on this machine only: TRIAGEDESK_PUBLIC_URL is not set."


def check_notices(config: Config, now: datetime) -> Check:
    """Check that a critical ticket that is created at `now` (UTC) would reach somebody.

    Policies that reach nobody are wrong; where there are none, messages are not in use.
    """
    with reading() as session:
        view = read_reach(session, now)
    if not view.is_needed:
        return Check(NAME, True, "no connection is polled yet", tone=Tone.NEUTRAL)
    problems = " ".join(view.reach.problems)
    if not view.has_policies:
        hint = "Choose who is told under Notifications → Policies."
        return Check(NAME, True, f"not in use. {problems}", hint, Tone.NEUTRAL)
    if problems:
        return Check(NAME, False, f"Criticals reach nobody. {problems}", "See Notifications.")
    if (gap := view.reach.gap) is not None:
        hint = "Add these events to a policy under Notifications → Policies."
        return Check(NAME, True, f"new criticals reach somebody. {gap}", hint)
    hint = "" if config.public_url else LOCAL_ONLY
    return Check(NAME, True, "criticals reach somebody", hint)
