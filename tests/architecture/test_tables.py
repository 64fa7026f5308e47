"""The names that outside readers (reports, backups, other tools) rely on."""

import pytest

from webapp.extensions import Base
from webapp.models import Alert, Ticket

TABLES = (
    *("clients", "boards", "categories", "priorities", "statuses", "assets", "tickets"),
    *("comments", "ticket_assets", "users", "sessions", "connections", "organization_mappings"),
    *("alerts", "external_entity_mappings", "poll_runs", "inbox", "api_exchanges"),
    "audit_events",
)


@pytest.mark.parametrize("table", TABLES)
def test_the_table_exists(table):
    assert table in Base.metadata.tables


@pytest.mark.parametrize(
    ("model", "columns"),
    [
        (Alert, {"external_alert_id", "status", "severity", "ticket_id"}),
        (Ticket, {"source_reference", "title", "number"}),
    ],
)
def test_the_columns_exist(model, columns):
    assert columns <= set(model.__table__.columns.keys())


def test_identifiers_of_others_are_text():
    for column in (Alert.__table__.c.external_alert_id, Ticket.__table__.c.source_reference):
        assert column.type.python_type is str


def test_every_constraint_has_a_name():
    """Without one no later migration could change it."""
    nameless = [
        f"{table.name}: {constraint!r}"
        for table in Base.metadata.tables.values()
        for constraint in table.constraints
        if constraint.name is None
    ]
    assert not nameless
