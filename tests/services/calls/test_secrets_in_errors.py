"""Errors of the database name statements, never the values in them."""

import pytest
from flask import Flask
from sqlalchemy.exc import SQLAlchemyError

from tests.support.databases import both_databases
from webapp import clock
from webapp.models import Connection
from webapp.services.transactions import transaction

SECRET = "hs_secret_of_the_test"


@both_databases
def test_a_failed_insert_does_not_show_credentials(app: Flask) -> None:
    row = Connection(
        name="Acme",
        base_url="https://api.huntress.io",
        api_key=SECRET,
        api_secret=SECRET,
        account_id=None,
        created_at=clock.utcnow(),
    )
    with pytest.raises(SQLAlchemyError) as caught, transaction() as session:
        session.add(row)
    assert SECRET not in str(caught.value)
    assert "api_secret" in str(caught.value)


@both_databases
def test_nor_does_a_value_that_cannot_even_be_bound(app: Flask) -> None:
    naive = clock.utcnow().replace(tzinfo=None)
    row = Connection(name="Acme", base_url="x", api_secret=SECRET, account_id="1", created_at=naive)
    with pytest.raises(SQLAlchemyError) as caught, transaction() as session:
        session.add(row)
    assert SECRET not in str(caught.value)
