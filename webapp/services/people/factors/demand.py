"""Asking people for a second factor: from when on, and what is asked of them now."""

from datetime import datetime

from sqlalchemy.orm import Session

from webapp import clock
from webapp.domain.security.factor_rule import FactorDemand, factor_due, judge_demand
from webapp.extensions import current_config
from webapp.models import User
from webapp.services.lookups import get_user
from webapp.services.people.factors.stored_factors import count_factors, must_have_factor
from webapp.services.transactions import transaction


def ask_for_factor(user_id: int) -> None:
    """Begin the grace of a person who signs in without the factor that they have to have.

    Does nothing for others, and nothing a second time. Raises NotFoundError.
    """
    with transaction() as session:
        begin_grace(session, get_user(session, user_id, lock=True))


def begin_grace(session: Session, user: User) -> None:
    """ask_for_factor() for a locked user, within the caller's transaction."""
    if must_have_factor(user) and not count_factors(session, user.id):
        grace = current_config().security.factor_grace
        user.factor_due_at = factor_due(clock.utcnow(), grace, user.factor_due_at)


def restart_grace(session: Session, user: User) -> None:
    """Forget what was asked of a locked user in their last role, and ask for that of the new one.

    Somebody who becomes an admin has the whole grace from then on.
    """
    user.factor_due_at = None
    begin_grace(session, user)


def demand_of(user: User) -> tuple[FactorDemand, datetime | None]:
    """What is asked of a loaded user now, and by when (UTC). Asks no database."""
    is_needed = must_have_factor(user)
    due_at = user.factor_due_at if is_needed else None
    return judge_demand(clock.utcnow(), is_needed=is_needed, due_at=due_at), due_at
