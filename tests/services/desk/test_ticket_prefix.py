"""The prefix of ticket numbers: changed for new tickets, never making two alike."""

import pytest
from flask import Flask

from tests.support.databases import both_databases
from tests.support.rows import audit_events
from webapp.services.desk.edit_rows import EditConflictError
from webapp.services.desk.ticket_numbers import take_ticket_numbers
from webapp.services.desk.ticket_prefix import read_numbering, set_prefix
from webapp.services.errors import FieldError
from webapp.services.transactions import transaction


def take() -> str:
    with transaction() as session:
        return take_ticket_numbers(session, 1)[0]


@both_databases
def test_the_next_number_is_the_one_that_comes(app: Flask) -> None:
    assert read_numbering().next_number == "TKT-000001" == take()
    assert set_prefix(" SEC/ ", seen="TKT-")
    assert read_numbering().next_number == "SEC/000002" == take()
    event = audit_events()[-1]
    assert (event.action, event.before, event.after) == (
        "ticket_prefix.changed",
        {"prefix": "TKT-"},
        {"prefix": "SEC/"},
    )


@pytest.mark.parametrize("prefix", ["A", "INC", "tkt.", "A1B-", "ABCDEFGHI-", "T#"])
def test_prefixes(app: Flask, prefix: str) -> None:
    assert set_prefix(prefix)
    assert read_numbering().prefix == prefix


@pytest.mark.parametrize(
    "prefix",
    [
        "",
        " ",
        None,
        "1",
        "T1",
        "-T",
        "T T-",
        "<b>",
        "Ä-",
        "ABCDEFGHIJ-",
        "=T",
        "T-\u202e",
        "T²",
    ],
)
def test_what_no_prefix_can_be(app: Flask, prefix: str | None) -> None:
    with pytest.raises(FieldError) as caught:
        set_prefix(prefix)
    assert set(caught.value.fields) == {"prefix"}
    assert read_numbering().prefix == "TKT-"


def test_a_prefix_changed_by_two(app: Flask) -> None:
    assert set_prefix("A-", seen="TKT-")
    assert set_prefix("A-", seen="TKT-") is False
    with pytest.raises(EditConflictError) as caught:
        set_prefix("B-", seen="TKT-")
    assert caught.value.current == {"prefix": "A-"}
    assert len(audit_events()) == 1
