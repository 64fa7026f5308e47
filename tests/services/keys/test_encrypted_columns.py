"""Encrypted columns on both databases: each value knows its row, on the way in and out."""

import threading

import pytest
from flask import Flask
from sqlalchemy import func, insert, select, text, update
from sqlalchemy.exc import StatementError
from sqlalchemy.orm import aliased, defer

from tests.services.keys.values import LABELS, connection, everything, fill, raw, target, write_raw
from tests.support.databases import both_databases
from tests.support.rows import add, change, fresh
from webapp.crypto import UnreadableText, Why, key_id
from webapp.extensions import db
from webapp.models import Connection, Target, encrypted
from webapp.models.encrypted import column_label, encrypted_columns
from webapp.services.transactions import reading, transaction

pytestmark = pytest.mark.usefixtures("app")


def test_each_encrypted_column_is_labelled_by_its_own_name() -> None:
    """A label is part of every stored value: two columns with one would share their values."""
    found = [(column_label(column), str(column)) for column in encrypted_columns(db.metadata)]
    assert {label for label, _ in found} == LABELS
    assert all(label == name for label, name in found)


@both_databases
def test_every_column_is_stored_encrypted_and_read_again(app: Flask) -> None:
    fill()
    key = key_id(app.extensions["triagedesk_config"].encryption_keys[0])
    plain = everything()
    assert plain[("connections.api_key", 1)] == "key 1"
    assert plain[("connections.api_secret", 2)] == "secret 2"
    assert plain[("notification_targets.secrets", 3)] == '{"secret": "2"}'
    assert plain[("notification_settings.mail_password", 1)] == "mail pass"
    assert plain[("authenticator_apps.secret", 1)] == "TOTPSEED"
    for label, row in plain:
        assert raw(label, row).startswith(f"v2:{key}:")


@both_databases
class TestRows:
    def test_several_new_rows_in_one_flush_and_others_without_a_secret(self) -> None:
        with transaction() as session:
            rows = [connection(1), connection(2, api_key=None), connection(3)]
            session.add_all(rows)
            session.flush()
            session.add(connection(4))
        assert [row.id for row in rows] == [1, 2, 3]
        keys = [fresh(Connection, row).api_key for row in range(1, 5)]
        assert keys == ["key 1", None, "key 3", "key 4"]

    def test_the_database_goes_on_numbering(self) -> None:
        add(connection(1))
        with transaction() as session:
            added = session.scalar(
                insert(Connection)
                .values(name="x", base_url="", account_id="x", created_at=func.now())
                .returning(Connection.id)
            )
        assert added == 2
        assert add(connection(3)).id == 3

    def test_a_row_that_was_rolled_back_leaves_nothing_behind(self) -> None:
        def add_in_vain() -> None:
            with transaction() as session:
                session.add(connection(1))
                session.flush()
                raise ZeroDivisionError

        with pytest.raises(ZeroDivisionError):
            add_in_vain()
        added = add(connection(2))
        assert fresh(Connection, added.id).api_key == "key 2"

    def test_a_number_that_was_given_is_kept(self) -> None:
        add(connection(1, id=40))
        assert fresh(Connection, 40).api_secret == "secret 1"

    def test_a_change_writes_the_value_and_nothing_else_does(self) -> None:
        add(connection(1))
        before = raw("connections.api_key"), raw("connections.api_secret")
        change(Connection, 1, name="Renamed")
        assert (raw("connections.api_key"), raw("connections.api_secret")) == before
        change(Connection, 1, api_key="another")
        assert fresh(Connection, 1).api_key == "another"
        assert raw("connections.api_secret") == before[1]
        change(Connection, 1, api_key="another")
        assert raw("connections.api_key") != before[0]
        change(Connection, 1, api_key=None, api_secret="")
        assert fresh(Connection, 1).api_key is None
        assert fresh(Connection, 1).api_secret == ""

    def test_objects_that_take_each_others_values_bind_them_anew(self) -> None:
        first, second = add(connection(1)), add(connection(2))
        with transaction() as session:
            one, two = (session.get_one(Connection, row.id) for row in (first, second))
            one.api_key, two.api_key = two.api_key, one.api_key
            session.flush()
            two.api_secret = two.api_key
        keys = [fresh(Connection, row).api_key for row in (1, 2)]
        assert keys == ["key 2", "key 1"]
        assert fresh(Connection, 2).api_secret == "key 1"

    def test_many_threads_add_rows_at_once(self, app: Flask) -> None:
        def add_some(number: int) -> None:
            with app.app_context():
                for more in range(4):
                    add(target(10 * number + more))

        threads = [threading.Thread(target=add_some, args=(number,)) for number in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        with reading() as session:
            rows = session.scalars(select(Target).order_by(Target.id)).all()
        assert len({row.id for row in rows}) == 20
        assert all(row.secrets == f'{{"secret": "{row.name.split()[1]}"}}' for row in rows)

    def test_an_old_version_of_an_object_overwrites_nothing(self) -> None:
        add(connection(1))
        stale = fresh(Connection, 1)
        change(Connection, 1, api_key="newer")
        with transaction() as session:
            session.add(stale)
            stale.name = "Renamed"
        assert fresh(Connection, 1).api_key == "newer"


@both_databases
class TestStatements:
    @pytest.fixture(autouse=True)
    def two(self, app: Flask) -> None:
        add(connection(1))
        add(connection(2, api_secret=None))

    def test_a_column_is_decrypted_however_it_is_selected(self) -> None:
        other, some = aliased(Connection), select(Connection).subquery()
        expected = ["key 1", "key 2"]
        for query in (
            select(Connection.api_key).order_by(Connection.id),
            select(Connection.api_key.label("x")).order_by(Connection.id),
            select(other.api_key).order_by(other.id),
            select(some.c.api_key).order_by(some.c.id),
            select(Connection.__table__.c.api_key).order_by(Connection.__table__.c.id),
            select(Connection.api_key).where(Connection.api_key.is_not(None)).order_by("api_key"),
        ):
            with reading() as session:
                assert sorted(session.scalars(query).all()) == expected, str(query)

    def test_so_is_what_a_statement_returns(self) -> None:
        with transaction() as session:
            changed = (
                update(Connection).values(name="x").returning(Connection.id, Connection.api_key)
            )
            rows = session.execute(changed).all()
        assert sorted(rows) == [(1, "key 1"), (2, "key 2")]

    def test_objects_are_loaded_in_every_way(self) -> None:
        with transaction() as session:
            one = session.get_one(Connection, 1, with_for_update=True)
            assert (one.api_key, one.api_secret) == ("key 1", "secret 1")
            session.refresh(one)
            assert one.api_secret == "secret 1"
            session.expunge_all()
            deferred = session.scalars(select(Connection).options(defer(Connection.api_key)))
            assert [row.api_key for row in deferred] == ["key 1", "key 2"]

    def test_none_stays_none(self) -> None:
        with reading() as session:
            lacking = select(Connection.id, Connection.api_secret).where(
                Connection.api_secret.is_(None)
            )
            assert session.execute(lacking).all() == [(2, None)]

    @pytest.mark.parametrize(
        "statement",
        [
            update(Connection).values(api_key="x"),
            insert(Target).values(name="x", kind="webhook", settings={}, secrets="x"),
            select(Connection.id).where(Connection.api_key == "key 1"),
        ],
        ids=["update", "insert", "compare"],
    )
    def test_a_statement_that_does_not_say_for_which_row_is_refused(
        self, statement: object
    ) -> None:
        with pytest.raises(StatementError, match="its row is not known"), transaction() as session:
            session.execute(statement, execution_options={"synchronize_session": False})  # type: ignore[call-overload]


@both_databases
class TestMovedValues:
    """Whoever can write to the database can put one secret in another's place."""

    @pytest.mark.parametrize(
        ("source", "label", "row"),
        [
            ("connections.api_key", "connections.api_key", 2),
            ("connections.api_key", "connections.api_secret", 1),
            ("connections.api_key", "notification_targets.secrets", 1),
        ],
    )
    def test_a_value_is_of_no_use_in_another_place(
        self, source: str, label: str, row: int, caplog: pytest.LogCaptureFixture
    ) -> None:
        encrypted._warned_of.clear()
        add(connection(1))
        add(connection(2))
        add(target(1))
        write_raw(label, row, raw(source))
        read = everything()[(label, row)]
        assert isinstance(read, UnreadableText)
        assert read == ""
        assert read.why is Why.NOT_ITS_OWN
        assert f"{label} of row {row} is not used: it was made for another place" in caplog.text
        assert everything()[(source, 1)] == ("key 1" if label != source or row != 1 else read)

    def test_a_row_that_was_copied_as_a_whole_is_worth_nothing(self) -> None:
        add(target(1))
        with transaction() as session:
            session.execute(
                text(
                    "INSERT INTO notification_targets (name, kind, settings, secrets, created_at)"
                    " SELECT 'copy', kind, settings, secrets, created_at FROM notification_targets"
                    if db.engine.dialect.name == "postgresql"
                    else "INSERT INTO notification_targets (id, name, kind, settings, secrets,"
                    " created_at) SELECT 2, 'copy', kind, settings, secrets, created_at"
                    " FROM notification_targets"
                )
            )
        values = [value for (label, _), value in everything().items() if "targets" in label]
        assert values[0] == '{"secret": "1"}'
        assert isinstance(values[1], UnreadableText)

    def test_a_value_of_a_lost_key_says_so(self) -> None:
        add(connection(1))
        write_raw("connections.api_key", 1, raw("connections.api_key").replace("v2:", "v2:0", 1))
        read = everything()[("connections.api_key", 1)]
        assert isinstance(read, UnreadableText)
        assert read.why is Why.NO_KEY
