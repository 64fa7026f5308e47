"""The names of the rows that policies point to."""

from sqlalchemy import select
from sqlalchemy.orm import Session

from webapp.domain.notices.policy_words import Names
from webapp.models import Board, Client, Target


def read_names(session: Session) -> Names:
    """Return the names of all targets of the team, boards and clients."""
    targets = select(Target.id, Target.name).where(Target.user_id.is_(None))
    return Names(
        targets={row.id: row.name for row in session.execute(targets)},
        boards={row.id: row.name for row in session.execute(select(Board.id, Board.name))},
        clients={row.id: row.name for row in session.execute(select(Client.id, Client.name))},
    )
