"""A database with data in it, brought from the first migration to the last: nothing is lost."""

from collections.abc import Iterator
from pathlib import Path

import flask_migrate
import pytest
from alembic.script import ScriptDirectory
from flask import Flask
from sqlalchemy import text

from tests.migrations.schema import schema_differences
from tests.support.databases import make_config
from tests.support.postgres import PostgresServer
from webapp import create_app
from webapp.extensions import db
from webapp.models import Alert, Asset, Comment, Connection, OrganizationMapping, Ticket
from webapp.schema import migrations_dir
from webapp.services.operations.check_storage import find_missing_objects
from webapp.services.tickets.search_tickets import find_matches
from webapp.services.transactions import reading

FIRST = "0001"
MOMENT = "'2026-06-09 12:00:00'"
ROWS = (
    "INSERT INTO clients (id, name) VALUES (7, 'Northwind Dental'), (8, 'Contoso')",
    "INSERT INTO users (id, email, name, password_hash, role, created_at)"
    f" VALUES (1, 'ada@example.com', 'Ada', 'x', 'admin', {MOMENT})",
    "INSERT INTO assets (id, client_id, name, hostname_key) VALUES (3, 7, 'NW-DC01', 'nw-dc01')",
    "INSERT INTO connections (id, provider, name, base_url, account_id, created_at)"
    f" VALUES (1, 'huntress', 'Acme', 'https://api.huntress.io', '30911', {MOMENT})",
    "INSERT INTO organization_mappings"
    " (id, connection_id, external_id, name, client_id, created_at, updated_at)"
    f" VALUES (5, 1, '40021', 'Northwind', 7, {MOMENT}, {MOMENT})",
    "INSERT INTO tickets (id, number, title, description, client_id, board_id, status_id,"
    " priority_id, source, connection_id, source_reference, created_at, updated_at)"
    " VALUES (11, 'TKT-000011', 'Credentials dumped', 'rundll32 wrote the memory of lsass',"
    f" 7, 1, 1, 1, 'huntress', 1, '1780150', {MOMENT}, {MOMENT})",
    "INSERT INTO alerts (id, connection_id, external_alert_id, ticket_id, status, severity,"
    " was_closed, observed_at, raw_report, created_at) VALUES (31, 1, '1780150', 11, 'deleted',"
    f' \'critical\', false, {MOMENT}, \'{{"severity": "CRITICAL", "status": "Sent"}}\', {MOMENT})',
    "INSERT INTO alerts (id, connection_id, external_alert_id, status, severity, was_closed,"
    f" observed_at, created_at) VALUES (32, 1, '7', 'sent', 'low', false, {MOMENT}, {MOMENT})",
    "INSERT INTO ticket_assets (ticket_id, asset_id) VALUES (11, 3)",
    f"UPDATE organization_mappings SET gone_at = {MOMENT}",
    "INSERT INTO comments (id, ticket_id, author_id, kind, is_internal, body, created_at)"
    f" VALUES (21, 11, 1, 'internal_note', true, 'Reimaged on Tuesday', {MOMENT})",
    "INSERT INTO comments (id, ticket_id, author_id, kind, is_internal, body, created_at)"
    " VALUES (22, 12, 1, 'internal_note', true,"
    f" 'Moved off triage: the Huntress organization X is mapped to Y now.', {MOMENT})",
)
EDITED = (
    "INSERT INTO tickets (id, number, title, description, client_id, board_id, status_id,"
    " priority_id, source, connection_id, source_reference, created_at, updated_at,"
    " text_edited_by_person_at) VALUES (12, 'TKT-000012', 'Edited', :text, 8, 1, 1, 1, 'huntress',"
    " 1, '1', :now, :now, :now)"
)
BEFORE = "C:\\\\x \\*y\\* \\[a\\](https://evil.example)\n```\nC:\\\\x\n```\n\\_"
AFTER = "C:\\x *y* [a] (https://evil.example)\n```\nC:\\\\x\n```\n_"
"""A description that a person edited, with the escapes that a backslash made, and without."""


@pytest.fixture(params=["sqlite", "postgresql"])
def old_app(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[Flask]:
    """An app whose database is as the first migration left it, with a row of each kind."""
    url = None
    if request.param == "postgresql":
        server: PostgresServer = request.getfixturevalue("postgres_server")
        server.sql("CREATE DATABASE upgraded")
        url = server.url("upgraded")
    app = create_app(make_config(tmp_path, url))
    with app.app_context():
        flask_migrate.upgrade(revision=FIRST)
        with db.engine.begin() as connection:
            for statement in ROWS[:-1]:
                connection.execute(text(statement))
            connection.execute(text(EDITED), {"text": BEFORE, "now": "2026-06-09 12:00:00"})
            connection.execute(text(ROWS[-1]))
        yield app
        db.session.remove()
        db.engine.dispose()
    if request.param == "postgresql":
        server.sql("DROP DATABASE upgraded WITH (FORCE)")


def assert_as_the_models_say() -> None:
    assert find_missing_objects() == []
    assert schema_differences() == []


REPAIRED = "0010"
"""The migration that makes the index where it is missing."""


def drop_index() -> None:
    """As an earlier form of a migration had it, which left out the index of closed tickets."""
    with db.engine.begin() as connection:
        for name in ("ix_tickets_closed_created", "ix_tickets_closed_reported"):
            connection.execute(text(f"DROP INDEX IF EXISTS {name}"))


def test_every_way_up_ends_at_what_the_models_say(old_app: Flask) -> None:
    """Wherever it pauses: the index is missing when each migration up to its repair begins."""
    *earlier, last = reversed(list(ScriptDirectory(str(migrations_dir())).walk_revisions()))
    for one in earlier:
        flask_migrate.upgrade(revision=one.revision)
        if one.revision < REPAIRED:
            drop_index()
    flask_migrate.upgrade(revision=last.revision)
    assert_as_the_models_say()
    drop_index()
    assert find_missing_objects() == ["index ix_tickets_closed_reported"]


def test_what_was_there_is_still_there_and_can_be_found(old_app: Flask) -> None:
    flask_migrate.upgrade()
    assert_as_the_models_say()
    with reading() as session:
        ticket = session.get_one(Ticket, 11)
        assert (ticket.number, ticket.title) == ("TKT-000011", "Credentials dumped")
        assert (ticket.client.name, ticket.source_reference) == ("Northwind Dental", "1780150")
        assert (ticket.form_token, ticket.is_move_declined) == (None, False)
        assert session.get_one(Asset, 3).is_active
        mapping = session.get_one(OrganizationMapping, 5)
        assert (mapping.client_id, mapping.version, mapping.changed_by_id) == (7, 1, None)
        connection = session.get_one(Connection, 1)
        assert (connection.name, connection.paused_until) == ("Acme", None)
        alert, other = session.get_one(Alert, 31), session.get_one(Alert, 32)
        assert (alert.severity, alert.parsed_severity) == ("CRITICAL", "critical")
        assert (alert.status, alert.parsed_status) == ("deleted", "deleted"), "our own word stays"
        assert (other.severity, other.parsed_status, other.asset_id) == ("low", "sent", None)
        assert alert.asset_id == 3
        assert (mapping.gone_at, mapping.is_listed) == (None, False), "it was never listed"
        assert session.get_one(Ticket, 12).description == AFTER
        note, moved = session.get_one(Comment, 21), session.get_one(Comment, 22)
        assert (note.is_typed, moved.is_typed) == (True, False), "a machine wrote it for a person"
        for words in ("TKT-11", "credentials", "lsass", "northwind", "reimaged tuesday"):
            assert list(find_matches(session, words).ids) == [11], words
        assert not find_matches(session, "nothingatall").ids
