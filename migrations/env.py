"""Runs the numbered migrations in `versions/` against the app's database."""

from alembic import context
from flask import current_app

from webapp.models.ticket_search import is_search_table
from webapp.schema import OVER

database = current_app.extensions["migrate"].db


def run_migrations() -> None:
    """Upgrade over one connection; SQLite alters tables by copying them (batch mode).

    Foreign keys are off on SQLite meanwhile: a copied table is dropped under its old name. Over a
    connection that was handed over, everything happens in the transaction that it is in.
    """
    handed_over = context.config.attributes.get(OVER)
    if handed_over is not None:
        run_over(handed_over)
        return
    engine = database.engine
    with engine.connect() as connection:
        is_sqlite = engine.dialect.name == "sqlite"
        if is_sqlite:
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=OFF")
        run_over(connection)
        if is_sqlite:
            connection.commit()
            connection.connection.dbapi_connection.execute("PRAGMA foreign_keys=ON")


def run_over(connection):
    """Upgrade over this connection."""
    context.configure(
        connection=connection,
        target_metadata=database.metadata,
        render_as_batch=True,
        compare_type=True,
        compare_server_default=False,
        include_name=lambda name, kind, _parents: kind != "table" or not is_search_table(name),
    )
    with context.begin_transaction():
        context.run_migrations()


run_migrations()
