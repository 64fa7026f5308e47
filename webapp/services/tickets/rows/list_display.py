"""Keeping how a person wants to see the ticket list."""

from webapp.domain.triage.list_columns import MOST_COLUMNS, ListDisplay
from webapp.services.errors import RefusedError
from webapp.services.lookups import get_user
from webapp.services.transactions import transaction


def set_list_display(user_id: int, display: ListDisplay) -> None:
    """Keep the choices of a user.

    Raises RefusedError for more than MOST_COLUMNS columns, NotFoundError for an unknown user.
    """
    if len(display.columns) > MOST_COLUMNS:
        raise RefusedError(
            f"The list has room for {MOST_COLUMNS} columns, and you chose {len(display.columns)}: "
            "take some of them off."
        )
    with transaction() as session:
        get_user(session, user_id, lock=True).list_settings = display.as_settings()


def reset_list_display(user_id: int) -> None:
    """Show the list as everybody sees it at first; raises NotFoundError for an unknown user."""
    with transaction() as session:
        get_user(session, user_id, lock=True).list_settings = None
