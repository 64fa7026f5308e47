"""How a database's schema differs from the models."""

from typing import Any

from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext

from webapp.extensions import Base, db
from webapp.models.ticket_search import is_search_table


def schema_differences() -> list[Any]:
    """What alembic would change to make the app's database what the models say; empty if nothing.

    The tables of the search index are left out: no model describes them.
    """
    options = {
        "compare_type": True,
        "include_name": lambda name, kind, _: kind != "table" or not is_search_table(name),
    }
    with db.engine.connect() as connection:
        context = MigrationContext.configure(connection, opts=options)
        return list(compare_metadata(context, Base.metadata))
