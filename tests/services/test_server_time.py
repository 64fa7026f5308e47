from datetime import timedelta

from flask import Flask

from tests.support.databases import both_databases
from webapp.clock import SharedClock, shared
from webapp.extensions import db, read_server_time


@both_databases
def test_the_time_of_a_server_is_read_outside_any_transaction(app: Flask) -> None:
    if db.engine.dialect.name == "sqlite":
        assert shared.skew() == timedelta(0), "this machine's clock is the only one"
        return
    answer = read_server_time(db.engine)
    assert answer is not None
    assert abs(answer - SharedClock().now()) < timedelta(minutes=1)
