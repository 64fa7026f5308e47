"""How a person sees the list is kept with the person."""

import pytest
from flask import Flask

from tests.support import desk_data
from tests.support.databases import both_databases
from tests.support.rows import fresh
from webapp.domain.triage.list_columns import COLUMNS, ListDisplay, read_display
from webapp.models import User
from webapp.services.errors import NotFoundError, RefusedError
from webapp.services.tickets.rows.list_display import reset_list_display, set_list_display


@both_databases
def test_choices_are_kept_and_forgotten(app: Flask) -> None:
    desk_data.add_people()
    display = ListDisplay(("age", "client"), is_compact=True, is_grouped=True)
    set_list_display(1, display)
    assert read_display(fresh(User, 1).list_settings) == display
    assert fresh(User, 2).list_settings is None
    set_list_display(1, ListDisplay(()))
    assert read_display(fresh(User, 1).list_settings).columns == ()
    reset_list_display(1)
    assert fresh(User, 1).list_settings is None


def test_too_many_columns_are_refused(app: Flask) -> None:
    desk_data.add_people()
    with pytest.raises(RefusedError, match=f"room for 10 columns, and you chose {len(COLUMNS)}"):
        set_list_display(1, ListDisplay(tuple(COLUMNS)))
    assert fresh(User, 1).list_settings is None
    for do in (reset_list_display, lambda key: set_list_display(key, ListDisplay())):
        with pytest.raises(NotFoundError):
            do(99)
