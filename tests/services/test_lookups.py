"""Looking up what was named, whatever number was typed; and names that must be unique."""

import pytest
from sqlalchemy import select
from sqlalchemy.exc import IntegrityError

from tests.support.databases import both_databases
from tests.support.rows import add
from webapp.models import Board, Category
from webapp.services.errors import NotFoundError
from webapp.services.lookups import LARGEST_ID, get_connection, get_user
from webapp.services.transactions import reading, transaction


@both_databases
@pytest.mark.usefixtures("app")
@pytest.mark.parametrize("number", [LARGEST_ID, LARGEST_ID + 1, 2**63, 10**20, 0, -1, -(2**40)])
def test_a_number_no_row_can_have_is_not_found(number: int) -> None:
    for look in (get_connection, get_user):
        with reading() as session, pytest.raises(NotFoundError, match=str(number)):
            look(session, number, lock=False)


@both_databases
@pytest.mark.usefixtures("app")
def test_top_level_categories_of_a_board_have_different_names() -> None:
    with reading() as session:
        board, other = session.scalars(select(Board.id).limit(2)).all()
    parent = add(Category(name="Malware", board_id=board)).id
    add(Category(name="Malware", board_id=other))
    add(Category(name="Malware", board_id=board, parent_id=parent))
    with pytest.raises(IntegrityError), transaction() as session:
        session.add(Category(name="Malware", board_id=board))
